"""Beat's schedule as it stands, beside when each task last ended well."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from celery.schedules import crontab
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from mqtt_app.conf import config
from mqtt_app.domain.health.periodic import Periodic, PeriodicTaskName
from mqtt_app.models import PeriodicRun

DAY = 86_400  # s
SHORTEST = 2  # s; beat itself looks every few seconds


def meant_periods() -> dict[PeriodicTaskName, int]:
    """Task -> seconds between two runs, as the settings ask for."""
    knobs = config()
    return {
        PeriodicTaskName.RECONCILE: max(SHORTEST, round(knobs.reconcile_interval)),
        PeriodicTaskName.CHECK_OFFLINE: max(SHORTEST, round(knobs.offline_check_interval)),
        PeriodicTaskName.REPLAY: max(SHORTEST, round(knobs.parser_trial_interval)),
        PeriodicTaskName.UPKEEP: DAY,
        PeriodicTaskName.ROLL_UP: max(SHORTEST, round(knobs.rollup_interval)),
    }


def periodic_tasks(started: Iterable[float]) -> tuple[Periodic, ...]:
    """`started`: unix seconds at which the live MQTT workers started. An installation that was
    down, or is new, is not late with what it could not do. Raises DatabaseError.
    """
    now = timezone.now()
    runs = dict(PeriodicRun.objects.values_list("task", "finished_at"))
    entries = {
        entry.task: entry
        for entry in PeriodicTask.objects.filter(task__in=list(PeriodicTaskName))
        .select_related("interval", "crontab", "solar", "clocked")
        .order_by("enabled")  # of two entries for a task the one that is sent counts
    }
    first_start = min(started, default=None)
    if first_start is None:
        up_since = None
    else:
        up_since = datetime.fromtimestamp(first_start, now.tzinfo)
    return tuple(
        _periodic(task, entries.get(task), runs.get(task), up_since, now)
        for task in PeriodicTaskName
    )


def _periodic(
    task: PeriodicTaskName,
    entry: PeriodicTask | None,
    last_run: datetime | None,
    up_since: datetime | None,
    now: datetime,
) -> Periodic:
    meant = meant_periods()[task]
    if entry is None:
        return Periodic(task, task.value, is_sent=False, meant=meant)
    could_run = up_since or entry.date_changed
    if last_run is None:
        waiting_since = could_run
    else:
        waiting_since = max(last_run, could_run)
    return Periodic(
        task=task,
        name=entry.name,
        is_sent=_is_sent(entry, now),
        period=_period(entry, now),
        meant=meant,
        last_run_age=None if last_run is None else (now - last_run).total_seconds(),
        waited=(now - waiting_since).total_seconds(),
    )


def _is_sent(entry: PeriodicTask, now: datetime) -> bool:
    is_over = entry.expires is not None and entry.expires <= now
    is_ahead = entry.start_time is not None and entry.start_time > now
    return bool(entry.enabled) and not is_over and not is_ahead


def _period(entry: PeriodicTask, now: datetime) -> float | None:
    """Seconds between two runs; None for a schedule that comes once, or by the sun."""
    if entry.one_off or entry.clocked or entry.solar:
        return None
    schedule = entry.schedule
    if isinstance(schedule, crontab):
        following = now + _until_next(schedule, now)
        return _until_next(schedule, following).total_seconds()
    seconds: float = schedule.run_every.total_seconds()
    return seconds


def _until_next(schedule: crontab, moment: datetime) -> timedelta:
    """From `moment` to the next time that the crontab names."""
    begins, remaining, _ = schedule.remaining_delta(moment)
    until: timedelta = begins + remaining - moment
    return until
