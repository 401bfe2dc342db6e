"""The thread that writes what links say, with a database that refuses."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import pytest
from django.db import DataError, OperationalError

from mqtt_app.domain.link.connection_config import LinkStatus, SubackResults
from mqtt_app.domain.ownership.claims import LinkKey, WrittenStatuses
from mqtt_app.mqtt import status_writer
from mqtt_app.mqtt.connection_store import ConnectionStore
from mqtt_app.mqtt.status_writer import StatusWriter
from tests.integration.runtime.world import connection, wait_for

Answer = Callable[[Mapping[LinkKey, LinkStatus]], WrittenStatuses]


class Rows:
    """Each write is answered by the next of `answers`, and then by success."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[dict[LinkKey, str]] = []
        self.statuses: dict[LinkKey, str] = {}
        self.codes: dict[LinkKey, dict[str, int]] = {}

    def record_statuses(self, said: Mapping[LinkKey, LinkStatus]) -> WrittenStatuses:
        words = {key: status.status for key, status in said.items()}
        self.asked.append(words)
        written = self.answers.pop(0)(said) if self.answers else WrittenStatuses()
        self.statuses |= {
            key: word for key, word in words.items() if key not in written.lost | written.busy
        }
        return written

    def record_suback_results(self, said: Mapping[LinkKey, SubackResults]) -> int:
        self.codes |= {key: dict(answers.codes) for key, answers in said.items()}
        return len(said)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Rows:
    monkeypatch.setattr(status_writer, "RETRY_AFTER", 0.05)
    monkeypatch.setattr(status_writer, "close_old_connections", lambda: None)
    return Rows()


@pytest.fixture
def disowned() -> list[bool]:
    return []


@pytest.fixture
def said(database: Rows, disowned: list[bool]) -> Iterator[StatusWriter]:
    made = StatusWriter(cast("ConnectionStore", database), lambda: disowned.append(True))
    yield made
    made.stop(5)


def say(said: StatusWriter, number: int, status: str) -> None:
    said.report_status(connection(number, 1883), LinkStatus(status))


def away(*_: Any) -> WrittenStatuses:
    raise OperationalError("away")


def test_links_that_speak_at_once_are_written_at_once(said: StatusWriter, database: Rows) -> None:
    for number in range(1, 101):
        say(said, number, "connected")
        said.report_subacks(connection(number, 1883), SubackResults({"#": 1}))
    said.start()
    wait_for(lambda: len(database.codes) == 100)
    assert len(database.asked) == 1
    assert len(database.statuses) == 100


def test_after_an_outage_only_the_latest_word_is_written(
    said: StatusWriter, database: Rows
) -> None:
    database.answers = [away, away]
    say(said, 1, "connecting")
    said.start()
    wait_for(lambda: database.asked)
    say(said, 1, "connected")
    wait_for(lambda: database.statuses == {(1, 1): "connected"})


def test_one_that_cannot_be_stored_does_not_hold_up_the_others(
    said: StatusWriter, database: Rows
) -> None:
    def no_nine(statuses: Mapping[LinkKey, LinkStatus]) -> WrittenStatuses:
        if (9, 1) in statuses:
            raise DataError("nine")
        return WrittenStatuses()

    database.answers = [no_nine] * 4
    for number in (8, 9, 10):
        say(said, number, "connected")
    said.start()
    wait_for(lambda: len(database.asked) == 4)
    wait_for(lambda: set(database.statuses) == {(8, 1), (10, 1)})


def test_what_somebody_else_is_writing_is_said_again(
    said: StatusWriter, database: Rows, disowned: list[bool]
) -> None:
    database.answers = [lambda _: WrittenStatuses(busy=frozenset({LinkKey(1, 1)}))]
    say(said, 1, "connected")
    said.start()
    wait_for(lambda: database.statuses == {(1, 1): "connected"})
    assert not disowned


def test_a_link_that_is_not_ours_is_made_known(
    said: StatusWriter, database: Rows, disowned: list[bool]
) -> None:
    database.answers = [lambda _: WrittenStatuses(lost=frozenset({LinkKey(1, 1)}))]
    say(said, 1, "connected")
    said.start()
    wait_for(lambda: disowned == [True])
    assert not database.statuses
