"""Queue `mqtt.control`: keeping connections where they belong, and the house clean."""

from celery import shared_task
from django.utils import timezone

from mqtt_app.conf import config
from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.leases import LeaseStore
from mqtt_app.domain.health.periodic import PeriodicTaskName
from mqtt_app.services import ownership
from mqtt_app.services.upkeep import periodic_runs
from mqtt_app.services.upkeep import pruning as housekeeping


@shared_task(name=PeriodicTaskName.RECONCILE, ignore_result=True, time_limit=60)
def reconcile() -> None:
    """One cycle of the monitor. Idempotent: two of them at once, or one too many, do no harm."""
    ownership.reconcile(timezone.now(), LeaseStore(quick_client(), config().lease_ttl))
    periodic_runs.record(PeriodicTaskName.RECONCILE, timezone.now())


@shared_task(
    name=PeriodicTaskName.UPKEEP, ignore_result=True, time_limit=3_600, soft_time_limit=3_500
)
def upkeep() -> None:
    """Prune what is past its retention and make the partitions of the months to come."""
    housekeeping.run(timezone.now())
    periodic_runs.record(PeriodicTaskName.UPKEEP, timezone.now())
