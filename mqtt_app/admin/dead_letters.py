from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from mqtt_app.admin.access import NOBODY
from mqtt_app.admin.base import ReadOnlyAdmin, ReplayAdmin, SiteFilter, coloured, shortened
from mqtt_app.domain.access import Action
from mqtt_app.models import DeadLetter, ParserHealth
from mqtt_app.services.replay import schedule


@admin.register(DeadLetter)
class DeadLetterAdmin(ReplayAdmin[DeadLetter]):
    list_display = (
        "created_at",
        "site",
        "short_topic",
        "parser_name",
        "reason",
        "state",
        "tries",
        "received_at",
    )
    list_filter = (SiteFilter, "reason", "state", "created_at")
    list_select_related = ("site",)
    search_fields = ("topic", "parser_name", "error")
    fields = (
        "site",
        "topic",
        "parser_name",
        "reason",
        "error",
        "state",
        "tries",
        "qos",
        "retain",
        "received_at",
        "created_at",
        "payload_text",
    )
    readonly_fields = fields
    actions = ("replay",)
    to_delete = NOBODY  # the accounting counts them

    @admin.display(description="topic")
    def short_topic(self, row: DeadLetter) -> str:
        return shortened(row.topic)

    @admin.display(description="payload")
    def payload_text(self, row: DeadLetter) -> str:
        return shortened(bytes(row.payload).decode(errors="backslashreplace"), 5_000)

    @admin.action(description="Replay (what fails then, rests again)", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        if self.refuses(request, queryset, Action.ATTEND):
            return
        number = schedule.replay(queryset.values_list("pk", flat=True))
        self.message_user(
            request, f"{number:,} dead letters are replayed within seconds.", messages.SUCCESS
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
