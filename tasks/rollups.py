"""Queue `mqtt.rollups`: readings summed up by hour and day."""

from celery import shared_task
from django.utils import timezone

from mqtt_app.domain.health.periodic import PeriodicTaskName
from mqtt_app.services.rollups.roll_up import roll_up
from mqtt_app.services.upkeep import periodic_runs


@shared_task(name=PeriodicTaskName.ROLL_UP, ignore_result=True, time_limit=300)
def roll_up_readings() -> None:
    """A few chunks, and then again: other tasks of the worker come in between. Two at once do no
    harm; the next tick of beat goes on where one was killed.
    """
    has_more = roll_up(timezone.now())
    periodic_runs.record(PeriodicTaskName.ROLL_UP, timezone.now())
    if has_more:
        roll_up_readings.apply_async(retry=False, expires=60)
