"""Compare what is wanted with what is, and write the difference as assignments. Touches no socket.

Runs from beat, and from any MQTT worker that sees connections whose owner or assignment is missing;
one at a time, a second one does nothing.

    observe (rows, then leases) -> plan -> assign -> disown -> clear stopped ones -> log, nudge
"""

import logging
import time
from datetime import datetime

import msgspec
from django.db import connection, transaction

from mqtt_app.conf import config
from mqtt_app.coordination.leases import LeaseStore
from mqtt_app.coordination.nudges import nudge
from mqtt_app.domain.ownership import planner
from mqtt_app.models import MqttConnection
from mqtt_app.models.locks import RECONCILE_LOCK
from mqtt_app.services.ownership import bulk_writes, disown_reasons
from mqtt_app.services.ownership.bulk_writes import Seen
from mqtt_app.services.ownership.connection_rows import WANTED
from mqtt_app.services.ownership.snapshot import FleetSnapshot, look, seen_rows

log = logging.getLogger(__name__)


class ReconcileReport(msgspec.Struct, frozen=True):
    """Counts of one cycle. `skipped` says why nothing, or only first assignments, could be decided."""

    active: int = 0
    to_start: int = 0
    to_stop: int = 0
    assigned: int = 0
    moved: int = 0
    disowned: int = 0
    unplaced: int = 0
    skipped: str = ""


class Observation(msgspec.Struct, frozen=True):
    """What a cycle saw, and the plan that it made of it."""

    seen: list[Seen]
    fleet: FleetSnapshot
    plan: planner.Plan

    @property
    def active(self) -> int:
        return sum(row.row.wanted for row in self.seen)

    @property
    def to_start(self) -> list[Seen]:
        return [row for row in self.seen if row.row.wanted and not self._has_owner(row)]

    @property
    def to_stop(self) -> list[Seen]:
        return [row for row in self.seen if row.row.owner and not row.row.wanted]

    def _has_owner(self, row: Seen) -> bool:
        """An owner without a lease is none, where every lease is known."""
        if not row.row.owner:
            return False
        return not self.fleet.complete or row.row.owner in self.fleet.instance_ids


def reconcile(now: datetime, leases: LeaseStore) -> ReconcileReport:
    """One cycle. Raises no Redis error: without Redis nothing is changed and the report says so."""
    begun = time.monotonic()
    with transaction.atomic():
        if not _locked():
            return ReconcileReport(skipped="busy: another reconcile is running")
        report = _write(_observe(now, leases), now)
    log.info("Monitor cycle completed in %.2fs", time.monotonic() - begun)
    return report


def reconcile_if_needed(now: datetime, leases: LeaseStore) -> ReconcileReport | None:
    """A cycle, where it would change an assignment or an owner; None where it would not. For the
    scan of an MQTT worker, so that nothing waits for a dead beat: two cheap queries as a rule.
    """
    if not _is_any_out_of_place(leases):
        return None
    begun = time.monotonic()
    observation = _observe(now, leases)
    if observation.plan.is_empty:
        return None
    with transaction.atomic():
        if not _locked():
            return None
        report = _write(observation, now)
    log.info("Monitor cycle completed in %.2fs", time.monotonic() - begun)
    return report


def _is_any_out_of_place(leases: LeaseStore) -> bool:
    """Is a wanted connection assigned to no instance that takes any, or an owner without a lease?"""
    fleet = look(leases)
    if fleet.instances is None:
        return False
    takers = [instance.id for instance in fleet.instances if not instance.draining]
    unassigned = MqttConnection.objects.filter(WANTED).exclude(assigned_instance__in=takers)
    orphaned = MqttConnection.objects.exclude(owner="").exclude(owner__in=fleet.instance_ids)
    return unassigned.exists() or orphaned.exists()


def _observe(now: datetime, leases: LeaseStore) -> Observation:
    # The rows before the leases: a claim in between changes the generation, and is seen by that.
    seen = seen_rows()
    fleet = look(leases)
    if fleet.instances is None:
        return Observation(seen, fleet, planner.Plan(assign={}))
    plan = planner.plan(
        [row.row for row in seen],
        fleet.instances,
        now.timestamp(),
        complete=fleet.complete,
        rebalance_after=config().rebalance_after,
    )
    return Observation(seen, fleet, plan)


def _write(observation: Observation, now: datetime) -> ReconcileReport:
    _log(observation)
    seen = observation.seen
    plan = observation.plan
    fleet = observation.fleet
    assigned = bulk_writes.assign(seen, plan.assign, now)
    reasons: dict[int, str] = {}
    if fleet.complete:
        reasons = disown_reasons.messages(seen, plan, fleet.instances or (), now)
    disowned = bulk_writes.disown(_as_assigned(seen, plan, assigned), reasons, now)
    bulk_writes.clear_stopped(now)
    disown_reasons.write_logs(disowned)
    if assigned or disowned:
        transaction.on_commit(nudge)
    return ReconcileReport(
        active=observation.active,
        to_start=len(observation.to_start),
        to_stop=len(observation.to_stop),
        assigned=len(assigned),
        moved=len(assigned.intersection(plan.moved)),
        disowned=len(disowned),
        unplaced=len(plan.unplaced),
        skipped=fleet.why,
    )


def _as_assigned(seen: list[Seen], plan: planner.Plan, assigned: set[int]) -> list[Seen]:
    """What was seen, with what was assigned since."""
    return [
        msgspec.structs.replace(
            row, row=msgspec.structs.replace(row.row, assigned=plan.assign[row.id])
        )
        if row.id in assigned
        else row
        for row in seen
    ]


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s::bigint)", [RECONCILE_LOCK])
        return bool(cursor.fetchone()[0])


def _log(observation: Observation) -> None:
    log.info("Monitor cycle started (%d active connections)", observation.active)
    fleet = observation.fleet
    if not fleet.complete:
        log.log(fleet.level, "Monitor keeps every owner as it is: %s", fleet.why)
    starting = observation.to_start
    stopping = observation.to_stop
    if starting:
        log.info("Monitor found %d connections to start", len(starting))
    if stopping:
        log.info("Monitor found %d connections to stop", len(stopping))
    for row in starting:
        target = observation.plan.assign.get(row.id, row.row.assigned)
        if target in fleet.instance_ids:
            text = "[Site %d] Starting connection (retry %d or new)"
            log.info(text, row.site_id, row.retry_count)
