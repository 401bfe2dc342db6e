"""Readings to rows: COPY into the table of readings."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec
from django.db import connection

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.times import is_plausible
from mqtt_app.models import Quality
from mqtt_app.services.ingest.devices import clocks
from mqtt_app.services.ingest.devices.directory import Directory
from mqtt_app.services.ingest.notices import Notice
from mqtt_app.services.ingest.parsing.facts import Parsed
from mqtt_app.services.ingest.readings.metrics import (
    FirstReading,
    changes,
    count_implausible,
    look_up,
)
from mqtt_app.services.ingest.readings.series import SeriesChanges, is_plain, is_said_twice
from mqtt_app.services.ingest.records import DeviceKey, KnownMetric, MetricKey
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import CopyRow, copy_rows, microseconds
from mqtt_app.services.postgres.statements import Query

_GOOD = int(Quality.GOOD)
_RETAINED = int(Quality.RETAINED)
_IMPLAUSIBLE = int(Quality.IMPLAUSIBLE_TIME)

_COPY = """
COPY mqtt_reading (device_id, metric, time, received_at, quality, value, boolean, text, raw)
FROM STDIN (FORMAT BINARY)
"""


class ReadingRows(msgspec.Struct, frozen=True):
    """`by_site`: their number by site id. `over_quota`: messages of devices for which their site
    has no room. `queries` about metrics and clocks; `notices` for the parsing log.
    """

    rows: list[CopyRow]
    by_site: Mapping[int, int]
    over_quota: list[Envelope]
    queries: list[Query]
    notices: list[Notice]


def rows_of(parsed: Sequence[Parsed], directory: Directory, run: Run) -> ReadingRows:
    metrics = _metrics_of(parsed, directory, run)
    batch = _Batch()
    by_site: defaultdict[int, int] = defaultdict(int)
    start = 0
    for found in parsed:
        before = len(batch.rows)
        end = start + len(found.readings)
        batch.add(found, metrics[start:end])
        start = end
        by_site[found.message.site_id] += len(batch.rows) - before
    over_quota = []
    if directory.is_full:
        over_quota = [found.message for found in parsed if _has_no_room(found, directory)]
    queries = [
        *changes(batch.changes.metrics.values()),
        *count_implausible(batch.implausible),
        *clocks.queries(batch.skews, directory, run),
    ]
    return ReadingRows(batch.rows, by_site, over_quota, queries, batch.changes.notices)


def _metrics_of(
    parsed: Sequence[Parsed], directory: Directory, run: Run
) -> list[KnownMetric | None]:
    """Of all readings, in their order; new ones made. None: the device could not be made."""
    keys: list[MetricKey | None] = []
    known: dict[MetricKey | None, KnownMetric | None] = {None: None}
    first: dict[MetricKey, FirstReading] = {}
    devices = directory.devices
    for found in parsed:
        site_id = found.message.site_id
        identifier = None
        device = None
        for fact in found.readings:
            if fact.device is not identifier:
                identifier = fact.device
                device = devices.get((site_id, identifier))
            if device is None:
                keys.append(None)
                continue
            key = (device.id, fact.metric)
            keys.append(key)
            if key in known or key in first:
                continue
            metric = run.memory.known_metric(key)
            if metric is None:
                first[key] = FirstReading(device, fact)
            else:
                known[key] = metric
    for key, metric in look_up(first.values(), run).items():
        known[key] = metric
    return [known[key] for key in keys]


def copy(rows: Sequence[CopyRow]) -> None:
    if not rows:
        return
    # Django wraps the errors of a cursor's own methods; those of a COPY that is under way are
    # psycopg's.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(copy_rows(rows))


class _Batch:
    """Rows, and what is to be written of their metrics and of the clocks of their devices."""

    def __init__(self) -> None:
        self.rows: list[CopyRow] = []
        self.changes = SeriesChanges()
        self.implausible: Counter[int] = Counter()
        self.skews: dict[DeviceKey, float] = {}

    def add(self, found: Parsed, metrics: Sequence[KnownMetric | None]) -> None:
        message = found.message
        received_at = message.received_at
        received = microseconds(received_at)
        last: float | None = None
        measured = ""
        at = received
        quality = _quality(message, received_at)
        for fact, metric in zip(found.readings, metrics, strict=True):
            if metric is None:
                continue
            value = fact.value
            if not is_plain(fact, metric):
                value = self.changes.value_of(fact, metric, found)
            if fact.time is not last:  # nearly always one time for all of a message
                last = fact.time
                time = received_at if last is None else last
                at = microseconds(time)
                quality = _quality(message, time)
                measured = ""
            if last is not None and fact.device is not measured:
                measured = fact.device
                self._measure(message, measured, last)
            if last is None and not message.retain and is_said_twice(value, metric, message):
                continue
            if quality == _IMPLAUSIBLE:
                self.implausible[metric.id] += 1
            self.rows.append(CopyRow(metric.device_id, fact.metric, at, received, quality, value))

    def _measure(self, message: Envelope, device: str, time: float) -> None:
        """How far the clock is off: by the newest reading of a live message."""
        if message.retain:
            return
        key = (message.site_id, device)
        skew = time - message.received_at
        known = self.skews.get(key)
        if known is None or skew > known:
            self.skews[key] = skew


def _has_no_room(found: Parsed, directory: Directory) -> bool:
    """All its readings are of devices that could not be made."""
    site_id = found.message.site_id
    return bool(found.readings) and all(
        (site_id, fact.device) not in directory.devices for fact in found.readings
    )


def _quality(message: Envelope, time: float) -> int:
    if not is_plausible(time, message.received_at):
        return _IMPLAUSIBLE
    if message.retain:
        return _RETAINED
    return _GOOD
