"""The task that rolls up: readings that were stored since it last looked, each exactly once.

Readings are found by their ids, which grow as they are stored, whenever they were measured: late
ones and replayed ones reach the hour to which they belong. How far it is stands in one row, written
in the same transaction as the sums.
"""

from datetime import datetime

from django.db import connection, transaction

from mqtt_app.models import Quality, RollupProgress
from mqtt_app.models.locks import ROLLUP_LOCK
from mqtt_app.services.rollups import statements

CHUNK = 50_000  # ids of one transaction: about a second
CHUNKS = 5  # of one task; others of its queue come in between

_LOCK = "SELECT pg_try_advisory_xact_lock(%s::bigint)"
_NEWEST = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM mqtt_reading_id_seq"
_NEXT_TRANSACTION = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
# In this database only: a snapshot waits for those of all databases of the server.
_OLDER_ONES = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND age(backend_xid) > age((%s::bigint %% 4294967296)::text::xid)
"""


def roll_up(now: datetime) -> bool:
    """A few chunks. Gives whether there is more to do at once."""
    return all(_next_chunk(now) for _ in range(CHUNKS))


def _next_chunk(now: datetime) -> bool:
    """Gives whether there is another one."""
    with transaction.atomic():
        if not _number(_LOCK, ROLLUP_LOCK):
            return False  # another process is at it
        progress, _ = RollupProgress.objects.get_or_create(pk=1, defaults={"looked_at": now})
        _move_mark(progress)
        until = min(progress.done_id + CHUNK, progress.mark_id)
        if until > progress.done_id and _is_final(progress):
            _sum_up(progress.done_id, until)
            progress.done_id = until
        has_more = progress.done_id < progress.mark_id and _is_final(progress)
        if progress.done_id == progress.mark_id:
            progress.looked_at = now
        progress.save()
    return has_more


def _move_mark(progress: RollupProgress) -> None:
    """Once all up to the mark are rolled up. The id is read before the transaction: who took an id
    up to it was running by then.
    """
    if progress.done_id < progress.mark_id:
        return
    progress.mark_id = _number(_NEWEST)
    progress.mark_transaction = _number(_NEXT_TRANSACTION)


def _is_final(progress: RollupProgress) -> bool:
    return not _number(_OLDER_ONES, progress.mark_transaction)


def _sum_up(after: int, until: int) -> None:
    values = {"after": after, "until": until, "implausible": int(Quality.IMPLAUSIBLE_TIME)}
    with connection.cursor() as cursor:
        cursor.execute(statements.ROLL_UP, values)


def _number(statement: str, *values: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.fetchone()[0])
