"""Queue `mqtt.logs`: log rows, written apart from whatever they tell of."""

from typing import Any

from celery import shared_task

from mqtt_app import logging_utils
from mqtt_app.services import logs


@shared_task(name="tasks.logs.write_connection_log", ignore_result=True)
def write_connection_log(**row: Any) -> None:
    logs.write_connection_log(**row)


@shared_task(name="tasks.logs.write_parsing_log", ignore_result=True)
def write_parsing_log(**row: Any) -> None:
    logs.write_parsing_log(**row)


def enqueue(kind: str, row: dict[str, Any]) -> None:
    """Raises when the queue is out of reach; the caller keeps the row and tries again."""
    task = write_connection_log if kind == logging_utils.CONNECTION else write_parsing_log
    task.apply_async(kwargs=row, retry=False)
