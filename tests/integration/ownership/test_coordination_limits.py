"""Keys of Redis and how long they live, how much is taken at once, and what a missing answer means."""

import time
from typing import Any

import pytest
import redis
from pytest_django.fixtures import Settings

from mqtt_app.coordination import keys
from mqtt_app.coordination.acks import AckList, BatchOutcome, BatchReport, decode, encode
from mqtt_app.coordination.client import _client, blocking_client
from mqtt_app.coordination.evidence import EvidenceStore, LinkEvidence
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.coordination.nudges import NudgeListener, Nudger


def evidence(number: int, **values: Any) -> LinkEvidence:
    return LinkEvidence(number, generation=1, state="up", since=1.0, at=2.0, **values)


def test_a_list_of_acknowledgements_is_taken_a_thousand_at_a_time_and_lives_an_hour(
    valkey: redis.Redis,
) -> None:
    acks = AckList(valkey)
    acks.push("mqtt-1", "x", [BatchReport(f"{number}") for number in range(1_001)])
    assert 3_590 < valkey.ttl(keys.acks("mqtt-1", "x")) <= 3_600
    assert len(acks.pop("mqtt-1", "x", 1)) == 1_000
    assert acks.pop("mqtt-1", "x", 1) == [BatchReport("1000")]
    begun = time.monotonic()
    assert acks.pop("mqtt-1", "x", 0.3) == []
    assert 0.25 < time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (BatchReport("a"), "a"),
        (BatchReport("a", BatchOutcome.FAILED), "a?"),
        (BatchReport("a", BatchOutcome.REFUSED), "a#"),
        (BatchReport("a", BatchOutcome.KILLED), "a*"),
        (BatchReport("a", skipped=frozenset({2, 1})), "a!1,2"),
        (BatchReport("a", postponed=frozenset({3})), "a~3"),
        (BatchReport("a", refused=frozenset({7, 4})), "a^4,7"),
        (
            BatchReport("a", BatchOutcome.COMMITTED, frozenset({9, 10}), frozenset({3, 12})),
            "a!9,10~3,12",
        ),
    ],
)
def test_a_report_is_decoded_as_it_was_encoded(report: BatchReport, text: str) -> None:
    assert encode(report) == text
    assert decode(text) == report


def test_evidence_lives_for_its_time_from_each_word_on(valkey: redis.Redis) -> None:
    store, name = EvidenceStore(valkey, ttl=20), keys.evidence("mqtt-1")
    store.publish("mqtt-1", [evidence(1)])
    assert 19_000 < valkey.pttl(name) <= 20_000
    valkey.pexpire(name, 500)
    assert store.update("mqtt-1", [])
    assert 19_000 < valkey.pttl(name) <= 20_000
    assert EvidenceStore(valkey, ttl=0.0001).update("mqtt-1", []), "at least a millisecond"


def test_nobody_asked_is_nobody_found(valkey: redis.Redis) -> None:
    store = EvidenceStore(valkey, ttl=20)
    assert store.read_many([]) == store.read_many([("", 1)]) == {}
    store.publish("mqtt-1", [evidence(1, unacked=3, paused=True, last_message_at=5.0)])
    assert store.read("mqtt-1", 1) == evidence(1, unacked=3, paused=True, last_message_at=5.0)
    assert store.read("mqtt-2", 1) is None


def test_evidence_says_nothing_that_was_not_said() -> None:
    found = evidence(1)
    assert (found.protocol, found.rate, found.messages, found.unacked, found.paused) == (
        "",
        0.0,
        0,
        0,
        False,
    )
    assert (found.connected_since, found.last_packet_at, found.last_message_at, found.matched) == (
        None,
        None,
        None,
        {},
    )


def test_a_lease_is_stamped_with_the_clock_of_its_owner_and_lives_for_its_time(
    valkey: redis.Redis,
) -> None:
    store = LeaseStore(valkey, ttl=15, clock=lambda: 1_234.5)
    assert store.acquire(Lease("mqtt-1", "one", 10, load=4))
    found = store.read("mqtt-1")
    assert found == Lease("mqtt-1", "one", 10, load=4, renewed_at=1_234.5)
    assert 14_000 < valkey.pttl(keys.instance("mqtt-1")) <= 15_000
    assert store.read("mqtt-2") is None
    assert (found.draining, found.pid, found.host, found.started_at, found.vitals) == (
        False,
        0,
        "",
        0.0,
        None,
    )


def test_eyes_see_the_leases_without_a_write(valkey: redis.Redis) -> None:
    store = LeaseStore(valkey, ttl=15)
    assert store.peek() == {}
    store.acquire(Lease("mqtt-1", "one", 10))
    store.acquire(Lease("mqtt-2", "two", 10))
    valkey.delete(keys.instance("mqtt-2"))
    assert set(store.peek()) == {"mqtt-1"}
    assert valkey.scard(keys.INSTANCES) == 2
    assert set(store.read_all()) == {"mqtt-1"}
    assert valkey.scard(keys.INSTANCES) == 1


def test_leases_are_known_since_the_mark_and_never_for_longer_than_redis_is_up(
    valkey: redis.Redis,
) -> None:
    store = LeaseStore(valkey, ttl=15)
    assert store.known_for() == 0.0
    valkey.set(keys.KNOWN_SINCE, str(time.time() + 100))
    assert store.known_for() == 0.0
    valkey.set(keys.KNOWN_SINCE, str(time.time() - 10_000_000))
    assert store.known_for() <= valkey.info("server")["uptime_in_seconds"] + 1
    valkey.set(keys.KNOWN_SINCE, str(time.time() - 0.5))
    assert 0.4 < store.known_for() < 5 or valkey.info("server")["uptime_in_seconds"] == 0


def test_nobody_waits_for_redis_longer_than_a_second_but_for_what_it_asked_for(
    settings: Settings,
) -> None:
    values = _client(1.0).connection_pool.connection_kwargs
    assert (values["socket_connect_timeout"], values["health_check_interval"]) == (1.0, 10.0)
    assert (values["socket_timeout"], values["socket_keepalive"], values["retry"]._retries) == (
        1.0,
        True,
        0,
    )
    assert blocking_client(5).connection_pool.connection_kwargs["socket_timeout"] == 6.0


def test_a_flush_without_a_nudge_is_done_and_one_that_hangs_says_so(valkey: redis.Redis) -> None:
    assert Nudger(lambda: valkey).flush(0.1)

    def late() -> redis.Redis:
        time.sleep(1)
        return valkey

    slow = Nudger(late)
    slow.nudge()
    assert not slow.flush(0.05)
    assert slow.flush(10)
    again = time.monotonic()
    slow.nudge()
    assert slow.flush(10)
    assert time.monotonic() - again > 0.5, "a second one is sent, too"


def test_without_a_nudge_a_listener_waits_for_its_time(valkey: redis.Redis) -> None:
    client = blocking_client(5)
    listener = NudgeListener(client)
    assert listener.wait(2)
    begun = time.monotonic()
    assert not listener.wait(0.3)
    assert 0.25 < time.monotonic() - begun < 3
    listener.close()
    assert listener.wait(2), "a new subscription may have missed one"
    listener.close()
    client.close()


def test_a_listener_without_redis_waits_for_its_time(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    listener, begun = NudgeListener(_client(0.2)), time.monotonic()
    assert not listener.wait(0.3)
    assert 0.25 < time.monotonic() - begun < 3
