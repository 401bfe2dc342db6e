"""Nudges and evidence through a real Valkey."""

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from pytest_django.fixtures import Settings

from mqtt_app.coordination import keys, nudges
from mqtt_app.coordination.client import _client, blocking_client
from mqtt_app.coordination.evidence import EvidenceStore, LinkEvidence
from mqtt_app.coordination.nudges import NudgeListener, Nudger, nudge
from tests.integration.ownership.fleet import Fleet


@pytest.fixture
def listener(valkey: redis.Redis) -> Iterator[NudgeListener]:
    client = blocking_client(5)
    found = NudgeListener(client)
    assert found.wait(2), "a new subscription counts as a nudge"
    yield found
    found.close()
    client.close()


def test_a_nudge_wakes_the_listener_at_once(listener: NudgeListener) -> None:
    threading.Timer(0.2, nudge).start()
    begun = time.monotonic()
    assert listener.wait(5)
    assert time.monotonic() - begun < 2
    assert not listener.wait(0.2)


def test_a_burst_is_few_nudges_and_the_last_one_is_out_after_a_flush(
    listener: NudgeListener,
) -> None:
    for _ in range(1000):
        nudge()
    assert nudges.flush(2)
    assert listener.wait(1)


def test_a_listener_that_lost_its_connection_comes_back_and_looks(
    listener: NudgeListener, valkey: redis.Redis
) -> None:
    for client in valkey.client_list():
        if client["id"] != str(valkey.client_id()):
            valkey.client_kill_filter(_id=client["id"])
    listener.wait(0.3)
    assert listener.wait(2)


def test_a_nudge_without_redis_neither_blocks_nor_raises(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    nudger, begun = Nudger(lambda: _client(0.2)), time.monotonic()
    nudger.nudge()
    assert time.monotonic() - begun < 0.1
    assert nudger.flush(2)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_nudges_too(listener: NudgeListener) -> None:
    nudge()
    assert nudges.flush(2)
    while listener.wait(0.1):
        pass
    child = os.fork()
    if child == 0:
        nudge()
        os._exit(0 if nudges.flush(3) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert listener.wait(2)


def evidence(number: int, **values: Any) -> LinkEvidence:
    return LinkEvidence(number, generation=1, state="connected", since=1.0, at=2.0, **values)


def test_evidence_is_read_by_owner_and_connection(valkey: redis.Redis) -> None:
    store = EvidenceStore(valkey, ttl=60)
    store.publish("mqtt-1", [evidence(1, matched={"a/#": 5.0}, rate=2.5), evidence(2)])
    store.publish("mqtt-2", [evidence(3)])
    found = store.read_many([("mqtt-1", 1), ("mqtt-2", 3), ("mqtt-2", 2), ("", 9)])
    assert set(found) == {1, 3}
    assert found[1] == evidence(1, matched={"a/#": 5.0}, rate=2.5)
    assert store.read("mqtt-1", 2) == evidence(2)


def test_what_an_owner_no_longer_says_is_gone(valkey: redis.Redis) -> None:
    store = EvidenceStore(valkey, ttl=60)
    store.publish("mqtt-1", [evidence(1), evidence(2)])
    store.publish("mqtt-1", [evidence(2)])
    assert store.read("mqtt-1", 1) is None
    store.publish("mqtt-1", [])
    assert store.read("mqtt-1", 2) is None


def test_evidence_of_an_unknown_shape_is_passed_over(valkey: redis.Redis) -> None:
    valkey.hset(keys.evidence("mqtt-1"), "1", b'{"other": true}')
    assert EvidenceStore(valkey, ttl=60).read("mqtt-1", 1) is None


def test_news_of_some_links_leave_what_was_said_of_the_others(valkey: redis.Redis) -> None:
    store = EvidenceStore(valkey, ttl=60)
    assert store.update("mqtt-1", [evidence(1)]) is False
    assert store.read("mqtt-1", 1) is None
    store.publish("mqtt-1", [evidence(1, rate=1.0), evidence(2, rate=1.0)])
    assert store.update("mqtt-1", [evidence(2, rate=2.0)]) is True
    assert store.update("mqtt-1", []) is True
    found = store.read_many([("mqtt-1", 1), ("mqtt-1", 2)])
    assert (found[1].rate, found[2].rate) == (1.0, 2.0)


@pytest.mark.parametrize("value", [b"no lease", b"{}", b'{"instance_id": "\xff"}'])
def test_a_strangers_value_does_not_hide_the_other_leases(fleet: Fleet, value: bytes) -> None:
    fleet.join("mqtt-1")
    fleet.client.sadd(keys.INSTANCES, "odd")
    fleet.client.set(keys.instance("odd"), value)
    assert set(fleet.leases.read_all()) == {"mqtt-1"}


@pytest.mark.parametrize("value", [b"no evidence", b"{}", b'{"state": "\xff"}'])
def test_a_strangers_value_does_not_hide_the_evidence_of_other_links(
    fleet: Fleet, value: bytes
) -> None:
    store = EvidenceStore(fleet.client, 60.0)
    store.publish("mqtt-1", [evidence(1)])
    fleet.client.hset(keys.evidence("mqtt-1"), "2", value)
    assert set(store.read_many([("mqtt-1", 1), ("mqtt-1", 2)])) == {1}


def test_a_lost_redis_is_an_error_within_two_seconds(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    begun = time.monotonic()
    with pytest.raises(redis.RedisError):
        _client(1.0).ping()
    assert time.monotonic() - begun < 2
