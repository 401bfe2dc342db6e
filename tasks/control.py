"""Queue `mqtt.control`: keeping connections where they belong, and the house clean."""

import logging

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from mqtt_app.conf import config
from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.leases import LeaseStore
from mqtt_app.domain.health.periodic import PeriodicTaskName
from mqtt_app.services import ownership
from mqtt_app.services.operations import bulk, settle
from mqtt_app.services.probes import requests as probes
from mqtt_app.services.problems import judge
from mqtt_app.services.upkeep import folding, periodic_runs, samples
from mqtt_app.services.upkeep import pruning as housekeeping

log = logging.getLogger(__name__)


@shared_task(name=PeriodicTaskName.RECONCILE, ignore_result=True, time_limit=60)
def reconcile() -> None:
    """One cycle of the monitor. Idempotent: two of them at once, or one too many, do no harm."""
    ownership.reconcile(timezone.now(), LeaseStore(quick_client(), config().lease_ttl))
    periodic_runs.record(PeriodicTaskName.RECONCILE, timezone.now())
    settle.sweep(timezone.now())
    probes.end_abandoned(timezone.now())
    folding.unfold_things(timezone.now())
    samples.trim()
    judge.judge_links(timezone.now())
    if bulk.is_pending():
        run_bulk_batch.apply_async(retry=False)


@shared_task(
    name=PeriodicTaskName.UPKEEP, ignore_result=True, time_limit=3_600, soft_time_limit=3_500
)
def upkeep() -> None:
    """Prune what is past its retention and make the partitions of the months to come."""
    housekeeping.run(timezone.now())
    periodic_runs.record(PeriodicTaskName.UPKEEP, timezone.now())


@shared_task(name="tasks.control.run_bulk_batch", ignore_result=True, time_limit=120)
def run_bulk_batch() -> None:
    """One batch of what was asked for many sites, and then the next one: other tasks of this queue
    come in between.
    """
    if bulk.run_batch() and bulk.is_pending():
        run_bulk_batch.apply_async(retry=False)


def send_bulk_batch() -> None:
    """The next reconcile sends it again where this fails."""
    try:
        run_bulk_batch.apply_async(retry=False)
    except (OperationalError, OSError) as error:
        log.warning("A bulk operation waits for the next reconcile: %s", error)
