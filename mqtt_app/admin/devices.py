from typing import Any, TypeVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from mqtt_app.admin.access import NOBODY, ShownToAll
from mqtt_app.admin.base import GenericInline, SiteFilter, SiteRowAdmin, coloured, shortened
from mqtt_app.domain.access import Action
from mqtt_app.models import Device, DeviceAlias, DeviceStatus, Gateway, LatestReading, Metric
from mqtt_app.services import devices

KINDS = {
    DeviceStatus.ONLINE: "good",
    DeviceStatus.OFFLINE: "bad",
    DeviceStatus.UNKNOWN: "off",
    DeviceStatus.ASLEEP: "off",
}
SEEN = ("status_now", "status_reason", "status_since", "last_seen", "due_at", "created_at")
DESCRIBED = ("manufacturer", "model", "software", "address", "described_silence")
MERGED_AT_ONCE = 100  # devices of one action
Speaker = TypeVar("Speaker", Device, Gateway)


class SpeakerAdmin(SiteRowAdmin[Speaker]):
    """Gateways and devices: found by the system, named by people."""

    to_add = NOBODY
    to_change = (Action.ATTEND,)

    list_filter = ("status", ("retired_at", admin.EmptyFieldListFilter), SiteFilter)
    search_fields = ("identifier", "name", "manufacturer", "model", "address", "site__name")
    actions: Any = ("retire", "unretire")

    @admin.display(description="status", ordering="status")
    def status_now(self, row: Speaker) -> SafeString:
        status = DeviceStatus(row.status)
        return coloured(KINDS[status], str(status.label))

    @admin.action(description="Retire: no longer used", permissions=["change"])
    def retire(self, request: HttpRequest, queryset: QuerySet[Speaker]) -> None:
        if not self.refuses(request, queryset, Action.ATTEND):
            count = sum(devices.retire(row, timezone.now()) for row in queryset)
            self.message_user(request, f"{count} retired.", messages.SUCCESS)

    @admin.action(description="Bring back into use", permissions=["change"])
    def unretire(self, request: HttpRequest, queryset: QuerySet[Speaker]) -> None:
        if not self.refuses(request, queryset, Action.ATTEND):
            count = sum(devices.unretire(row, timezone.now()) for row in queryset)
            self.message_user(request, f"{count} brought back.", messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: Speaker, form: Any, change: bool) -> None:
        if form.changed_data:
            devices.save_device(obj, form.changed_data)


@admin.register(Gateway)
class GatewayAdmin(SpeakerAdmin[Gateway]):
    list_display = ("identifier", "name", "site", "status_now", "last_seen")
    list_select_related = ("site",)
    readonly_fields = ("site", "identifier", *DESCRIBED, *SEEN, "retired_at")
    fields = ("site", "identifier", "name", "silence_after", *DESCRIBED, *SEEN, "retired_at")


class LatestReadingInline(ShownToAll, GenericInline[LatestReading, Device]):
    model = LatestReading
    fields = ("metric", "shown_value", "time", "received_at", "quality")
    readonly_fields = fields
    extra = 0
    verbose_name_plural = "last values"

    @admin.display(description="value")
    def shown_value(self, row: LatestReading) -> str:
        return shortened(str(row.shown))


class MetricInline(ShownToAll, GenericInline[Metric, Device]):
    model = Metric
    fields = ("name", "label", "type", "unit", "diagnostic", "other_types", "other_units")
    readonly_fields = fields
    extra = 0


class DeviceAliasInline(ShownToAll, GenericInline[DeviceAlias, Device]):
    model = DeviceAlias
    fields = ("identifier",)
    readonly_fields = fields
    extra = 0
    verbose_name_plural = "other identifiers"


@admin.register(Device)
class DeviceAdmin(SpeakerAdmin[Device]):
    to_delete = (Action.ATTEND,)
    list_display = ("identifier", "name", "model", "site", "gateway", "status_now", "last_seen")
    list_select_related = ("site", "gateway")
    readonly_fields = (
        *("site", "identifier", "gateway"),
        *DESCRIBED,
        *SEEN,
        *("retired_at", "clock_skew", "clock_skew_at"),
    )
    fields = ("name", "silence_after", *readonly_fields)
    inlines = (LatestReadingInline, MetricInline, DeviceAliasInline)
    actions = ("retire", "unretire", "merge")

    @admin.action(description="Merge into the one that was heard last", permissions=["change"])
    def merge(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        if self.refuses(request, queryset, Action.ATTEND):
            return
        newest = F("last_seen").desc(nulls_last=True)
        target, *others = list(queryset.order_by(newest, "pk")[:MERGED_AT_ONCE])
        if not others:
            self.message_user(request, "Select at least two devices.", messages.ERROR)
            return
        try:
            with transaction.atomic():
                for source in others:
                    devices.merge(source, target)
        except devices.MergeError as error:
            self.message_user(request, f"Nothing was merged. {error}", messages.ERROR)
        else:
            self.message_user(request, f"{len(others)} merged into {target}.", messages.SUCCESS)

    def delete_model(self, request: HttpRequest, obj: Device) -> None:
        devices.delete_device(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        for device in queryset:
            devices.delete_device(device)
