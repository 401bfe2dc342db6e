"""Queue `mqtt.logs`: log rows, written apart from what they report."""

from typing import Any

from celery import shared_task
from django.db import InterfaceError, OperationalError

from mqtt_app import logging_utils
from mqtt_app.conf import config
from mqtt_app.services import logs
from tasks.queue_limits import check_capacity
from tasks.queues import LOGS

Rows = list[dict[str, Any]]
PATIENT: dict[str, Any] = {
    "autoretry_for": (
        OperationalError,
        InterfaceError,
    ),  # the database is away: the rows are worth writing later
    "retry_backoff": 2,  # s, doubled each time
    "retry_backoff_max": 60,  # s
    "max_retries": 60,  # an hour
}


@shared_task(name="tasks.logs.write_connection_log", ignore_result=True, **PATIENT)
def write_connection_log(rows: Rows | None = None, **row: Any) -> None:
    """`rows`, or one row as its fields."""
    logs.write_connection_logs([row] if rows is None else rows)


@shared_task(name="tasks.logs.write_parsing_log", ignore_result=True, **PATIENT)
def write_parsing_log(rows: Rows | None = None, **row: Any) -> None:
    """`rows`, or one row as its fields."""
    logs.write_parsing_logs([row] if rows is None else rows)


def enqueue(kind: str, rows: Rows) -> None:
    """Raises when the queue is out of reach or full; the caller keeps the rows and tries again."""
    check_capacity(LOGS, config().logs_queue_max)
    if kind == logging_utils.CONNECTION:
        task = write_connection_log
    else:
        task = write_parsing_log
    task.apply_async(kwargs={"rows": rows}, retry=False)
