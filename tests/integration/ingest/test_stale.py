"""Rows that change while a batch is stored: it is done again, and nothing of the first try stays."""

from typing import Any

import pytest

from mqtt_app.domain.delivery.faults import Fault
from mqtt_app.models import BatchReceipt, DiscoveredTopic, MqttConnection, Reading
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.faults import StaleError, fault_of
from mqtt_app.services.ingest.topics.rows import count as count_messages
from mqtt_app.services.ingest.transaction import ATTEMPTS
from tests.integration.ingest.poison import TOPIC, good, refusing
from tests.integration.ingest.test_store import NOW, batch, books, message, values

pytestmark = pytest.mark.django_db


@pytest.fixture
def switching(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Every topic is switched off while a batch is stored, so many times."""
    original = count_messages
    left = {"times": 0}

    def count(messages: Any, topics: Any) -> Any:
        if left["times"]:
            left["times"] -= 1
            DiscoveredTopic.objects.update(is_active=False)
        return original(messages, topics)

    monkeypatch.setattr(pipeline, "count", count)
    return left


def test_a_topic_that_is_switched_off_meanwhile_has_the_batch_done_again(
    link: MqttConnection, switching: dict[str, int]
) -> None:
    pipeline.store(batch(message(link, "hall/a", {"v": 1})), NOW)
    switching["times"] = 2
    pipeline.store(batch(message(link, "hall/a", {"v": 2})), NOW)
    # the rollback of a stale try takes the switch of this test with it
    assert values() == [1, 2]
    assert books(link) == {"stored": 2}


def test_a_batch_whose_rows_never_come_to_rest_is_sent_again(
    link: MqttConnection, switching: dict[str, int]
) -> None:
    pipeline.store(batch(message(link, "hall/a", {"v": 1})), NOW)
    switching["times"] = 10 * ATTEMPTS
    with pytest.raises(StaleError) as raised:
        pipeline.store(batch(message(link, "hall/a", {"v": 2})), NOW)
    assert fault_of(raised.value) is Fault.CONFLICT
    assert values() == [1]
    assert BatchReceipt.objects.count() == 1


def test_a_part_of_a_careful_batch_is_done_again_by_itself(
    link: MqttConnection, healthy: MqttConnection, switching: dict[str, int]
) -> None:
    pipeline.store(batch(*good(link)), NOW)
    poison = message(link, "hall/poison", {"v": 9})
    with refusing(("mqtt_discoveredtopic", "INSERT", TOPIC)):
        switching["times"] = 1
        pipeline.store(batch(*good(healthy), poison, *good(link)), NOW)
    assert books(healthy) == {"stored": 3}
    assert books(link) == {"stored": 6, "quarantined": 1}
    assert Reading.objects.count() == 9
