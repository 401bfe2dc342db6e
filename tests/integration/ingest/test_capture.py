"""Messages that no parser reads are kept while a site captures them, and replayed by a mapping."""

from datetime import UTC, datetime, timedelta

import pytest

from mqtt_app.domain.accounting import Term
from mqtt_app.models import DeadLetter, MqttConnection, MqttParsingLog, Problem, Reading, Site
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.mappings import rows
from mqtt_app.services.replay import schedule
from mqtt_app.services.replay.batch import replay_next
from mqtt_app.services.topic_rules import create_rule
from tests.integration.ingest.test_store import NOW, batch, books, message
from tests.integration.mappings.definitions import DEFINITION

pytestmark = pytest.mark.django_db
OPAQUE = bytes([0xA2, 0x61, 0x71, 0xA1, 0x61, 0x74, 0x19, 0x03])  # half of a CBOR map


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    PROCESS.forget()


def capture(seconds: float = 600) -> None:
    until = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=seconds)
    Site.objects.update(capture_until=until)


def say(link: MqttConnection, payload: bytes = OPAQUE, at: float = NOW) -> None:
    pipeline.store(batch(message(link, "kilns/a", payload, received_at=at)), at)


def test_they_are_counted_as_unprocessable_and_gone_without_it(link: MqttConnection) -> None:
    say(link)
    assert books(link) == {str(Term.UNPROCESSABLE): 1}
    assert not DeadLetter.objects.exists()


def test_while_it_captures_they_are_kept_and_the_books_close(link: MqttConnection) -> None:
    capture()
    say(link)
    letter = DeadLetter.objects.get()
    assert (letter.topic, letter.state, letter.reason) == ("kilns/a", "resting", "failed")
    assert books(link) == {str(Term.FAILED): 1}
    assert not MqttParsingLog.objects.exclude(error_message__startswith="No parser").exists()
    assert not Problem.objects.exists(), "nothing failed"


def test_when_its_time_is_over_they_are_not_kept_any_more(link: MqttConnection) -> None:
    capture(10)
    say(link, at=NOW + 10)
    assert not DeadLetter.objects.exists()


def test_a_neighbour_that_does_not_capture_keeps_nothing(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    until = datetime.fromtimestamp(NOW + 600, UTC)
    Site.objects.filter(pk=link.site_id).update(capture_until=until)
    say(healthy)
    assert not DeadLetter.objects.exists()


def test_what_was_kept_is_stored_by_a_mapping_at_its_time_of_receipt(
    link: MqttConnection,
) -> None:
    capture()
    create_rule(link.site, {"filter": "kilns/#", "forbidden_parsers": ["json"]})
    say(link, b'{"q": {"t": 900}}')
    definition = DEFINITION | {"filter": "kilns/{device}"}
    rows.activate(rows.create(link.site, "kiln", definition))
    schedule.replay([DeadLetter.objects.get().pk])
    replay_next(NOW + 60)
    [reading] = Reading.objects.all()
    assert (reading.metric, reading.value) == ("t", 900.0)
    assert reading.received_at.timestamp() == NOW
    assert books(link)["stored"] == 1
