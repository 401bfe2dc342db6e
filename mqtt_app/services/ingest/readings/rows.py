"""Facts to rows: COPY into the readings, the newest value of each metric, and who was heard."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import Fact, ReadingFact
from mqtt_app.domain.ingest.times import is_plausible
from mqtt_app.models import Quality
from mqtt_app.services.ingest.admission.claim import Admission
from mqtt_app.services.ingest.devices.directory import Directory, look_up
from mqtt_app.services.ingest.devices.presence import mark_seen
from mqtt_app.services.postgres.columns import (
    Row,
    blobs,
    booleans,
    copy_rows,
    microseconds,
    numbers,
    texts,
)
from mqtt_app.services.postgres.statements import Later

GOOD, RETAINED, IMPLAUSIBLE = (
    int(Quality.GOOD),
    int(Quality.RETAINED),
    int(Quality.IMPLAUSIBLE_TIME),
)
_NUMERIC = (float, int)

_COPY = """
COPY mqtt_reading (device_id, metric, time, received_at, quality, value, boolean, text, raw) FROM STDIN (FORMAT BINARY)
"""
_LATEST = """
INSERT INTO mqtt_latestreading AS l (device_id, metric, time, received_at, quality, value, boolean, text, raw)
SELECT v.device_id, v.metric, to_timestamp(v.time / 1e6::float8), to_timestamp(v.received_at / 1e6::float8), v.quality,
       v.value, v.boolean, v.text, v.raw
FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::smallint[], %s::float8[], %s::bool[], %s::text[],
            %s::bytea[]) AS v(device_id, metric, time, received_at, quality, value, boolean, text, raw)
ON CONFLICT (device_id, metric) DO UPDATE SET
    time = excluded.time, received_at = excluded.received_at, quality = excluded.quality, value = excluded.value,
    boolean = excluded.boolean, text = excluded.text, raw = excluded.raw
WHERE (excluded.quality < l.quality) OR (excluded.quality = l.quality AND excluded.time >= l.time)
"""


class Parsed(msgspec.Struct, frozen=True):
    message: Envelope
    parser_name: str
    facts: tuple[Fact, ...]


class WrittenReadings(msgspec.Struct, frozen=True):
    """`readings` by site id. `over_quota`: messages of devices for which the site has no room."""

    readings: dict[int, int]
    over_quota: list[Envelope]


def write(parsed: Sequence[Parsed], context: Admission, now: datetime) -> WrittenReadings:
    """A constant number of statements, whatever the number of messages."""
    spoken = _spoken(parsed)
    who = look_up(spoken, context, now)
    rows, readings = _rows(parsed, who)
    if rows:
        _copy(rows)
        _keep_latest(rows, context.later)
    mark_seen(spoken, who, context, now)
    over_quota = [one.message for one in parsed if _homeless(one, who)] if who.is_full else []
    return WrittenReadings(readings, over_quota)


def _spoken(parsed: Sequence[Parsed]) -> list[tuple[Envelope, Fact]]:
    """Who speaks in each message: of many readings of one device in a row, the first stands for
    all.
    """
    spoken: list[tuple[Envelope, Fact]] = []
    for one in parsed:
        last: ReadingFact | None = None
        for fact in one.facts:
            if isinstance(fact, ReadingFact):
                if last is not None and fact.device == last.device and fact.gateway == last.gateway:
                    continue
                last = fact
            spoken.append((one.message, fact))
    return spoken


def _homeless(one: Parsed, who: Directory) -> bool:
    """Everything that the message says is of devices that could not be made."""
    readings = [fact for fact in one.facts if isinstance(fact, ReadingFact)]
    return bool(readings) and all(
        (one.message.site_id, fact.device) not in who.devices for fact in readings
    )


def _rows(parsed: Sequence[Parsed], who: Directory) -> tuple[list[Row], dict[int, int]]:
    """The rows, and their number by site id."""
    rows: list[Row] = []
    readings: defaultdict[int, int] = defaultdict(int)
    for one in parsed:
        message, before = one.message, len(rows)
        site_id, received_at, received = (
            message.site_id,
            message.received_at,
            microseconds(message.received_at),
        )
        for fact in one.facts:
            if (
                isinstance(fact, ReadingFact)
                and (device := who.devices.get((site_id, fact.device))) is not None
            ):
                at = received_at if fact.time is None else fact.time
                quality = _quality(message, at)
                rows.append(
                    (device.id, fact.metric, microseconds(at), received, quality, fact.value)
                )
        readings[site_id] += len(rows) - before
    return rows, dict(readings)


def _quality(message: Envelope, at: float) -> int:
    if not is_plausible(at, message.received_at):
        return IMPLAUSIBLE
    return RETAINED if message.retain else GOOD


def _copy(rows: Sequence[Row]) -> None:
    # Django wraps the errors of a cursor's own methods; those of a COPY that is under way are
    # psycopg's.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(copy_rows(rows))


def _keep_latest(rows: Sequence[Row], later: Later) -> None:
    """A good value gives way to a good one of the same time or later only; a retained one fills a
    gap.
    """
    newest: dict[tuple[int, str], Row] = {}
    for row in rows:
        if row[4] != IMPLAUSIBLE:
            key = row[:2]
            other = newest.get(key)
            if other is None or _supersedes(row, other):
                newest[key] = row
    if newest:
        rows = [newest[key] for key in sorted(newest)]
        devices, metrics, *times_and_quality, values = zip(*rows, strict=True)
        columns = [
            numbers(devices),
            texts(metrics),
            *map(numbers, times_and_quality),
            *_by_type(values),
        ]
        later.add(_LATEST, columns)


def _by_type(values: Sequence[Any]) -> Iterator[str]:
    """The four value columns; each value is in one of them."""
    yield numbers(value if type(value) in _NUMERIC else None for value in values)
    yield booleans(value if type(value) is bool else None for value in values)
    yield texts(value if type(value) is str else None for value in values)
    yield blobs(value if type(value) is bytes else None for value in values)


def _supersedes(row: Row, other: Row) -> bool:
    """By quality first, then by time."""
    return row[4] < other[4] or (row[4] == other[4] and row[2] >= other[2])
