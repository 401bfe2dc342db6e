"""Which task goes to which queue. One task module is one queue is one line of docker-compose."""

from kombu import Queue

from mqtt_app.domain.health.queues import (
    ALL,
    CONTROL,
    INGEST,
    LOGS,
    PRESENCE,
    PROBE,
    ROLLUPS,
    SERVED_TOGETHER,
)

__all__ = [
    "ALL",
    "CONTROL",
    "INGEST",
    "LOGS",
    "PRESENCE",
    "PROBE",
    "ROLLUPS",
    "SERVED_TOGETHER",
    "STORE_BATCH",
    "TASK_MODULES",
    "TASK_QUEUES",
    "TASK_ROUTES",
]

STORE_BATCH = "tasks.ingest.store_batch"  # sent by its name: an MQTT worker imports no task

TASK_QUEUES = [Queue(name) for name in ALL]
TASK_ROUTES = {
    "tasks.control.*": {"queue": CONTROL},
    "tasks.ingest.*": {"queue": INGEST},
    "tasks.presence.*": {"queue": PRESENCE},
    "tasks.logs.*": {"queue": LOGS},
    "tasks.probe.*": {"queue": PROBE},
    "tasks.rollups.*": {"queue": ROLLUPS},
}
TASK_MODULES = tuple(pattern.removesuffix(".*") for pattern in TASK_ROUTES)
"""What a worker imports; a task of any other module would be refused as unregistered."""


def instance_queue(instance_id: str) -> str:
    """An MQTT worker is a Celery worker too, seen in Flower; this queue is its own and normally
    empty.
    """
    return f"mqtt.instance.{instance_id}"
