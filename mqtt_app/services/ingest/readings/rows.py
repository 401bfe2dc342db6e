"""Readings to rows: COPY into the table of readings."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec
from django.db import connection

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.times import is_plausible
from mqtt_app.models import Quality
from mqtt_app.services.ingest.devices.directory import Directory
from mqtt_app.services.ingest.parsing.facts import Parsed
from mqtt_app.services.postgres.columns import CopyRow, copy_rows, microseconds

_GOOD = int(Quality.GOOD)
_RETAINED = int(Quality.RETAINED)
_IMPLAUSIBLE = int(Quality.IMPLAUSIBLE_TIME)

_COPY = """
COPY mqtt_reading (device_id, metric, time, received_at, quality, value, boolean, text, raw)
FROM STDIN (FORMAT BINARY)
"""


class ReadingRows(msgspec.Struct, frozen=True):
    """`by_site`: their number by site id. `over_quota`: messages of devices for which their site
    has no room.
    """

    rows: list[CopyRow]
    by_site: Mapping[int, int]
    over_quota: list[Envelope]


def rows_of(parsed: Sequence[Parsed], directory: Directory) -> ReadingRows:
    rows: list[CopyRow] = []
    by_site: defaultdict[int, int] = defaultdict(int)
    for found in parsed:
        before = len(rows)
        _add_rows(found, directory, rows)
        by_site[found.message.site_id] += len(rows) - before
    over_quota = []
    if directory.is_full:
        over_quota = [found.message for found in parsed if _has_no_room(found, directory)]
    return ReadingRows(rows, by_site, over_quota)


def copy(rows: Sequence[CopyRow]) -> None:
    if not rows:
        return
    # Django wraps the errors of a cursor's own methods; those of a COPY that is under way are
    # psycopg's.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(copy_rows(rows))


def _add_rows(found: Parsed, directory: Directory, rows: list[CopyRow]) -> None:
    message = found.message
    site_id = message.site_id
    received_at = message.received_at
    received = microseconds(received_at)
    for fact in found.readings:
        device = directory.devices.get((site_id, fact.device))
        if device is None:
            continue
        time = received_at if fact.time is None else fact.time
        quality = _quality(message, time)
        rows.append(
            CopyRow(device.id, fact.metric, microseconds(time), received, quality, fact.value)
        )


def _has_no_room(found: Parsed, directory: Directory) -> bool:
    """All its readings are of devices that could not be made."""
    site_id = found.message.site_id
    return bool(found.readings) and all(
        (site_id, fact.device) not in directory.devices for fact in found.readings
    )


def _quality(message: Envelope, time: float) -> int:
    if not is_plausible(time, message.received_at):
        return _IMPLAUSIBLE
    return _RETAINED if message.retain else _GOOD
