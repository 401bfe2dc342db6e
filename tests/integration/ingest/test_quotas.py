"""Quotas of topics and devices: exact at the limit, batch after batch, and free again when rows go."""

import pytest

from mqtt_app.models import Device, DiscoveredTopic, LatestReading, MqttConnection, Site
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from tests.integration.ingest.test_store import NOW, batch, books, message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    PROCESS.forget()


def say(link: MqttConnection, *topics: str, at: float = NOW, **changes: bool) -> None:
    pipeline.store(batch(*(message(link, topic, {"v": 1}, **changes) for topic in topics)), at)


def test_the_quota_of_topics_is_exact_across_batches(link: MqttConnection) -> None:
    Site.objects.update(max_topics=3)
    say(link, "a", "b")
    say(link, "c")
    say(link, "d")
    say(link, "a", "b", "c", "d", "e")
    assert set(DiscoveredTopic.objects.values_list("topic", flat=True)) == {"a", "b", "c"}
    assert books(link) == {"stored": 6, "topic_quota": 3}


def test_a_full_quota_of_topics_frees_itself_when_rows_go(link: MqttConnection) -> None:
    Site.objects.update(max_topics=2)
    say(link, "a", "b", "c")
    DiscoveredTopic.objects.filter(topic="a").delete()
    say(link, "c", "d")
    assert set(DiscoveredTopic.objects.values_list("topic", flat=True)) == {"b", "c"}
    assert books(link) == {"stored": 3, "topic_quota": 2}


def test_a_topic_that_was_removed_takes_its_place_again_only_while_there_is_one(
    link: MqttConnection,
) -> None:
    Site.objects.update(max_topics=1)
    say(link, "a")
    DiscoveredTopic.objects.all().delete()
    say(link, "b")
    say(link, "a")
    assert list(DiscoveredTopic.objects.values_list("topic", flat=True)) == ["b"]
    assert books(link) == {"stored": 2, "topic_quota": 1}


def test_the_quota_of_devices_is_exact_across_batches(link: MqttConnection) -> None:
    Site.objects.update(max_devices=2)
    say(link, "a")
    say(link, "b")
    say(link, "c")
    say(link, "a", "b", "c")
    assert set(Device.objects.values_list("identifier", flat=True)) == {"a", "b"}
    assert books(link) == {"stored": 4, "device_quota": 2}


def test_a_full_quota_of_devices_frees_itself_when_rows_go(link: MqttConnection) -> None:
    Site.objects.update(max_devices=2)
    say(link, "a", "b", "c")
    LatestReading.objects.filter(device__identifier="a").delete()
    Device.objects.filter(identifier="a").delete()
    say(link, "c", "b")
    assert set(Device.objects.values_list("identifier", flat=True)) == {"b", "c"}
    assert books(link) == {"stored": 4, "device_quota": 1}


def test_the_quota_of_one_site_is_not_used_up_by_another(link: MqttConnection) -> None:
    other = MqttConnection.objects.create(
        site=Site.objects.create(name="Other"), broker_host="b", generation=3
    )
    Site.objects.update(max_topics=1, max_devices=1)
    say(link, "a", "b")
    say(other, "a", "b")
    assert books(link) == books(other) == {"stored": 1, "topic_quota": 1}


def test_new_topics_a_minute_are_limited_at_the_limit_and_a_minute_later_again(
    link: MqttConnection,
) -> None:
    Site.objects.update(max_new_topics=2)
    say(link, "a")
    say(link, "b", at=NOW + 1)
    say(link, "c", at=NOW + 30)
    assert books(link) == {"stored": 2, "topic_quota": 1}
    say(link, "c", at=NOW + 61.5)
    assert books(link) == {"stored": 3, "topic_quota": 1}


def test_retained_topics_do_not_use_up_what_may_be_new_within_a_minute(
    link: MqttConnection,
) -> None:
    Site.objects.update(max_new_topics=1)
    say(link, "a", "b", "c", retain=True)
    say(link, "d", "e")
    assert books(link) == {"stored": 4, "topic_quota": 1}


def test_new_topics_that_were_removed_free_the_minute_too(link: MqttConnection) -> None:
    Site.objects.update(max_new_topics=1)
    say(link, "a", "b")
    DiscoveredTopic.objects.all().delete()
    say(link, "b")
    assert books(link) == {"stored": 2, "topic_quota": 1}
