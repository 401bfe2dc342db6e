"""The months of the readings table: made ahead, and dropped whole when nobody keeps them any more.

A month is named `mqtt_reading_YYYYMM` (UTC, device time). What no month covers is in
`mqtt_reading_default`, so that a missing month, or a device clock in 1970, can never stop ingest.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial

from django.db import OperationalError, connection, transaction

PREFIX = "mqtt_reading_"
DEFAULT = PREFIX + "default"
MONTHS_AHEAD = 3
# ingest queues up behind a lock that is waited for: rather give up, and try at the next run
LOCK_TIMEOUT = "2s"

_LEAVES = """
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'mqtt_reading'::regclass
ORDER BY 1
"""
_MOVE = """
WITH moved AS (
    DELETE FROM mqtt_reading_default WHERE time >= %(start)s AND time < %(end)s RETURNING *)
INSERT INTO {name} SELECT * FROM moved
"""


def month_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date().replace(day=1)


def shifted(month: date, by: int) -> date:
    """The first day of the month `by` months later."""
    years, index = divmod(month.month - 1 + by, 12)
    return date(month.year + years, index + 1, 1)


def name_of(month: date) -> str:
    return f"{PREFIX}{month:%Y%m}"


def leaves() -> list[str]:
    """Every table that holds readings, the default one among them."""
    with connection.cursor() as cursor:
        cursor.execute(_LEAVES)
        return [row[0] for row in cursor.fetchall()]


def ensure(now: datetime) -> list[str]:
    """Make the months from the last one to three ahead where they are missing; gives the names of
    those made.
    """
    present = set(leaves())
    wanted = [shifted(month_of(now), by) for by in range(-1, MONTHS_AHEAD + 1)]
    missing = [month for month in wanted if name_of(month) not in present]
    return [name_of(month) for month in missing if _unless_busy(partial(_create, month))]


def drop_before(oldest: datetime) -> list[str]:
    """Drop the months that ended before `oldest`: the blink of a catalogue change, however many
    rows they hold.
    """
    past = [name for name, end in _months() if end <= oldest]
    return [name for name in past if _unless_busy(partial(_drop, name))]


def _months() -> Iterator[tuple[str, datetime]]:
    """(name, where it ends) of each month."""
    for name in leaves():
        digits = name.removeprefix(PREFIX)
        if len(digits) == 6 and digits.isdigit():
            after = shifted(date(int(digits[:4]), int(digits[4:]), 1), 1)
            yield name, _midnight(after)


def _create(month: date) -> None:
    """As a table by itself first, filled with what the default partition holds of it, and attached
    in the same commit.

    PostgreSQL refuses a new partition whose rows are in the default one.
    """
    name = name_of(month)
    start = _midnight(month)
    end = _midnight(shifted(month, 1))
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {DEFAULT} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(
            f"CREATE TABLE {name} (LIKE mqtt_reading INCLUDING DEFAULTS INCLUDING INDEXES)"
        )
        cursor.execute(_MOVE.format(name=name), {"start": start, "end": end})
        cursor.execute(
            f"ALTER TABLE mqtt_reading ATTACH PARTITION {name}"
            f" FOR VALUES FROM ('{start:%Y-%m-%d %H:%M:%S+00}')"
            f" TO ('{end:%Y-%m-%d %H:%M:%S+00}')"
        )


def _drop(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {name}")


def _unless_busy(change: Callable[[], None]) -> bool:
    """Whether the change was made; it was not when a long query held the table."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            change()
    except OperationalError:
        if connection.connection is None or connection.connection.closed:
            raise
        return False
    return True


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def retention_start(now: datetime, days: int) -> datetime:
    """The oldest moment that is kept; as far back as the calendar goes for more days than it has."""
    try:
        return now - timedelta(days=days)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
