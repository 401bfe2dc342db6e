"""What beat sends, and how often. Operators may change it in the admin; an entry that exists is
never touched again.
"""

from dataclasses import dataclass
from typing import Any

from celery.signals import beat_init
from django.db import connections, transaction
from django.db.models.signals import post_migrate
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from mqtt_app.domain.health.periodic import PeriodicTaskName
from mqtt_app.selectors.health.periodic import meant_periods
from tasks import queues


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """A periodic task. `every` and `expires` in seconds, the second below the first: old ticks must
    not pile up.
    """

    name: str
    task: str
    every: int
    queue: str
    expires: int
    description: str


@dataclass(frozen=True, slots=True)
class MeantEntry:
    """A periodic task as the product ships it, but for its period, which settings decide."""

    name: str
    queue: str
    description: str


MEANT = {
    PeriodicTaskName.RECONCILE: MeantEntry(
        "Reconcile MQTT connections",
        queues.CONTROL,
        "Compares the connections that are wanted with the MQTT workers that are alive.",
    ),
    PeriodicTaskName.CHECK_OFFLINE: MeantEntry(
        "Check for silent devices",
        queues.PRESENCE,
        "Marks devices and gateways offline that said nothing for longer than they may.",
    ),
    PeriodicTaskName.REPLAY: MeantEntry(
        "Try paused parsers again",
        queues.INGEST,
        "Parses what was kept of parsers that failed on most messages, once they work again.",
    ),
    PeriodicTaskName.ROLL_UP: MeantEntry(
        "Roll up readings",
        queues.ROLLUPS,
        "Sums up new readings by hour and day, for charts over months.",
    ),
    PeriodicTaskName.UPKEEP: MeantEntry(
        "Prune logs",
        queues.CONTROL,
        "Removes log rows, receipts and readings past their retention, and prepares the next"
        " months.",
    ),
}


def entries() -> tuple[ScheduleEntry, ...]:
    periods = meant_periods()
    return tuple(
        ScheduleEntry(
            name=meant.name,
            task=task,
            every=periods[task],
            queue=meant.queue,
            expires=_expiry(task, periods[task]),
            description=meant.description,
        )
        for task, meant in MEANT.items()
    )


def sync_schedule() -> list[str]:
    """Create the entries that are missing; gives their names. An operator's edit is never
    overwritten.
    """
    with transaction.atomic():
        return [entry.name for entry in entries() if _create(entry)]


def connect() -> None:
    """Have the schedule made after each `migrate` and at each start of beat. Called once, by the
    app's `ready()`.
    """
    post_migrate.connect(_after_migrate, dispatch_uid="tasks.schedule")
    beat_init.connect(_at_beat_start, dispatch_uid="tasks.schedule")


def _create(entry: ScheduleEntry) -> bool:
    if PeriodicTask.objects.filter(name=entry.name).exists():
        return False
    # Two intervals of the same length may exist, and either will do: get_or_create would raise.
    known = IntervalSchedule.objects.filter(
        every=entry.every, period=IntervalSchedule.SECONDS
    ).first()
    interval = known or IntervalSchedule.objects.create(
        every=entry.every, period=IntervalSchedule.SECONDS
    )
    _, created = PeriodicTask.objects.get_or_create(
        name=entry.name,
        defaults={
            "task": entry.task,
            "interval": interval,
            "queue": entry.queue,
            "expire_seconds": entry.expires,
            "description": entry.description,
        },
    )
    return bool(created)


def _expiry(task: PeriodicTaskName, period: int) -> int:
    if task is PeriodicTaskName.UPKEEP:
        return period // 2
    return _below(period)


def _below(period: int) -> int:
    return max(1, period - max(1, period // 6))


def _after_migrate(sender: Any, using: str, **_: Any) -> None:
    """Sent once for each app that has models; a `migrate` of some other app may come before beat's
    tables.
    """
    if sender.label == "django_celery_beat" and _has_tables(using):
        sync_schedule()


def _has_tables(using: str) -> bool:
    return PeriodicTask._meta.db_table in connections[using].introspection.table_names()


def _at_beat_start(**_: Any) -> None:
    sync_schedule()
