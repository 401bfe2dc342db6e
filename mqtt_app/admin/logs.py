import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mqtt_app.admin.base import ConnectionSiteFilter, ReadOnlyAdmin, SiteFilter, coloured, shortened
from mqtt_app.models import LogLevel, MqttConnectionLog, MqttParsingLog
from mqtt_app.selectors.disclosure import TELLING, conceal_log, sees_failures

KINDS = {
    LogLevel.DEBUG: "off",
    LogLevel.INFO: "good",
    LogLevel.WARNING: "busy",
    LogLevel.ERROR: "bad",
    LogLevel.CRITICAL: "bad",
}


def preformatted(text: str) -> SafeString:
    """Escaped by format_html: whatever a broker sent is text here, never markup."""
    return format_html('<pre style="white-space:pre-wrap;margin:0">{}</pre>', text)


@admin.register(MqttConnectionLog)
class MqttConnectionLogAdmin(ReadOnlyAdmin[MqttConnectionLog]):
    list_display = (
        "timestamp",
        "level_word",
        "site",
        "short_message",
        "broker_host",
        "retry_attempt",
    )
    list_display_links = ("timestamp", "short_message")
    list_filter = ("level", "timestamp", ConnectionSiteFilter)
    list_select_related = ("connection__site",)
    site_path = "connection__site_id"
    search_fields = ("message", "broker_host", "exception_type", "connection__site__name")
    fields = (
        "timestamp",
        "level",
        "connection",
        "broker_host",
        "retry_attempt",
        "message",
        "exception_type",
        "traceback",
    )
    readonly_fields = fields

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> MqttConnectionLog | None:
        row = super().get_object(request, object_id, from_field)
        if row is not None and not sees_failures(request.user):
            conceal_log(row)
        return row

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        page = super().get_changelist_instance(request)
        page.result_list = list(page.result_list)
        for row in () if sees_failures(request.user) else page.result_list:
            conceal_log(row)
        return page

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[MqttConnectionLog], search_term: str
    ) -> tuple[QuerySet[MqttConnectionLog], bool]:
        """A search in words that are not shown would give them away."""
        if search_term and not sees_failures(request.user):
            queryset = queryset.exclude(TELLING)
        return super().get_search_results(request, queryset, search_term)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        telling = lookup.startswith(("message", "exception_"))
        return (sees_failures(request.user) or not telling) and super().lookup_allowed(
            lookup, value, request
        )

    @admin.display(description="level", ordering="level")
    def level_word(self, row: MqttConnectionLog) -> SafeString:
        return coloured(KINDS[LogLevel(row.level)], row.level)

    @admin.display(description="site", ordering="connection__site__name")
    def site(self, row: MqttConnectionLog) -> str:
        return row.connection.site.name

    @admin.display(description="message")
    def short_message(self, row: MqttConnectionLog) -> str:
        return shortened(row.message)

    @admin.display(description="traceback")
    def traceback(self, row: MqttConnectionLog) -> SafeString:
        return preformatted(row.exception_traceback)


@admin.register(MqttParsingLog)
class MqttParsingLogAdmin(ReadOnlyAdmin[MqttParsingLog]):
    list_display = (
        "timestamp",
        "error_type",
        "site",
        "short_topic",
        "parser_name",
        "short_message",
    )
    list_display_links = ("timestamp", "short_topic")
    list_filter = ("error_type", "timestamp", SiteFilter)
    list_select_related = ("site",)
    search_fields = ("topic", "error_message", "parser_name", "site__name")
    fields = (
        "timestamp",
        "error_type",
        "site",
        "topic",
        "parser_name",
        "error_message",
        "payload",
        "exception_type",
        "traceback",
    )
    readonly_fields = fields

    @admin.display(description="topic")
    def short_topic(self, row: MqttParsingLog) -> str:
        return shortened(row.topic)

    @admin.display(description="error")
    def short_message(self, row: MqttParsingLog) -> str:
        return shortened(row.error_message)

    @admin.display(description="payload sample")
    def payload(self, row: MqttParsingLog) -> SafeString:
        return preformatted(json.dumps(row.payload_sample, indent=2, ensure_ascii=False))

    @admin.display(description="traceback")
    def traceback(self, row: MqttParsingLog) -> SafeString:
        return preformatted(row.exception_traceback)
