from django.contrib import admin

from mqtt_app.admin.base import ReadOnlyAdmin, SiteFilter, shortened
from mqtt_app.models import BatchReceipt, QuarantinedMessage


@admin.register(QuarantinedMessage)
class QuarantinedMessageAdmin(ReadOnlyAdmin[QuarantinedMessage]):
    list_display = ("created_at", "site", "short_topic", "reason", "received_at")
    list_filter = (SiteFilter, "created_at")
    list_select_related = ("site",)
    search_fields = ("topic", "reason")
    fields = ("site", "topic", "qos", "received_at", "reason", "created_at", "payload_text")
    readonly_fields = fields

    @admin.display(description="topic")
    def short_topic(self, row: QuarantinedMessage) -> str:
        return shortened(row.topic)

    @admin.display(description="payload")
    def payload_text(self, row: QuarantinedMessage) -> str:
        return shortened(bytes(row.payload).decode(errors="backslashreplace"), 5_000)


@admin.register(BatchReceipt)
class BatchReceiptAdmin(ReadOnlyAdmin[BatchReceipt]):
    list_display = ("created_at", "id", "instance", "messages")
    list_filter = ("created_at",)
    search_fields = ("instance",)
    ordering = ("-created_at",)
