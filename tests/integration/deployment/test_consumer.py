"""The consumer of task workers, on a connection to a real Valkey that goes away."""

import pytest
from celery.worker.consumer import Consumer as CelerysConsumer
from kombu import Connection, Queue

from project.celery import app
from project.consumer import Consumer
from tests.services import start_valkey


def broken_connection(monkeypatch: pytest.MonkeyPatch) -> Connection:
    """With a task that was taken and not acknowledged; Valkey is gone, and kombu fails in its own
    way when it is to give the task back.
    """
    with start_valkey() as url:
        connection = Connection(url)
        queue = Queue("tasks", channel=connection.default_channel)
        queue.declare()
        connection.Producer().publish("task", routing_key="tasks")
        assert queue.get() is not None

    def fail() -> None:
        raise AttributeError("'NoneType' object has no attribute 'hostname'")

    monkeypatch.setattr(connection, "close", fail)
    return connection


def test_celery_itself_would_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """If not, the repair is needed no more."""
    with pytest.raises(AttributeError):
        lose_connection(CelerysConsumer, monkeypatch)


def test_a_connection_that_cannot_be_closed_ends_no_worker(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    consumer = lose_connection(Consumer, monkeypatch)
    assert consumer.connection is None
    assert "could not be closed" in caplog.text


def lose_connection(
    kind: type[CelerysConsumer], monkeypatch: pytest.MonkeyPatch
) -> CelerysConsumer:
    consumer = object.__new__(kind)
    consumer.app = app
    consumer.connection = broken_connection(monkeypatch)
    consumer.on_connection_error_after_connected(ConnectionError("gone"))
    return consumer
