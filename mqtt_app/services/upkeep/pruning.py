"""Forget what is past its retention and make room for the months to come. Daily; idempotent;
stoppable at any point.

Rows go in chunks of their own transactions, so that nothing waits for a delete that takes minutes.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection

from mqtt_app.conf import config
from mqtt_app.models.locks import UPKEEP_LOCK
from mqtt_app.models.sites import Site
from mqtt_app.services import audit
from mqtt_app.services.dead_letters import retention
from mqtt_app.services.problems import judge
from mqtt_app.services.rollups import statements as rollups
from mqtt_app.services.upkeep import folding, partitions, samples

log = logging.getLogger(__name__)

NOTICE_PERIODS = timedelta(hours=2)  # what is said once an hour is forgotten after this
OPERATIONS = timedelta(days=7)
CHUNK = 10_000  # rows of one delete

_PRUNE = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {table} WHERE {column} < %(before)s LIMIT %(chunk)s
))
"""
_EXPIRE = """
DELETE FROM {leaf} WHERE ctid = ANY(ARRAY(
    SELECT r.ctid FROM mqtt_device d JOIN {leaf} r ON r.device_id = d.id
    WHERE d.site_id = %(site)s AND r.{column} < %(before)s LIMIT %(chunk)s
))
"""


class UpkeepReport(msgspec.Struct, frozen=True):
    """What was made and removed. `busy`: another run is at it, this one did nothing."""

    partitions_made: tuple[str, ...] = ()
    partitions_dropped: tuple[str, ...] = ()
    rows: int = 0
    busy: bool = False


def run(now: datetime) -> UpkeepReport:
    with _alone() as alone:
        if not alone:
            return UpkeepReport(busy=True)
        made = partitions.ensure(now)
        rows = _prune_logs(now) + _prune_receipts(now) + _prune_audit(now)
        rows += retention.expire(now)
        rows += folding.forget_members(now)
        rows += samples.remove_orphans()
        judge.judge_certificates(now)
        rows += judge.forget(now, config().log_retention_days)
        rows += _expire_rollups(now)
        rows += _prune("mqtt_topicnotice", "began_at", now - NOTICE_PERIODS)
        rows += _prune("mqtt_operation", "created_at", now - OPERATIONS)
        dropped = _drop_months(now)
        report = UpkeepReport(tuple(made), tuple(dropped), rows + _expire_readings(now))
    log.info(
        "Upkeep: made %s, dropped %s, removed %d rows",
        made or "nothing",
        dropped or "nothing",
        report.rows,
    )
    return report


def _prune_logs(now: datetime) -> int:
    before = now - timedelta(days=config().log_retention_days)
    return sum(
        _prune(table, "timestamp", before)
        for table in ("mqtt_mqttconnectionlog", "mqtt_mqttparsinglog")
    )


def _prune_receipts(now: datetime) -> int:
    before = now - timedelta(seconds=config().receipt_retention)
    return sum(
        _prune(table, "created_at", before) for table in ("mqtt_batchreceipt", "mqtt_delivery")
    )


def _prune_audit(now: datetime) -> int:
    before = now - timedelta(days=config().audit_retention_days)
    removed = 0
    while True:
        found = audit.prune(before, CHUNK)
        removed += found
        if found < CHUNK:
            return removed


def _drop_months(now: datetime) -> list[str]:
    """Months that no site keeps any more. Without a site nobody has said how long, so the setting
    holds.
    """
    days = max(
        Site.objects.values_list("retention_days", flat=True),
        default=config().reading_retention_days,
    )
    return partitions.drop_before(partitions.retention_start(now, days))


def _expire_readings(now: datetime) -> int:
    """Sites that keep less than the longest: row by row. By device time, as the months are.

    In the default partition a time may be anything, 2262 for instance, so there it is the time of
    receipt that counts.
    """
    removed = 0
    for site_id, days in Site.objects.values_list("pk", "retention_days"):
        values = {"site": site_id, "before": partitions.retention_start(now, days), "chunk": CHUNK}
        for leaf in partitions.leaves():
            if leaf == partitions.DEFAULT:
                column = "received_at"
            else:
                column = "time"
            removed += _repeat(_EXPIRE.format(leaf=leaf, column=column), values)
    return removed


def _expire_rollups(now: datetime) -> int:
    """By site; and those of devices that are gone."""
    values = {"now": now, "hour_days": config().hour_rollup_days, "chunk": CHUNK}
    return _repeat(rollups.EXPIRE, values)


def _prune(table: str, column: str, before: datetime) -> int:
    return _repeat(_PRUNE.format(table=table, column=column), {"before": before, "chunk": CHUNK})


def _repeat(statement: str, values: dict[str, Any]) -> int:
    """Delete chunk by chunk until one is not full; gives the number of rows."""
    removed = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            found: int = cursor.rowcount
        removed += found
        if found < CHUNK:
            return removed


@contextmanager
def _alone() -> Iterator[bool]:
    """Hold the lock of upkeep for this database session; False when another one has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s::bigint)", [UPKEEP_LOCK])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s::bigint)", [UPKEEP_LOCK])
