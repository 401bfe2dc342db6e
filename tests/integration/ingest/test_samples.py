"""The last messages of each topic are kept, bounded, and never harm the batch that brings them."""

import pytest
from django.db import connection

from mqtt_app.conf import Config
from mqtt_app.domain.ingest.sampling import A_BATCH, A_SECOND, KEPT, MAX_BYTES
from mqtt_app.models import DiscoveredTopic, MqttConnection, Reading, Site, TopicSample
from mqtt_app.selectors.samples import samples_matching, samples_of
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.upkeep import samples
from tests.integration.ingest.test_store import NOW, batch, books, message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    PROCESS.forget()


def say(link: MqttConnection, topic: str, payload: object, at: float = NOW) -> None:
    pipeline.store(batch(message(link, topic, payload, received_at=at)), at)


def kept(topic: str) -> list[bytes]:
    row = DiscoveredTopic.objects.get(topic=topic)
    return [bytes(sample.payload) for sample in samples_of(row)]


def test_the_first_message_is_kept_with_all_that_the_broker_said_of_it(
    link: MqttConnection,
) -> None:
    text = message(link, "hall/a", b"21.5", retain=True, qos=0, received_at=NOW - 3)
    pipeline.store(batch(text), NOW)
    [found] = samples_matching(link.site_id)
    assert bytes(found.payload) == b"21.5"
    assert (found.name, found.size, found.qos, found.retain) == ("hall/a", 4, 0, True)
    assert found.received_at.timestamp() == NOW - 3
    assert not found.is_cut


def test_one_a_minute_is_kept_and_the_five_newest_of_them(link: MqttConnection) -> None:
    for minute in range(KEPT + 3):
        say(link, "hall/a", {"t": minute}, NOW + 60 * minute)
        say(link, "hall/a", {"t": -1}, NOW + 60 * minute + 1)
    expected = [b'{"t": %d}' % minute for minute in range(7, 2, -1)]
    assert kept("hall/a") == expected


def test_a_message_of_another_shape_is_kept_within_seconds(link: MqttConnection) -> None:
    say(link, "hall/a", {"t": 1})
    say(link, "hall/a", {"error": "probe broken"}, NOW + 6)
    assert kept("hall/a") == [b'{"error": "probe broken"}', b'{"t": 1}']


def test_a_long_payload_is_cut_and_its_size_is_known(link: MqttConnection) -> None:
    say(link, "hall/a", b"x" * (MAX_BYTES + 1))
    [found] = samples_matching(link.site_id)
    assert (len(found.payload), found.size, found.is_cut) == (MAX_BYTES, MAX_BYTES + 1, True)


def test_topics_without_parser_and_switched_off_ones_have_samples_too(
    link: MqttConnection,
) -> None:
    Site.objects.update(new_topics_active=False)
    say(link, "odd", b"\x00\xff\x13")
    say(link, "off", {"t": 1})
    assert kept("odd") == [b"\x00\xff\x13"]
    assert kept("off") == [b'{"t": 1}']


def test_an_empty_message_is_no_sample(link: MqttConnection) -> None:
    say(link, "hall/a", b"")
    assert not samples_matching(link.site_id)


def test_another_process_does_not_keep_the_same_minute_again(link: MqttConnection) -> None:
    say(link, "hall/a", {"t": 1})
    PROCESS.forget()
    say(link, "hall/a", {"t": 2}, NOW + 2)
    assert kept("hall/a") == [b'{"t": 1}']


def test_a_batch_writes_a_bounded_number_and_the_others_get_theirs_later(
    link: MqttConnection,
) -> None:
    many = [message(link, f"hall/{number}", {"t": 1}) for number in range(A_BATCH + 5)]
    pipeline.store(batch(*many), NOW)
    assert TopicSample.objects.count() == A_BATCH
    pipeline.store(batch(*many), NOW + 1)
    assert TopicSample.objects.values("topic").distinct().count() == A_BATCH + 5


def test_a_second_has_a_bounded_number_whatever_the_batches(link: MqttConnection) -> None:
    for part in range(5):
        names = [f"hall/{part}/{number}" for number in range(A_BATCH)]
        pipeline.store(batch(*(message(link, name, {"t": 1}) for name in names)), NOW)
    assert TopicSample.objects.count() == A_SECOND


def test_what_is_rolled_back_is_sampled_with_the_next_message(
    link: MqttConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> list[object]:
        raise RuntimeError("the statement after the samples failed")

    lost = batch(message(link, "hall/a", {"t": 1}))
    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "remember", refuse)
        with pytest.raises(RuntimeError):
            pipeline.store(lost, NOW)
    assert not TopicSample.objects.exists()
    say(link, "hall/a", {"t": 2}, NOW + 1)
    assert kept("hall/a") == [b'{"t": 2}']


def test_samples_disturb_neither_readings_nor_books(link: MqttConnection) -> None:
    say(link, "hall/a", {"t": 1.5})
    assert Reading.objects.count() == 1
    assert books(link) == {"stored": 1}


def test_a_filter_selects_and_a_neighbour_site_is_not_shown(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    say(link, "hall/a/x", {"t": 1})
    say(link, "yard/a", {"t": 1}, NOW + 1)
    say(healthy, "hall/b/x", {"t": 1}, NOW + 2)
    assert [found.name for found in samples_matching(link.site_id, "hall/+/x")] == ["hall/a/x"]


def test_a_site_over_its_bound_loses_its_oldest_samples_alone(
    link: MqttConnection, healthy: MqttConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        say(link, f"hall/{number}", b"x" * 100, NOW + number)
    say(healthy, "hall/a", b"x" * 100, NOW + 9)
    monkeypatch.setattr(samples, "config", lambda: Config(sample_bytes=250))
    assert samples.trim() == 2
    assert [found.name for found in samples_matching(link.site_id)] == ["hall/3", "hall/2"]
    assert samples_matching(healthy.site_id).count() == 1


def test_samples_of_topics_that_are_gone_are_removed(link: MqttConnection) -> None:
    say(link, "hall/a", {"t": 1})
    say(link, "hall/b", {"t": 1}, NOW + 1)
    with connection.cursor() as cursor:  # as folding does it
        cursor.execute("DELETE FROM mqtt_discoveredtopic WHERE topic = 'hall/a'")
    assert samples.remove_orphans() == 1
    assert [found.name for found in samples_matching(link.site_id)] == ["hall/b"]
