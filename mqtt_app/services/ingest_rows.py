"""Facts to rows: COPY into the readings, the newest value of each metric, and who was heard."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection

from mqtt_app.domain.messages import Envelope
from mqtt_app.domain.readings import Fact, Reading
from mqtt_app.domain.times import is_plausible
from mqtt_app.models import Quality
from mqtt_app.services.ingest_context import Context
from mqtt_app.services.ingest_devices import Directory, look_up
from mqtt_app.services.ingest_seen import Change, mark_seen

_COPY = "COPY mqtt_reading (device_id, metric, time, received_at, quality, value, boolean, text, raw) FROM STDIN"
_LATEST = """
INSERT INTO mqtt_latestreading AS l (device_id, metric, time, received_at, quality, value, boolean, text, raw)
SELECT v.* FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::int[], %s::float8[],
                       %s::bool[], %s::text[], %s::bytea[]) AS v
ON CONFLICT (device_id, metric) DO UPDATE SET
    time = excluded.time, received_at = excluded.received_at, quality = excluded.quality, value = excluded.value,
    boolean = excluded.boolean, text = excluded.text, raw = excluded.raw
WHERE (excluded.quality < l.quality) OR (excluded.quality = l.quality AND excluded.time >= l.time)
"""


class Parsed(msgspec.Struct, frozen=True):
    message: Envelope
    parser_name: str
    facts: tuple[Fact, ...]


class Written(msgspec.Struct, frozen=True):
    """`readings` by site id. `over_quota`: messages of devices for which the site has no room."""

    changes: list[Change]
    readings: dict[int, int]
    over_quota: list[Envelope]


class Row(msgspec.Struct, frozen=True, array_like=True):
    """The columns of mqtt_reading, in the order of the COPY."""

    device_id: int
    metric: str
    time: datetime
    received_at: datetime
    quality: int
    value: float | None
    boolean: bool | None
    text: str | None
    raw: bytes | None


def write(parsed: Sequence[Parsed], context: Context, now: datetime) -> Written:
    """A constant number of statements, whatever the number of messages."""
    facts = [(one.message, fact) for one in parsed for fact in one.facts]
    who = look_up([(message.site_id, fact) for message, fact in facts], context, now)
    rows = list(_rows(facts, who))
    if rows:
        _copy(rows)
        _keep_latest(rows)
    silence = {rules.site_id: rules.silence for rules in context.rules.values()}
    changes = mark_seen(facts, who, silence, now)
    readings: defaultdict[int, int] = defaultdict(int)
    for message, fact in facts:
        readings[message.site_id] += isinstance(fact, Reading) and (message.site_id, fact.device) in who.devices
    return Written(changes, dict(readings), [one.message for one in parsed if _homeless(one, who)])


def _homeless(one: Parsed, who: Directory) -> bool:
    """Everything that the message says is of devices that could not be made."""
    readings = [fact for fact in one.facts if isinstance(fact, Reading)]
    return bool(readings) and all((one.message.site_id, fact.device) not in who.devices for fact in readings)


def _rows(facts: Sequence[tuple[Envelope, Fact]], who: Directory) -> Iterator[Row]:
    for message, fact in facts:
        if isinstance(fact, Reading) and (device := who.devices.get((message.site_id, fact.device))) is not None:
            yield _row(device.id, message, fact)


def _row(device_id: int, message: Envelope, reading: Reading) -> Row:
    at = message.received_at if reading.time is None else reading.time
    value = reading.value
    return Row(
        device_id,
        reading.metric,
        datetime.fromtimestamp(at, UTC),
        datetime.fromtimestamp(message.received_at, UTC),
        _quality(message, at),
        float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        else None,
        value if isinstance(value, bool) else None,
        value if isinstance(value, str) else None,
        value if isinstance(value, bytes) else None,
    )


def _quality(message: Envelope, at: float) -> int:
    if not is_plausible(at, message.received_at):
        return Quality.IMPLAUSIBLE_TIME
    return Quality.RETAINED if message.retain else Quality.GOOD


def _copy(rows: Sequence[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(msgspec.structs.astuple(row))


def _keep_latest(rows: Sequence[Row]) -> None:
    """A good value gives way to a good one of the same time or later only; a retained one fills a gap."""
    newest: dict[tuple[int, str], Row] = {}
    for row in rows:
        key = (row.device_id, row.metric)
        if row.quality != Quality.IMPLAUSIBLE_TIME and (key not in newest or _supersedes(row, newest[key])):
            newest[key] = row
    if newest:
        columns: list[list[Any]] = [
            list(column) for column in zip(*map(msgspec.structs.astuple, _ordered(newest)), strict=True)
        ]
        with connection.cursor() as cursor:
            cursor.execute(_LATEST, columns)


def _ordered(newest: dict[tuple[int, str], Row]) -> list[Row]:
    return [newest[key] for key in sorted(newest)]


def _supersedes(row: Row, other: Row) -> bool:
    return row.quality < other.quality or (row.quality == other.quality and row.time >= other.time)
