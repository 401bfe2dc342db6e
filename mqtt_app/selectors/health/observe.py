"""One look at the installation: what Redis and PostgreSQL know of it, ready to be judged."""

from collections.abc import Mapping, Sequence

from django.db import DatabaseError

from mqtt_app.conf import config
from mqtt_app.domain.health import queues
from mqtt_app.domain.health.judgement import Installation, QueueState, WorkerState
from mqtt_app.domain.health.periodic import Periodic
from mqtt_app.selectors.health.periodic import periodic_tasks
from mqtt_app.selectors.status.system import (
    SystemSnapshot,
    database_answers,
    orphans,
    pending_migrations,
)

Served = Mapping[str, Sequence[str]]
"""Queue -> names of the task workers that serve it."""


def observe(seen: SystemSnapshot, served: Served | None = None) -> Installation:
    """Raises nothing: a part that does not answer is an observation too."""
    knobs = config()
    reachable = database_answers()
    if reachable:
        pending = pending_migrations()
    else:
        pending = None
    is_usable = pending == []
    return Installation(
        redis_reachable=seen.reachable,
        database_reachable=reachable,
        redis_refusal=seen.refusal,
        pending_migrations=None if pending is None else tuple(pending),
        workers=_workers(seen),
        queues=_queues(seen, served),
        orphans=_orphans(seen, is_usable),
        periodic_tasks=_periodic(seen, is_usable),
        scan_interval=knobs.scan_interval,
        receipt_timeout=knobs.receipt_timeout,
    )


def _workers(seen: SystemSnapshot) -> tuple[WorkerState, ...] | None:
    if not seen.reachable:
        return None
    ages = seen.lease_ages()
    return tuple(
        WorkerState(name, ages[name], lease.load, lease.capacity, lease.vitals)
        for name, lease in sorted(seen.leases.items())
    )


def _queues(seen: SystemSnapshot, served: Served | None) -> tuple[QueueState, ...] | None:
    if not seen.reachable:
        return None
    knobs = config()
    return tuple(
        QueueState(
            name,
            depth,
            queues.limit(name, ingest_max=knobs.ingest_queue_max, logs_max=knobs.logs_queue_max),
            None if served is None else tuple(served.get(name, ())),
        )
        for name, depth in sorted(seen.queues.items())
    )


def _orphans(seen: SystemSnapshot, is_usable: bool) -> int | None:
    if not (is_usable and seen.reachable):
        return None
    try:
        return orphans(seen)
    except DatabaseError:
        return None


def _periodic(seen: SystemSnapshot, is_usable: bool) -> tuple[Periodic, ...] | None:
    if not is_usable:
        return None
    try:
        return periodic_tasks(lease.started_at for lease in seen.leases.values())
    except DatabaseError:
        return None
