"""Compare what is wanted with what is, and write the difference as assignments. Touches no socket.

Runs from beat and from any MQTT worker that sees connections without a home; one at a time, a
second one does nothing.
"""

import logging
import time
from datetime import datetime

import msgspec
import redis
from django.db import connection, transaction

from mqtt_app.conf import config
from mqtt_app.coordination.leases import LeaseStore
from mqtt_app.coordination.nudges import nudge
from mqtt_app.domain.ownership import planner
from mqtt_app.models import MqttConnection
from mqtt_app.models.locks import RECONCILE_LOCK
from mqtt_app.services.ownership import bulk_writes, disown_reasons
from mqtt_app.services.ownership.announce import announce
from mqtt_app.services.ownership.bulk_writes import Seen
from mqtt_app.services.ownership.connection_rows import WANTED
from mqtt_app.services.ownership.snapshot import FleetSnapshot, look, seen_rows

log = logging.getLogger(__name__)


class ReconcileReport(msgspec.Struct, frozen=True):
    """Counts of one cycle. `skipped` says why nothing, or only first homes, could be decided."""

    active: int = 0
    to_start: int = 0
    to_stop: int = 0
    assigned: int = 0
    moved: int = 0
    disowned: int = 0
    unplaced: int = 0
    skipped: str = ""


def reconcile(now: datetime, leases: LeaseStore) -> ReconcileReport:
    """One cycle. Raises no Redis error: without Redis nothing is changed and the report says so."""
    begun = time.monotonic()
    with transaction.atomic():
        if not _locked():
            return ReconcileReport(skipped="busy: another reconcile is running")
        report = _cycle(now, leases)
    _mark(now, leases)
    log.info("Monitor cycle completed in %.2fs", time.monotonic() - begun)
    return report


def needs_reconcile(now: datetime, leases: LeaseStore) -> bool:
    """Would a cycle change any home? For the scan of an MQTT worker: a dead beat harms nobody.
    Cheap when not.
    """
    view = look(leases)
    if view.instances is None:
        return False
    live = [instance.id for instance in view.instances]
    takers = [instance.id for instance in view.instances if not instance.draining]
    stray = MqttConnection.objects.filter(WANTED).exclude(assigned_instance__in=takers)
    orphaned = MqttConnection.objects.exclude(owner="").exclude(owner__in=live)
    return (stray.exists() or orphaned.exists()) and not _plan(seen_rows(), view, now).is_empty


def _cycle(now: datetime, leases: LeaseStore) -> ReconcileReport:
    seen = (
        seen_rows()
    )  # before the leases: whoever takes a connection in between changes its generation
    active = sum(one.row.wanted for one in seen)
    log.info("Monitor cycle started (%d active connections)", active)
    view = look(leases)
    if not view.complete:
        log.log(view.level, "Monitor keeps every owner as it is: %s", view.why)
    plan = planner.Plan(assign={}) if view.instances is None else _plan(seen, view, now)
    _say(seen, plan, view)
    return _write(seen, plan, view, now, active)


def _write(
    seen: list[Seen], plan: planner.Plan, view: FleetSnapshot, now: datetime, active: int
) -> ReconcileReport:
    assigned = bulk_writes.assign(seen, plan.assign, now)
    after = [
        _as_assigned(one, plan.assign[one.row.id]) if one.row.id in assigned else one
        for one in seen
    ]
    messages = (
        disown_reasons.messages(seen, plan, view.instances or (), now) if view.complete else {}
    )
    disowned = bulk_writes.disown(after, messages, now)
    settled = bulk_writes.settle_stopped(now)
    announce(disowned | settled)
    disown_reasons.write_logs(disowned)
    if assigned or disowned:
        transaction.on_commit(nudge)
    return ReconcileReport(
        active=active,
        to_start=len(_to_start(seen, view)),
        to_stop=len(_to_stop(seen)),
        assigned=len(assigned),
        moved=len(assigned.intersection(plan.moved)),
        disowned=len(disowned),
        unplaced=len(plan.unplaced),
        skipped=view.why,
    )


def _as_assigned(one: Seen, target: str) -> Seen:
    return msgspec.structs.replace(one, row=msgspec.structs.replace(one.row, assigned=target))


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s::bigint)", [RECONCILE_LOCK])
        return bool(cursor.fetchone()[0])


def _plan(seen: list[Seen], view: FleetSnapshot, now: datetime) -> planner.Plan:
    return planner.plan(
        [one.row for one in seen],
        view.instances or (),
        now.timestamp(),
        complete=view.complete,
        rebalance_after=config().rebalance_after,
    )


def _to_start(seen: list[Seen], view: FleetSnapshot) -> list[Seen]:
    live = {instance.id for instance in view.instances or ()}
    return [
        one
        for one in seen
        if one.row.wanted and (not one.row.owner or (view.complete and one.row.owner not in live))
    ]


def _to_stop(seen: list[Seen]) -> list[Seen]:
    return [one for one in seen if one.row.owner and not one.row.wanted]


def _say(seen: list[Seen], plan: planner.Plan, view: FleetSnapshot) -> None:
    starting, stopping = _to_start(seen, view), _to_stop(seen)
    if starting:
        log.info("Monitor found %d connections to start", len(starting))
    if stopping:
        log.info("Monitor found %d connections to stop", len(stopping))
    live = {instance.id for instance in view.instances or ()}
    for one in starting:
        if plan.assign.get(one.row.id, one.row.assigned) in live:
            log.info(
                "[Site %d] Starting connection (retry %d or new)", one.site_id, one.retry_count
            )


def _mark(now: datetime, leases: LeaseStore) -> None:
    try:
        leases.mark_reconciled(now.timestamp())
    except redis.RedisError as error:
        log.warning("The mark of the last reconcile could not be written: %s", type(error).__name__)
