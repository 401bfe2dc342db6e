"""Log rows on their way: a burst is one task and one statement."""

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from pytest_django import DjangoAssertNumQueries

from mqtt_app import logging_utils
from mqtt_app.conf import Config
from mqtt_app.coordination.client import quick_client
from mqtt_app.models import MqttConnectionLog, MqttParsingLog
from mqtt_app.services import logs
from tasks.logs import enqueue, write_connection_log
from tasks.queue_limits import QueueFullError
from tests.integration.ownership.fleet import connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[dict[str, Any]]]]:
    """(kind, rows) of each task."""
    tasks: list[tuple[str, list[dict[str, Any]]]] = []
    monkeypatch.setattr(logging_utils, "_senders", [lambda kind, rows: tasks.append((kind, rows))])
    return tasks


def fields(connection_id: int, message: str) -> dict[str, Any]:
    return {"connection_id": connection_id, "level": "INFO", "message": message}


def test_a_burst_goes_out_as_one_task_and_is_written_in_order(
    sent: list[tuple[str, list[dict[str, Any]]]],
) -> None:
    row = connection()
    for number in range(30):
        logging_utils.log_connection_event(row, "INFO", f"line {number}")
    assert logging_utils.flush(5)
    assert [(kind, len(rows)) for kind, rows in sent] == [("connection", 30)]
    write_connection_log(rows=sent[0][1])
    assert [log.message for log in MqttConnectionLog.objects.order_by("id")] == [
        f"line {n}" for n in range(30)
    ]


def test_a_full_queue_of_log_rows_is_not_made_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.logs.config", lambda: Config(logs_queue_max=2))
    quick_client().delete("mqtt.logs")
    try:
        quick_client().rpush("mqtt.logs", "a task", "another one")
        with pytest.raises(QueueFullError, match="are the task workers running"):
            enqueue("connection", [fields(1, "one too many")])
        assert quick_client().llen("mqtt.logs") == 2
    finally:
        quick_client().delete("mqtt.logs")


def test_connection_and_parsing_rows_go_to_their_own_tasks(
    sent: list[tuple[str, list[dict[str, Any]]]],
) -> None:
    row = connection()
    logging_utils.log_connection_event(row, "INFO", "up")
    logging_utils.log_parsing_error(row.site, "t", "json", "PARSE_ERROR", "no JSON")
    assert logging_utils.flush(5)
    assert [(kind, len(rows)) for kind, rows in sent] == [("connection", 1), ("parsing", 1)]
    assert logs.write_parsing_logs(sent[1][1]) == 1
    assert MqttParsingLog.objects.get().error_message == "no JSON"


def test_a_task_with_the_fields_of_one_row_is_understood() -> None:
    row = connection()
    write_connection_log(**fields(row.pk, "as it used to be"))
    assert MqttConnectionLog.objects.get().message == "as it used to be"


def test_rows_wait_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    row, away = connection(), iter([OperationalError("away"), InterfaceError("closed")])
    write = logs.write_connection_logs

    def sometimes(rows: list[dict[str, Any]]) -> Any:
        for error in away:
            raise error
        return write(rows)

    monkeypatch.setattr(logs, "write_connection_logs", sometimes)
    write_connection_log.apply(kwargs={"rows": [fields(row.pk, "told at last")]}).get()
    assert MqttConnectionLog.objects.get().message == "told at last"


def test_rows_of_a_deleted_connection_are_left_out_and_the_others_written(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    row, gone = connection(), connection()
    number = gone.pk
    gone.delete()
    with django_assert_max_num_queries(6):
        assert (
            logs.write_connection_logs(
                [fields(row.pk, "a"), fields(number, "b"), fields(row.pk, "c")]
            )
            == 2
        )
    assert sorted(log.message for log in MqttConnectionLog.objects.all()) == ["a", "c"]
