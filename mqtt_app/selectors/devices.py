from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet

from mqtt_app.models import Device, LatestReading, Metric, MetricType, Reading, Site
from mqtt_app.selectors.visibility import Viewer

_COLUMNS = ("id", "metric", "value", "boolean", "text", "raw", "time", "received_at", "quality")


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """A metric of a device. `count` of all its readings; the times are of those at plausible times,
    None when there is none. `latest` is the newest of them.
    """

    name: str
    type: str
    latest: LatestReading | None
    label: str = ""
    unit: str = ""
    diagnostic: bool = False
    count: int = 0
    first_time: datetime | None = None
    last_time: datetime | None = None


def devices_of(site: Site) -> QuerySet[Device]:
    return with_metrics(Device.objects.filter(site=site).select_related("gateway"))


def devices_visible_to(viewer: Viewer) -> QuerySet[Device]:
    return viewer.narrow(Device.objects.all(), "site_id")


def with_metrics(devices: QuerySet[Device]) -> QuerySet[Device]:
    """And what `metrics_of` needs."""
    return devices.prefetch_related(
        Prefetch("latest", LatestReading.objects.order_by("metric")),
        Prefetch("metrics", Metric.objects.order_by("name")),
    )


def with_latest(devices: QuerySet[Device]) -> QuerySet[Device]:
    """And site, gateway, metrics and the newest value of each."""
    return with_metrics(devices.select_related("site", "gateway"))


def metrics_of(device: Device) -> list[MetricSummary]:
    """By name, measurements before what is about the device itself. Without a query when the device
    came `with_metrics`.
    """
    latest = {row.metric: row for row in device.latest.all()}
    known = {row.name: row for row in device.metrics.all()}
    found = [_summary(name, known.get(name), latest.get(name)) for name in {*latest, *known}]
    return sorted(found, key=lambda metric: (metric.diagnostic, metric.name))


def _summary(name: str, metric: Metric | None, latest: LatestReading | None) -> MetricSummary:
    """`metric` is missing of what was stored without the ingest, `latest` of what only came at
    times that cannot be right.
    """
    summary = MetricSummary(name=name, type=_type_of(latest), latest=latest)
    if latest:
        summary = replace(
            summary,
            count=latest.count,
            first_time=latest.first_time or latest.time,
            last_time=latest.time,
        )
    if metric:
        summary = replace(
            summary,
            label=metric.label,
            unit=metric.unit,
            type=metric.type,
            diagnostic=metric.diagnostic,
            count=summary.count + metric.implausible_count,
        )
    return summary


def _type_of(latest: LatestReading | None) -> str:
    if latest is None:
        shown = None
    else:
        shown = latest.shown
    if isinstance(shown, bool):
        return MetricType.BOOLEAN
    if isinstance(shown, float):
        return MetricType.NUMBER
    return MetricType.TEXT


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
