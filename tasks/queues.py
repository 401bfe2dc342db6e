"""Queue names and who goes where. One task module is one queue is one line of docker-compose."""

from kombu import Queue

CONTROL = "mqtt.control"  # reconcile, upkeep
INGEST = "mqtt.ingest"  # batches of messages to committed rows, and replays of dead letters
PRESENCE = "mqtt.presence"  # offline checks
LOGS = "mqtt.logs"  # log rows

STORE_BATCH = "tasks.ingest.store_batch"  # the task that a batch is sent to

ALL = (CONTROL, INGEST, PRESENCE, LOGS)

TASK_QUEUES = [Queue(name) for name in ALL]
TASK_ROUTES = {
    "tasks.control.*": {"queue": CONTROL},
    "tasks.ingest.*": {"queue": INGEST},
    "tasks.presence.*": {"queue": PRESENCE},
    "tasks.logs.*": {"queue": LOGS},
}


def instance_queue(instance_id: str) -> str:
    """An MQTT worker is a Celery worker too, seen in Flower; this queue is its own and normally
    empty.
    """
    return f"mqtt.instance.{instance_id}"
