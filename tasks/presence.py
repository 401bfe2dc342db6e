"""Queue `mqtt.presence`: who has fallen silent."""

from celery import shared_task
from django.utils import timezone

from mqtt_app.domain.health.periodic import PeriodicTaskName
from mqtt_app.services.presence import check
from mqtt_app.services.upkeep import periodic_runs


@shared_task(name=PeriodicTaskName.CHECK_OFFLINE, ignore_result=True, time_limit=120)
def check_offline() -> None:
    """One offline check. Idempotent: one too many, or two at once, change nothing."""
    check.check_offline(timezone.now())
    periodic_runs.record(PeriodicTaskName.CHECK_OFFLINE, timezone.now())
