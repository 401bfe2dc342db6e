from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from mqtt_app.models import Device, Reading, Site
from mqtt_app.selectors.visibility import Viewer

_COLUMNS = ("id", "metric", "value", "boolean", "text", "raw", "time", "received_at", "quality")


def devices_of(site: Site) -> QuerySet[Device]:
    return Device.objects.filter(site=site).select_related("gateway")


def devices_visible_to(viewer: Viewer) -> QuerySet[Device]:
    return viewer.narrow(Device.objects.all(), "site_id")


def with_latest(devices: QuerySet[Device]) -> QuerySet[Device]:
    """And site, gateway and the newest value of each metric."""
    return devices.select_related("site", "gateway").prefetch_related("latest")


def readings_of(
    device: Device, *, metric: str = "", start: datetime | None = None, end: datetime | None = None
) -> QuerySet[Reading, Any]:
    """By the device's time, both ends inclusive; a bound lets PostgreSQL leave out whole months.

    Named tuples: thousands of them are read for one chart, and a model would take longer than its
    row.
    """
    found = Reading.objects.filter(device=device)
    if metric:
        found = found.filter(metric=metric)
    if start is not None:
        found = found.filter(time__gte=start)
    if end is not None:
        found = found.filter(time__lte=end)
    return found.values_list(*_COLUMNS, named=True)
