from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from mqtt_app.admin.base import InstanceRowAdmin, ParseAgainAdmin, SiteFilter, shortened
from mqtt_app.domain.access import Action
from mqtt_app.models import BatchReceipt, QuarantinedMessage
from mqtt_app.services.dead_letters import unparsed


@admin.register(QuarantinedMessage)
class QuarantinedMessageAdmin(ParseAgainAdmin[QuarantinedMessage]):
    list_display = ("created_at", "site", "short_topic", "reason", "received_at")
    list_filter = (SiteFilter, "created_at")
    list_select_related = ("site",)
    search_fields = ("topic", "reason")
    fields = ("site", "topic", "qos", "received_at", "reason", "created_at", "payload_text")
    readonly_fields = fields
    actions = ("parse_again",)

    @admin.action(
        description="Parse again (what kills its parser then, is put aside again)",
        permissions=["parse"],
    )
    def parse_again(self, request: HttpRequest, queryset: QuerySet[QuarantinedMessage]) -> None:
        if self.refuses(request, queryset, Action.ATTEND):
            return
        number = unparsed.parse_again(queryset.values_list("pk", flat=True), timezone.now())
        self.message_user(
            request, f"{number:,} messages are parsed again within seconds.", messages.SUCCESS
        )

    @admin.display(description="topic")
    def short_topic(self, row: QuarantinedMessage) -> str:
        return shortened(row.topic)

    @admin.display(description="payload")
    def payload_text(self, row: QuarantinedMessage) -> str:
        return shortened(bytes(row.payload).decode(errors="backslashreplace"), 5_000)


@admin.register(BatchReceipt)
class BatchReceiptAdmin(InstanceRowAdmin[BatchReceipt]):
    list_display = ("created_at", "id", "instance", "messages")
    list_filter = ("created_at",)
    search_fields = ("instance",)
    ordering = ("-created_at",)
