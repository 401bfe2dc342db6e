"""Readings written as ingest does, and what the sums of them must be."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mqtt_app.models import Device, Metric, MetricType, Quality, Reading, Rollup
from mqtt_app.services.rollups.roll_up import roll_up
from tests.integration.api.client import connected_site

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def device(identifier: str = "dev-1", site_name: str = "Lab") -> Device:
    return Device.objects.create(site=connected_site(site_name), identifier=identifier)


def metric(of: Device, name: str = "t", kind: str = MetricType.NUMBER) -> Metric:
    found, _ = Metric.objects.get_or_create(device=of, name=name, defaults={"type": kind})
    return found


def store(of: Device, seconds: float, value: Any, name: str = "t", **columns: Any) -> None:
    """`seconds` after noon by the device's clock."""
    kind = "value"
    if isinstance(value, bool):
        kind = "boolean"
    elif isinstance(value, str):
        kind = "text"
    metric(of, name)
    time = NOON + timedelta(seconds=seconds)
    values = {kind: value, "received_at": time, "quality": Quality.GOOD} | columns
    Reading.objects.create(device=of, metric=name, time=time, **values)


def roll_up_all(now: datetime = NOON) -> None:
    for _ in range(20):
        if not roll_up(now):
            return
    raise AssertionError("it does not come to an end")


def sums(of: Device, hours: int = 1, name: str = "t") -> list[tuple[Any, ...]]:
    """(hour of the day, count, numbers, sum, min, max, first, last) by time."""
    rows = Rollup.objects.filter(metric_id=metric(of, name).pk, hours=hours).order_by("start")
    return [
        (
            row.start.hour,
            row.count,
            row.numbers,
            row.sum,
            row.min,
            row.max,
            row.first if row.first_text is None else row.first_text,
            row.last if row.last_text is None else row.last_text,
        )
        for row in rows
    ]
