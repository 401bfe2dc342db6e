"""One device's page: what it is, its metrics with their last day, and what its chart may show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mqtt_app.dashboard.badges import DEVICES, Badge
from mqtt_app.dashboard.sparkline import points
from mqtt_app.domain.access import Action
from mqtt_app.domain.readings.buckets import BucketPlan, plan
from mqtt_app.models import Device, MetricType
from mqtt_app.selectors.buckets import buckets_of
from mqtt_app.selectors.devices import MetricSummary, metrics_of, with_latest
from mqtt_app.selectors.visibility import Viewer

SPARKLINES = 24  # metrics that have one; a device may have thousands
MOST_METRICS = 200  # rows of the table
RANGES = (
    (3_600, "1 h"),
    (21_600, "6 h"),
    (86_400, "1 day"),
    (604_800, "7 days"),
    (2_592_000, "30 days"),
    (31_536_000, "1 year"),
)
"""Seconds that the chart may show, and how the button is called."""
CHARTED = frozenset((MetricType.NUMBER, MetricType.BOOLEAN))
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MetricRow:
    """`lines`: of the last 24 hours, an hour a point. `is_charted`: the chart may show it."""

    metric: MetricSummary
    lines: list[str]
    is_charted: bool


@dataclass(frozen=True, slots=True)
class DevicePageView:
    """Everything the page shows. `hidden`: metrics that the table leaves out. `shown_range`: seconds
    that the chart shows first.
    """

    device: Device
    badge: Badge
    rows: list[MetricRow]
    hidden: int
    aliases: list[str]
    may_attend: bool
    shown_range: int
    ranges: tuple[tuple[int, str], ...] = RANGES

    @property
    def charted(self) -> list[MetricSummary]:
        return [row.metric for row in self.rows if row.is_charted]


def device_view(viewer: Viewer, pk: int, now: datetime) -> DevicePageView | None:
    """None for a device that is not there, or that the viewer may not see."""
    visible = viewer.narrow(Device.objects.filter(pk=pk), "site_id")
    device = with_latest(visible).first()
    if device is None:
        return None
    metrics = metrics_of(device)
    shown = metrics[:MOST_METRICS]
    lines = _sparklines(device, shown, now)
    rows = [MetricRow(metric, lines.get(metric.name, []), _is_charted(metric)) for metric in shown]
    return DevicePageView(
        device=device,
        badge=DEVICES[device.status],
        rows=rows,
        hidden=len(metrics) - len(shown),
        aliases=list(device.aliases.values_list("identifier", flat=True)),
        may_attend=viewer.may(Action.ATTEND, device.site_id),
        shown_range=_first_range(now - device.created_at),
    )


def _first_range(known: timedelta) -> int:
    """Seconds. A day, but for a device that would fill a corner of it only."""
    if known < DAY / 4:
        return RANGES[0][0]
    return RANGES[2][0]


def _is_charted(metric: MetricSummary) -> bool:
    return metric.type in CHARTED and metric.latest is not None


def _sparklines(
    device: Device, metrics: Sequence[MetricSummary], now: datetime
) -> dict[str, list[str]]:
    """By name of the metric, of those whose line says something."""
    names = frozenset([metric.name for metric in metrics if _is_charted(metric)][:SPARKLINES])
    rows = [row for row in device.metrics.all() if row.name in names]
    day = plan("1h", now - DAY, now, now)
    found: dict[str, dict[datetime, float | None]] = {}
    for bucket in buckets_of(device, rows, day):
        found.setdefault(bucket.metric, {})[bucket.time] = bucket.avg
    hours = _hours(day)
    return {name: points([values.get(hour) for hour in hours]) for name, values in found.items()}


def _hours(day: BucketPlan) -> list[datetime]:
    count = int((day.end - day.start).total_seconds()) // day.seconds
    return [day.start + timedelta(seconds=number * day.seconds) for number in range(count)]
