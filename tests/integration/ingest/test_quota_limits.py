"""What a site may have: at the limit and one beyond it, across batches, and beside a neighbour with
room of its own.
"""

import pytest

from mqtt_app.models import Device, DiscoveredTopic, MqttConnection, Site
from mqtt_app.services.ingest import pipeline
from tests.integration.ingest.test_store import NOW, batch, books, message

pytestmark = pytest.mark.django_db


@pytest.fixture
def neighbour() -> MqttConnection:
    site = Site.objects.create(
        name="Neighbour", max_topics=100, max_devices=100, max_new_topics=100
    )
    return MqttConnection.objects.create(
        site=site, broker_host="broker.example", generation=3, owner="mqtt-1"
    )


def limit(link: MqttConnection, **limits: int) -> None:
    Site.objects.filter(pk=link.site_id).update(**limits)


def say(link: MqttConnection, *topics: str, at: float = NOW, **changes: bool) -> None:
    pipeline.store(batch(*(message(link, topic, {"v": 1}, **changes) for topic in topics)), at)


def topics_of(link: MqttConnection) -> list[str]:
    return list(
        DiscoveredTopic.objects.filter(connection=link)
        .order_by("topic")
        .values_list("topic", flat=True)
    )


def devices_of(link: MqttConnection) -> list[str]:
    return list(
        Device.objects.filter(site=link.site_id)
        .order_by("identifier")
        .values_list("identifier", flat=True)
    )


def test_topics_of_earlier_batches_count(link: MqttConnection, neighbour: MqttConnection) -> None:
    limit(link, max_topics=2)
    say(neighbour, "n1", "n2", "n3")
    say(link, "a")
    say(link, "b")
    assert books(link) == {"stored": 2}
    say(link, "c", "a")
    assert topics_of(link) == ["a", "b"]
    assert books(link) == {"stored": 3, "topic_quota": 1}
    assert books(neighbour) == {"stored": 3}


def test_a_batch_fills_the_topics_of_a_site_to_the_last(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    limit(link, max_topics=3)
    mixed = [message(link, f"a{n}", {"v": 1}) for n in range(5)] + [
        message(neighbour, f"n{n}", {"v": 1}) for n in range(5)
    ]
    pipeline.store(batch(*mixed), NOW)
    assert topics_of(link) == ["a0", "a1", "a2"]
    assert len(topics_of(neighbour)) == 5
    assert books(link) == {"stored": 3, "topic_quota": 2}
    assert books(neighbour) == {"stored": 5}


def test_devices_of_earlier_batches_count(link: MqttConnection, neighbour: MqttConnection) -> None:
    limit(link, max_devices=2)
    say(neighbour, "n1", "n2", "n3")
    say(link, "a")
    say(link, "b", "c")
    assert devices_of(link) == ["a", "b"]
    say(link, "c", "a")
    assert devices_of(link) == ["a", "b"]
    assert books(link) == {"stored": 3, "device_quota": 2}
    assert books(neighbour) == {"stored": 3}


def test_as_many_new_topics_a_minute_as_a_site_allows(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    limit(link, max_new_topics=2)
    say(neighbour, "n1", "n2", "n3")
    say(link, "a", "b", "c")
    assert topics_of(link) == ["a", "b"]
    assert books(link) == {"stored": 2, "topic_quota": 1}
    assert books(neighbour) == {"stored": 3}


@pytest.mark.parametrize(("later", "allowed"), [(59.0, False), (60.0, True), (61.0, True)])
def test_new_topics_are_counted_over_one_minute(
    link: MqttConnection, later: float, allowed: bool
) -> None:
    limit(link, max_new_topics=1)
    say(link, "a")
    say(link, "b", at=NOW + later)
    assert topics_of(link) == (["a", "b"] if allowed else ["a"])


def test_what_a_broker_retains_uses_up_no_room_of_what_is_new(link: MqttConnection) -> None:
    limit(link, max_new_topics=1)
    say(link, "r1", "r2", "r3", retain=True)
    say(link, "a")
    say(link, "b")
    say(link, "r4", retain=True)
    assert topics_of(link) == ["a", "r1", "r2", "r3", "r4"]


def test_what_a_broker_retains_counts_as_topics(link: MqttConnection) -> None:
    limit(link, max_topics=2)
    say(link, "r1", "r2", retain=True)
    say(link, "a")
    assert topics_of(link) == ["r1", "r2"]
    assert books(link) == {"stored": 2, "topic_quota": 1}


def test_a_known_topic_goes_on_when_the_quota_is_used_up(link: MqttConnection) -> None:
    limit(link, max_topics=1)
    say(link, "a", "b")
    say(link, "a", "a", at=NOW + 1)
    assert books(link) == {"stored": 3, "topic_quota": 1}
    assert DiscoveredTopic.objects.get().message_count == 3
