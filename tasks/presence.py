"""Queue `mqtt.presence`: who has fallen silent."""

from celery import shared_task
from django.utils import timezone

from mqtt_app.services.presence import check


@shared_task(name="tasks.presence.check_offline", ignore_result=True, time_limit=120)
def check_offline() -> None:
    """One offline check. Idempotent: one too many, or two at once, change nothing."""
    check.check_offline(timezone.now())
