from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from mqtt_app.admin.access import NOBODY
from mqtt_app.admin.base import ParseAgainAdmin, ReadOnlyAdmin, SiteFilter, coloured, shortened
from mqtt_app.domain.access import Action
from mqtt_app.models import KeptMessage, ParserHealth
from mqtt_app.services.replay import schedule


@admin.register(KeptMessage)
class KeptMessageAdmin(ParseAgainAdmin[KeptMessage]):
    list_display = (
        "created_at",
        "site",
        "short_topic",
        "parser_name",
        "state",
        "tries",
        "received_at",
    )
    list_filter = (SiteFilter, "state", "created_at")
    list_select_related = ("site",)
    search_fields = ("topic", "parser_name")
    fields = (
        "site",
        "topic",
        "parser_name",
        "state",
        "tries",
        "error",
        "qos",
        "retain",
        "received_at",
        "created_at",
        "payload_text",
    )
    readonly_fields = fields
    actions = ("parse_again",)
    to_delete = NOBODY  # the books count them

    @admin.display(description="topic")
    def short_topic(self, row: KeptMessage) -> str:
        return shortened(row.topic)

    @admin.display(description="payload")
    def payload_text(self, row: KeptMessage) -> str:
        return shortened(bytes(row.payload).decode(errors="backslashreplace"), 5_000)

    @admin.action(description="Parse again (what fails then, is failed)", permissions=["parse"])
    def parse_again(self, request: HttpRequest, queryset: QuerySet[KeptMessage]) -> None:
        if self.refuses(request, queryset, Action.ATTEND):
            return
        number = schedule.parse_again(queryset.values_list("pk", flat=True))
        self.message_user(
            request, f"{number:,} messages are parsed again within seconds.", messages.SUCCESS
        )


@admin.register(ParserHealth)
class ParserHealthAdmin(ReadOnlyAdmin[ParserHealth]):
    list_display = ("parser_name", "site", "working", "paused_since", "resumed_at", "reason")
    list_filter = (SiteFilter, "parser_name")
    list_select_related = ("site",)
    search_fields = ("parser_name", "site__name")
    ordering = ("-paused_since",)
    to_delete = NOBODY

    @admin.display(description="health")
    def working(self, row: ParserHealth) -> SafeString:
        if row.is_paused:
            return coloured("bad", "paused")
        return coloured("good", "works")
