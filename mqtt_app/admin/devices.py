from typing import Any, TypeVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from mqtt_app.admin.access import NOBODY, ShownToAll
from mqtt_app.admin.base import GenericInline, SiteFilter, SiteRowAdmin, coloured, shortened
from mqtt_app.domain.access import Action
from mqtt_app.models import Device, DeviceStatus, Gateway, LatestReading
from mqtt_app.services.devices import save_device

KINDS = {DeviceStatus.ONLINE: "good", DeviceStatus.OFFLINE: "bad", DeviceStatus.UNKNOWN: "off"}
SEEN = ("status_now", "status_reason", "status_since", "last_seen", "due_at", "created_at")
Speaker = TypeVar("Speaker", Device, Gateway)


class SpeakerAdmin(SiteRowAdmin[Speaker]):
    """Gateways and devices: found by the system, named by people."""

    to_add = NOBODY
    to_change = (Action.ATTEND,)

    list_filter = ("status", SiteFilter)
    search_fields = ("identifier", "name", "site__name")

    @admin.display(description="status", ordering="status")
    def status_now(self, row: Speaker) -> SafeString:
        status = DeviceStatus(row.status)
        return coloured(KINDS[status], str(status.label))

    def save_model(self, request: HttpRequest, obj: Speaker, form: Any, change: bool) -> None:
        if form.changed_data:
            save_device(obj, form.changed_data)


@admin.register(Gateway)
class GatewayAdmin(SpeakerAdmin[Gateway]):
    list_display = ("identifier", "name", "site", "status_now", "last_seen")
    list_select_related = ("site",)
    fields = ("site", "identifier", "name", "silence_after", *SEEN)
    readonly_fields = ("site", "identifier", *SEEN)


class LatestReadingInline(ShownToAll, GenericInline[LatestReading, Device]):
    model = LatestReading
    fields = ("metric", "shown_value", "time", "received_at", "quality")
    readonly_fields = fields
    extra = 0
    verbose_name_plural = "last values"

    @admin.display(description="value")
    def shown_value(self, row: LatestReading) -> str:
        return shortened(str(row.shown))


@admin.register(Device)
class DeviceAdmin(SpeakerAdmin[Device]):
    list_display = ("identifier", "name", "site", "gateway", "status_now", "last_seen")
    list_select_related = ("site", "gateway")
    fields = ("site", "identifier", "gateway", "name", "silence_after", *SEEN)
    readonly_fields = ("site", "identifier", "gateway", *SEEN)
    inlines = (LatestReadingInline,)
