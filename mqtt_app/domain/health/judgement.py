"""What is wrong with an installation, and what to do about it: judged here and nowhere else. Pure.

`/readyz`, the alarms of the dashboard, `manage.py doctor` and `/metrics` show the same findings.
"""

from collections.abc import Iterable, Iterator

import msgspec

from mqtt_app.domain.delivery.stalls import NOT_STORED, remedy, sentence
from mqtt_app.domain.health import periodic
from mqtt_app.domain.health.findings import Check, Finding, error, ok, warning
from mqtt_app.domain.health.periodic import Periodic
from mqtt_app.domain.health.vitals import Vitals, complaint

NAMED = 3  # migrations that are named


class WorkerState(msgspec.Struct, frozen=True):
    """An MQTT worker that holds a lease; `lease_age` in seconds."""

    name: str
    lease_age: float
    load: int
    capacity: int
    vitals: Vitals | None = None


class QueueState(msgspec.Struct, frozen=True):
    """`served_by`: names of the task workers that serve it, None when that was not asked."""

    name: str
    depth: int
    limit: int
    served_by: tuple[str, ...] | None = None


class Installation(msgspec.Struct, frozen=True):
    """What was seen. Where Redis or the database does not answer, what they know is None.

    `redis_refusal`: why Redis takes no writes, "" when it does. `scan_interval` and
    `receipt_timeout` are the settings of the MQTT workers, in seconds.
    """

    redis_reachable: bool
    database_reachable: bool
    redis_refusal: str = ""
    pending_migrations: tuple[str, ...] | None = ()
    workers: tuple[WorkerState, ...] | None = ()
    queues: tuple[QueueState, ...] | None = ()
    orphans: int | None = 0
    periodic_tasks: tuple[Periodic, ...] | None = ()
    scan_interval: float = 5.0
    receipt_timeout: float = 30.0


def judge(seen: Installation) -> list[Finding]:
    """At least one finding for each check, in the order in which a person would look."""
    return [
        _database(seen),
        _migrations(seen),
        _redis(seen),
        *_workers(seen),
        *_storing(seen),
        _orphans(seen),
        *_periodic(seen),
        *_queues(seen),
    ]


def unready(seen: Installation) -> dict[str, str]:
    """MQTT workers that live and do not get on, each with why."""
    found = {worker.name: _complaint(worker, seen) for worker in seen.workers or ()}
    return {name: why for name, why in found.items() if why}


def _complaint(worker: WorkerState, seen: Installation) -> str:
    if worker.vitals is None:
        return ""
    return complaint(
        worker.vitals, scan_interval=seen.scan_interval, receipt_timeout=seen.receipt_timeout
    )


def _sentence(text: str) -> str:
    if text.endswith("?"):
        return text
    return f"{text}."


def _unknown(check: Check, missing: str) -> Finding:
    return warning(check, f"It is not known: {missing} does not answer.", "")


def _database(seen: Installation) -> Finding:
    if seen.database_reachable:
        return ok(Check.DATABASE, "PostgreSQL answers.")
    return error(
        Check.DATABASE,
        "PostgreSQL does not answer.",
        "Nothing is lost, the brokers keep what comes; is it running, and reachable?",
    )


def _migrations(seen: Installation) -> Finding:
    pending = seen.pending_migrations
    if pending is None:
        return error(Check.MIGRATIONS, "It is not known: PostgreSQL does not answer.", "")
    if pending:
        names = ", ".join(pending[:NAMED])
        if len(pending) > NAMED:
            more = f" and {len(pending) - NAMED} more"
        else:
            more = ""
        return error(
            Check.MIGRATIONS,
            f"{len(pending)} are not applied: {names}{more}.",
            "Run: python3 manage.py migrate",
        )
    return ok(Check.MIGRATIONS, "All are applied.")


def _redis(seen: Installation) -> Finding:
    if not seen.redis_reachable:
        return error(
            Check.REDIS,
            "Redis does not answer.",
            "Links stay up and nothing is lost; is it running, and reachable?",
        )
    if seen.redis_refusal:
        return error(
            Check.REDIS,
            f"Redis takes no writes: {seen.redis_refusal.rstrip('.')}.",
            "Give it more memory, or find out what fills it.",
        )
    return ok(Check.REDIS, "Redis answers and takes writes.")


def _workers(seen: Installation) -> Iterator[Finding]:
    if seen.workers is None:
        yield _unknown(Check.MQTT_WORKERS, "Redis")
        return
    if not seen.workers:
        yield _no_worker(seen)
    faults = unready(seen)
    for worker in seen.workers:
        if worker.name in faults:
            yield error(
                Check.MQTT_WORKERS,
                _sentence(f"{worker.name} lives and is not ready: {faults[worker.name]}"),
                "",
            )
        else:
            yield ok(
                Check.MQTT_WORKERS,
                f"{worker.name} holds {worker.load} of at most {worker.capacity} connections,"
                f" lease renewed {worker.lease_age:.1f} s ago.",
            )


def _no_worker(seen: Installation) -> Finding:
    """A Redis that takes no writes lets the leases of living workers run out."""
    if seen.redis_refusal:
        return _unknown(Check.MQTT_WORKERS, "Redis, which takes no writes,")
    return error(
        Check.MQTT_WORKERS,
        "No MQTT worker is running, so nothing connects.",
        "Start one: python3 manage.py start_mqtt_service",
    )


def _storing(seen: Installation) -> Iterator[Finding]:
    if seen.workers is None:
        yield _unknown(Check.STORING, "Redis")
        return
    stalled = list(_stalled(seen.workers))
    for worker, vitals in stalled:
        yield error(
            Check.STORING,
            f"{worker.name}: the messages of {vitals.links_not_stored} links are not stored"
            f" (the oldest for {vitals.oldest_not_stored:.0f} s): {sentence(vitals.waits_for)}.",
            remedy(vitals.waits_for),
        )
    if not stalled:
        yield ok(Check.STORING, "Every link's messages are being stored.")


def _stalled(workers: Iterable[WorkerState]) -> Iterator[tuple[WorkerState, Vitals]]:
    for worker in workers:
        if worker.vitals is not None and worker.vitals.oldest_not_stored >= NOT_STORED:
            yield worker, worker.vitals


def _orphans(seen: Installation) -> Finding:
    if seen.orphans is None:
        return _unknown(Check.ORPHANS, "Redis or PostgreSQL")
    if not seen.orphans:
        return ok(Check.ORPHANS, "Every connection that is wanted has a living owner.")
    return warning(
        Check.ORPHANS,
        f"{seen.orphans} connections that are wanted have no living owner.",
        "Wait 30 s; if they stay, start more MQTT workers or raise SITEWIRE_CAPACITY.",
    )


def _periodic(seen: Installation) -> Iterator[Finding]:
    if seen.periodic_tasks is None:
        yield _unknown(Check.PERIODIC_TASKS, "PostgreSQL")
    else:
        yield from periodic.judge(seen.periodic_tasks)


def _queues(seen: Installation) -> Iterator[Finding]:
    if seen.queues is None:
        yield _unknown(Check.QUEUES, "Redis")
        return
    for queue in seen.queues:
        yield _queue(queue)


def _queue(queue: QueueState) -> Finding:
    if queue.served_by:
        served = f", served by {', '.join(queue.served_by)}"
    else:
        served = ""
    if queue.served_by == ():
        return error(
            Check.QUEUES,
            f"No task worker serves the queue {queue.name}; {queue.depth:,} tasks wait.",
            f"Start one: celery -A project worker -Q {queue.name}",
        )
    if queue.depth >= queue.limit:
        return warning(
            Check.QUEUES,
            f"{queue.depth:,} tasks wait in {queue.name}{served}; it is full at {queue.limit:,}.",
            "Are task workers running for it? Start more of them.",
        )
    return ok(Check.QUEUES, f"{queue.depth:,} tasks wait in {queue.name}{served}.")
