"""Readings of a device by buckets of time, summed up by PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from mqtt_app.domain.readings.buckets import LARGEST_TERM, ORIGIN, BucketPlan, BucketSource
from mqtt_app.models import Device, Metric, MetricType, Quality, RollupProgress

# Readings that are stored and not rolled up yet are of the last minutes, but for those that come
# late: these are seen with the next rollup.
_NOT_YET = timedelta(minutes=15)

_ROLLED = """
    SELECT start AS time, metric_id, count, numbers, sum, min, max, first_time, first, first_text,
        last_time, last, last_text
    FROM mqtt_rollup
    WHERE metric_id = ANY(%(metrics)s) AND hours = %(hours)s
        AND start >= %(start)s AND start < %(end)s
"""
_SINGLE = f"""
    SELECT r.time, m.id AS metric_id, 1 AS count, num_nonnulls(r.value, r.boolean) AS numbers,
        CASE WHEN n.number IS NULL THEN 0
            ELSE greatest(least(n.number, {LARGEST_TERM}), -{LARGEST_TERM}) END AS sum,
        n.number AS min, n.number AS max, r.time AS first_time, n.number AS first, r.text AS first_text,
        r.time AS last_time, n.number AS last, r.text AS last_text
    FROM mqtt_reading r JOIN mqtt_metric m ON m.device_id = r.device_id AND m.name = r.metric,
        LATERAL (SELECT coalesce(r.value, r.boolean::int::float8) AS number) n
    WHERE r.device_id = %(device)s AND m.id = ANY(%(metrics)s) AND r.id > %(after)s
        AND r.quality < %(implausible)s AND r.time >= %(from_single)s AND r.time < %(end)s
"""
_BUCKETS = """
SELECT metric_id, date_bin(make_interval(secs => %(seconds)s), time, %(origin)s) AS bucket,
    sum(count)::bigint, CASE WHEN sum(numbers) > 0 THEN sum(sum) / sum(numbers) END,
    CASE WHEN sum(numbers) > 0 THEN sum(sum) END, min(min), max(max),
    (array_agg(first ORDER BY first_time))[1], (array_agg(first_text ORDER BY first_time))[1],
    (array_agg(last ORDER BY last_time DESC))[1],
    (array_agg(last_text ORDER BY last_time DESC))[1]
FROM ({parts}) AS part
GROUP BY 1, 2 ORDER BY 2 DESC, 1
"""
_HOURS = {BucketSource.HOURS: 1, BucketSource.DAYS: 24}


@dataclass(frozen=True, slots=True)
class Bucket:
    """`time`: where it begins. Numbers are None where the metric has none in it."""

    metric: str
    time: datetime
    count: int
    avg: float | None
    sum: float | None
    min: float | None
    max: float | None
    first: float | bool | str | None
    last: float | bool | str | None


class _BucketRow(NamedTuple):
    """As the statement gives it."""

    metric_id: int
    time: datetime
    number: int
    avg: float | None
    sum: float | None
    min: float | None
    max: float | None
    first: float | None
    first_text: str | None
    last: float | None
    last_text: str | None


def metrics_named(device: Device, names: Sequence[str], most: int) -> list[Metric]:
    """By name; all where none is named, `most` of them. Unknown names are left out."""
    found = Metric.objects.filter(device=device).order_by("name")
    if names:
        found = found.filter(name__in=names)
    return list(found[:most])


def buckets_of(device: Device, metrics: Sequence[Metric], made: BucketPlan) -> list[Bucket]:
    """The newest first, those of one time by metric. Buckets without a reading are not there."""
    if not metrics:
        return []
    progress = RollupProgress.objects.first()
    if made.source is BucketSource.READINGS or progress is None:
        parts = _SINGLE
        after = 0
        from_single = made.start
    else:
        parts = f"{_ROLLED} UNION ALL {_SINGLE}"
        after = progress.done_id
        from_single = max(made.start, progress.looked_at - _NOT_YET)
    values: dict[str, Any] = {
        "device": device.pk,
        "metrics": [metric.pk for metric in metrics],
        "hours": _HOURS.get(made.source, 0),
        "start": made.start,
        "end": made.end,
        "after": after,
        "from_single": from_single,
        "implausible": int(Quality.IMPLAUSIBLE_TIME),
        "seconds": made.seconds,
        "origin": ORIGIN,
    }
    known = {metric.pk: metric for metric in metrics}
    with connection.cursor() as cursor:
        cursor.execute(_BUCKETS.format(parts=parts), values)
        rows = [_BucketRow(*row) for row in cursor.fetchall()]
    return [_bucket(known[row.metric_id], row) for row in rows]


def _bucket(metric: Metric, row: _BucketRow) -> Bucket:
    return Bucket(
        metric=metric.name,
        time=row.time,
        count=row.number,
        avg=row.avg,
        sum=row.sum,
        min=row.min,
        max=row.max,
        first=_shown(metric, row.first, row.first_text),
        last=_shown(metric, row.last, row.last_text),
    )


def _shown(metric: Metric, number: float | None, text: str | None) -> float | bool | str | None:
    if number is None:
        return text
    # A boolean series that once had a number in it shows that number.
    if metric.type == MetricType.BOOLEAN and number in (0.0, 1.0):
        return bool(number)
    return number
