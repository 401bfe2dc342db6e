"""The newest value of each metric of each device."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from mqtt_app.models import Quality
from mqtt_app.services.postgres.columns import CopyRow, blobs, booleans, numbers, texts
from mqtt_app.services.postgres.statements import Query

_IMPLAUSIBLE = int(Quality.IMPLAUSIBLE_TIME)
_NUMERIC = (float, int)
_NEVER = 2**63  # microseconds; after every time

_VALUES = ("time", "received_at", "quality", "value", "boolean", "text", "raw")
_IS_NEWER = """(excluded.quality < l.quality
    OR (excluded.quality = l.quality AND excluded.time >= l.time))"""
_NEWER = ", ".join(
    f"{column} = CASE WHEN {_IS_NEWER} THEN excluded.{column} ELSE l.{column} END"
    for column in _VALUES
)
_LATEST = f"""
INSERT INTO mqtt_latestreading AS l
    (device_id, metric, time, received_at, quality, value, boolean, text, raw, count, first_time)
SELECT v.device_id, v.metric, to_timestamp(v.time / 1e6::float8),
    to_timestamp(v.received_at / 1e6::float8), v.quality, v.value, v.boolean, v.text, v.raw,
    v.count, to_timestamp(v.first / 1e6::float8)
FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::smallint[], %s::float8[],
    %s::bool[], %s::text[], %s::bytea[], %s::bigint[], %s::bigint[])
    AS v(device_id, metric, time, received_at, quality, value, boolean, text, raw, count, first)
ON CONFLICT (device_id, metric) DO UPDATE SET {_NEWER}, count = l.count + excluded.count,
    first_time = LEAST(l.first_time, excluded.first_time)
"""


def keep_latest(rows: Sequence[CopyRow]) -> list[Query]:
    """A good value gives way to a good one of the same time or later only; a retained one fills a
    gap. All are counted but those at times that cannot be right.
    """
    newest: dict[tuple[int, str], CopyRow] = {}
    counts: defaultdict[tuple[int, str], int] = defaultdict(int)
    first: dict[tuple[int, str], int] = {}
    for row in rows:
        if row.quality == _IMPLAUSIBLE:
            continue
        key = (row.device_id, row.metric)
        counts[key] += 1
        if row.time < first.get(key, _NEVER):
            first[key] = row.time
        other = newest.get(key)
        if other is None or _supersedes(row, other):
            newest[key] = row
    if not newest:
        return []
    keys = sorted(newest)
    kept = [newest[key] for key in keys]
    columns = [
        numbers([row.device_id for row in kept]),
        texts([row.metric for row in kept]),
        numbers([row.time for row in kept]),
        numbers([row.received_at for row in kept]),
        numbers([row.quality for row in kept]),
        *_by_type([row.value for row in kept]),
        numbers(counts[key] for key in keys),
        numbers(first[key] for key in keys),
    ]
    return [Query(_LATEST, columns)]


def _by_type(values: Sequence[Any]) -> Iterator[str]:
    """The four value columns; each value is in one of them."""
    yield numbers(_only(values, _NUMERIC))
    yield booleans(_only(values, (bool,)))
    yield texts(_only(values, (str,)))
    yield blobs(_only(values, (bytes,)))


def _only(values: Sequence[Any], types: Collection[type]) -> list[Any]:
    """None in place of what is of another type; a bool is no number here."""
    return [value if type(value) in types else None for value in values]


def _supersedes(row: CopyRow, other: CopyRow) -> bool:
    """By quality first, then by time."""
    if row.quality != other.quality:
        return row.quality < other.quality
    return row.time >= other.time
