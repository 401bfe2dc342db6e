from django.contrib import admin

from mqtt_app.admin.base import InstanceRowAdmin
from mqtt_app.models import BatchReceipt


@admin.register(BatchReceipt)
class BatchReceiptAdmin(InstanceRowAdmin[BatchReceipt]):
    list_display = ("created_at", "id", "instance", "messages")
    list_filter = ("created_at",)
    search_fields = ("instance",)
    ordering = ("-created_at",)
