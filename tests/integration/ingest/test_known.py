"""What an ingest process remembers of topics and devices must never be believed against the
database.
"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mqtt_app.models import Device, DiscoveredTopic, LatestReading, MqttConnection, Reading
from mqtt_app.services.ingest import pipeline
from tests.integration.ingest.test_store import NOW, batch, books, message, values

pytestmark = pytest.mark.django_db


def test_a_topic_that_was_switched_off_since_is_not_stored(link: MqttConnection) -> None:
    pipeline.store(batch(message(link, "hall/a", {"v": 1})), NOW)
    DiscoveredTopic.objects.update(is_active=False)
    pipeline.store(batch(message(link, "hall/a", {"v": 2})), NOW)
    assert values() == [1]
    assert books(link) == {"stored": 1, "inactive": 1}


def test_a_topic_and_a_device_that_were_deleted_since_are_made_again(link: MqttConnection) -> None:
    pipeline.store(batch(message(link, "hall/a", {"v": 1})), NOW)
    DiscoveredTopic.objects.all().delete()
    LatestReading.objects.all().delete()
    Device.objects.all().delete()
    pipeline.store(batch(message(link, "hall/a", {"v": 2})), NOW)
    assert DiscoveredTopic.objects.get().message_count == 1
    assert Reading.objects.get(device=Device.objects.get()).value == 2


def test_a_known_topic_and_device_cost_no_look_up(link: MqttConnection) -> None:
    def statements(value: int) -> str:
        with CaptureQueriesContext(connection) as queries:
            pipeline.store(batch(message(link, "hall/a", {"v": value})), NOW)
        return " ".join(query["sql"] for query in queries)

    assert "JOIN mqtt_discoveredtopic" in statements(1)
    again = statements(2)
    assert "JOIN mqtt_discoveredtopic" not in again
    assert "FROM mqtt_device" not in again


def test_what_was_learnt_in_a_batch_that_is_rolled_back_is_forgotten(
    link: MqttConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the process is in trouble")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "copy", broken)
        with pytest.raises(RuntimeError):
            pipeline.store(batch(message(link, "hall/a", {"v": 1})), NOW)
    pipeline.store(batch(message(link, "hall/a", {"v": 2})), NOW)
    assert values() == [2]
    assert DiscoveredTopic.objects.count() == Device.objects.count() == 1
