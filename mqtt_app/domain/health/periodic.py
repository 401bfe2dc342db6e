"""The tasks that beat sends: what stands still without each, and whether it runs as it should. Pure;
durations in seconds.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from mqtt_app.domain.health.findings import Check, Finding, error, ok, warning

MISSED = 3  # periods without a good run that are no accident any more
SLACK = 10.0  # s that a run may take to be sent, carried out and recorded
TOO_SLOW = 4  # times the period that the settings ask for


class PeriodicTaskName(StrEnum):
    """Celery's names of the tasks."""

    RECONCILE = "tasks.control.reconcile"
    CHECK_OFFLINE = "tasks.presence.check_offline"
    REPLAY = "tasks.ingest.replay"
    UPKEEP = "tasks.control.upkeep"
    ROLL_UP = "tasks.rollups.roll_up_readings"


CONSEQUENCES = {
    PeriodicTaskName.RECONCILE: (
        "connections are not balanced over the MQTT workers, and a start or stop whose nudge is lost"
        " waits for the next scan"
    ),
    PeriodicTaskName.CHECK_OFFLINE: "devices that fall silent stay online for ever",
    PeriodicTaskName.REPLAY: "messages that wait for a parser are not parsed once it works again",
    PeriodicTaskName.ROLL_UP: "charts over hours and days lack what came since",
    PeriodicTaskName.UPKEEP: (
        "log rows and readings past their retention stay, and next month has no partition"
    ),
}


class Periodic(msgspec.Struct, frozen=True):
    """An entry of beat's schedule.

    `period`: s between two runs as the operator left it, None when it comes once or by the sun;
    `meant`: as the settings ask for. `is_sent`: there, enabled and not expired. `waited`: s since
    its last good run, or since the installation could have had one.
    """

    task: PeriodicTaskName
    name: str
    is_sent: bool = True
    period: float | None = None
    meant: float = 0.0
    last_run_age: float | None = None
    waited: float = 0.0


def is_late(task: Periodic) -> bool:
    return task.period is not None and task.waited > MISSED * task.period + SLACK


def judge(tasks: Iterable[Periodic]) -> Iterator[Finding]:
    """One finding for each task."""
    for task in tasks:
        yield _judge(task)


def _judge(task: Periodic) -> Finding:
    meanwhile = f"Meanwhile {CONSEQUENCES[task.task]}."
    if not task.is_sent:
        return error(
            Check.PERIODIC_TASKS,
            f"The periodic task “{task.name}” is switched off, expired or deleted.",
            f"{meanwhile} Enable it in the admin under Periodic tasks;"
            " `manage.py sync_schedule` makes one that is missing.",
        )
    if task.period is None:
        return warning(
            Check.PERIODIC_TASKS,
            f"The periodic task “{task.name}” has a schedule that does not come regularly.",
            "Give it an interval in the admin under Periodic tasks.",
        )
    if is_late(task):
        return error(
            Check.PERIODIC_TASKS,
            f"“{task.name}” {_since(task)}; it is due every {_span(task.period)}.",
            f"{meanwhile} Is beat running, and does a task worker serve its queue?",
        )
    if task.meant and task.period > TOO_SLOW * task.meant:
        return warning(
            Check.PERIODIC_TASKS,
            f"“{task.name}” runs every {_span(task.period)} instead of every {_span(task.meant)}.",
            f"Between two runs {CONSEQUENCES[task.task]}."
            " Its interval is in the admin under Periodic tasks.",
        )
    return ok(Check.PERIODIC_TASKS, f"“{task.name}” {_since(task)}.")


def _since(task: Periodic) -> str:
    if task.last_run_age is None:
        return "has not run yet"
    return f"ran well {_span(task.last_run_age)} ago"


def _span(seconds: float) -> str:
    """In the unit that a person would choose."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
