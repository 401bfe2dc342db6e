"""The newest value of each metric of each device."""

from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.models import Quality
from mqtt_app.services.postgres.columns import CopyRow, blobs, booleans, numbers, texts
from mqtt_app.services.postgres.statements import Query

_IMPLAUSIBLE = int(Quality.IMPLAUSIBLE_TIME)
_NUMERIC = (float, int)

_LATEST = """
INSERT INTO mqtt_latestreading AS l
    (device_id, metric, time, received_at, quality, value, boolean, text, raw)
SELECT v.device_id, v.metric, to_timestamp(v.time / 1e6::float8),
    to_timestamp(v.received_at / 1e6::float8), v.quality, v.value, v.boolean, v.text, v.raw
FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::smallint[], %s::float8[],
    %s::bool[], %s::text[], %s::bytea[])
    AS v(device_id, metric, time, received_at, quality, value, boolean, text, raw)
ON CONFLICT (device_id, metric) DO UPDATE SET
    time = excluded.time, received_at = excluded.received_at, quality = excluded.quality,
    value = excluded.value, boolean = excluded.boolean, text = excluded.text, raw = excluded.raw
WHERE (excluded.quality < l.quality)
    OR (excluded.quality = l.quality AND excluded.time >= l.time)
"""


def keep_latest(rows: Sequence[CopyRow]) -> list[Query]:
    """A good value gives way to a good one of the same time or later only; a retained one fills a
    gap.
    """
    newest: dict[tuple[int, str], CopyRow] = {}
    for row in rows:
        if row.quality != _IMPLAUSIBLE:
            key = (row.device_id, row.metric)
            other = newest.get(key)
            if other is None or _supersedes(row, other):
                newest[key] = row
    if not newest:
        return []
    kept = [newest[key] for key in sorted(newest)]
    columns = [
        numbers([row.device_id for row in kept]),
        texts([row.metric for row in kept]),
        numbers([row.time for row in kept]),
        numbers([row.received_at for row in kept]),
        numbers([row.quality for row in kept]),
        *_by_type([row.value for row in kept]),
    ]
    return [Query(_LATEST, columns)]


def _by_type(values: Sequence[Any]) -> Iterator[str]:
    """The four value columns; each value is in one of them."""
    yield numbers([value if type(value) in _NUMERIC else None for value in values])
    yield booleans([value if type(value) is bool else None for value in values])
    yield texts([value if type(value) is str else None for value in values])
    yield blobs([value if type(value) is bytes else None for value in values])


def _supersedes(row: CopyRow, other: CopyRow) -> bool:
    """By quality first, then by time."""
    if row.quality != other.quality:
        return row.quality < other.quality
    return row.time >= other.time
