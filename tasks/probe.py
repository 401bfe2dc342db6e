"""Queue `mqtt.probe`: tests of connections, which wait for brokers."""

import logging
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from mqtt_app.services.probes import run as probes

log = logging.getLogger(__name__)


@shared_task(name="tasks.probe.run_test", ignore_result=True, time_limit=90, soft_time_limit=75)
def run_test(*, operation_id: str) -> None:
    """One test; nothing when somebody else took it."""
    probes.run(UUID(operation_id))


def send(operation_id: UUID) -> None:
    """A test that could not be sent fails by itself after two minutes."""
    try:
        run_test.apply_async(kwargs={"operation_id": str(operation_id)}, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("A test of a connection could not be queued: %s", error)
