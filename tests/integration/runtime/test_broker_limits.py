"""What a broker allows is obeyed and known, and what it says is kept in its own words."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mqtt_app.domain.link.answers.capabilities import sentence
from mqtt_app.domain.link.connection_config import ConnectionConfig, Filter
from mqtt_app.mqtt.runtime import Runtime
from tests.fakes.picky import PickyBroker, number, pair, string
from tests.fakes.rogue import RogueBroker
from tests.fakes.wire import connack
from tests.integration.runtime.world import World, connection, wait_for

KEEP_ALIVE = 0x13
MAXIMUM_QOS = 0x24
RETAIN = 0x25
PACKET_SIZE = 0x27
WILDCARDS = 0x28
IDENTIFIERS = 0x29
SHARED = 0x2A
REASON = 0x1F
REFERENCE = 0x1C
RESPONSE = 0x1A
ASSIGNED = 0x12


@pytest.fixture
def picky() -> Iterator[Callable[..., PickyBroker]]:
    brokers = []

    def start(**limits: Any) -> PickyBroker:
        brokers.append(PickyBroker(**limits))
        return brokers[-1]

    yield start
    for broker in brokers:
        broker.stop()


@pytest.fixture
def refusing() -> Iterator[Callable[..., RogueBroker]]:
    """`refusing(code, properties)`: a broker that refuses every CONNECT so."""
    brokers = []

    def start(code: int, properties: bytes = b"") -> RogueBroker:
        brokers.append(RogueBroker(lambda link: link.send(connack(link.version, code, properties))))
        return brokers[-1]

    yield start
    for broker in brokers:
        broker.stop()


def up(world: World, run: Callable[..., Runtime], config: ConnectionConfig, **changes: Any) -> None:
    world.add(config)
    run(**changes)
    wait_for(lambda: world.status(config.id) == "connected")


def test_a_keep_alive_of_the_broker_is_obeyed_in_time(
    world: World, run: Callable[..., Runtime], picky: Callable[..., PickyBroker]
) -> None:
    broker = picky(properties=number(KEEP_ALIVE, 2, 3), drop_after=4.5)
    up(world, run, connection(1, broker.port, protocol_version="5"))
    time.sleep(6)
    assert world.status(1) == "connected"
    assert len(broker.links) == 1
    assert broker.links[0].pings >= 2
    allows = world.statuses[1]["capabilities"]
    assert "keep alive 3 s (asked 60)" in sentence(allows)


def test_nothing_is_asked_for_that_the_broker_has_not(
    world: World, run: Callable[..., Runtime], picky: Callable[..., PickyBroker]
) -> None:
    broker = picky(
        properties=number(MAXIMUM_QOS, 1, 0)
        + number(RETAIN, 1, 0)
        + number(WILDCARDS, 1, 0)
        + number(IDENTIFIERS, 1, 0)
        + number(SHARED, 1, 0)
    )
    filters = (Filter("a/b", 1), Filter("a/#", 1), Filter("+/c", 0), Filter("d", 1))
    up(world, run, connection(1, broker.port, filters=filters, protocol_version="5"))
    wait_for(lambda: world.refusals.get(1, {}).keys() >= {"a/#", "+/c", "a/b", "d"})
    assert {name for wanted in broker.asked for name, _ in wanted} == {"a/b", "d"}
    assert {qos for wanted in broker.asked for _, qos in wanted} == {0}
    assert "no wildcard" in world.refusals[1]["a/#"]
    assert world.grants[1] == {"a/#": 0xA2, "+/c": 0xA2, "a/b": 0, "d": 0}
    said = sentence(world.statuses[1]["capabilities"])
    assert said.startswith("this broker allows: QoS 0, no retained messages, keep alive 60 s")
    assert "no wildcards in filters" in said


def test_a_password_that_the_broker_repeats_is_masked_wherever_it_is_kept(
    world: World,
    run: Callable[..., Runtime],
    rows: list[tuple[str, str, int | None]],
    picky: Callable[..., PickyBroker],
) -> None:
    echo = "no such user u/correct horse"
    broker = picky(
        properties=string(REASON, echo)
        + string(RESPONSE, echo)
        + pair("given", "correct horse")
        + string(ASSIGNED, "correct horse 7"),
        suback_properties=string(REASON, echo),
        suback_code=0x87,
    )
    config = connection(1, broker.port, protocol_version="5", password="correct horse")
    up(world, run, config)
    wait_for(lambda: world.refusals.get(1))
    allows = world.statuses[1]["capabilities"]
    kept = [sentence(allows), *world.refusals[1].values(), *(row[1] for row in rows)]
    assert "no such user u/********" in allows.words.reason
    assert any("no such user u/********" in text for text in world.refusals[1].values())
    assert not [text for text in kept if "correct horse" in text]


def test_no_subscribe_is_larger_than_the_broker_takes(
    world: World, run: Callable[..., Runtime], picky: Callable[..., PickyBroker]
) -> None:
    broker = picky(properties=number(PACKET_SIZE, 4, 60))
    filters = tuple(Filter(f"plant/{letter * 12}", 1) for letter in "abcdef")
    filters += (Filter("x" * 60, 1),)
    up(world, run, connection(1, broker.port, filters=filters, protocol_version="5"))
    wait_for(lambda: len(world.grants.get(1, {})) == 7)
    assert world.grants[1]["x" * 60] == 0x95
    for link in broker.links:
        for first, body in link.link.packets():
            assert first != 0x82 or 2 + len(body) <= 60


def test_a_broker_of_3_1_1_shows_what_is_known(
    world: World, run: Callable[..., Runtime], picky: Callable[..., PickyBroker]
) -> None:
    broker = picky()
    up(world, run, connection(1, broker.port, protocol_version="3.1.1", keepalive=30))
    said = sentence(world.statuses[1]["capabilities"])
    assert said == "MQTT 3.1.1, in which a broker names no limits: keep alive 30 s"


HOSTILE = "<script>alert(1)</script>\x07\x1b[31m\u202egnp" + "x" * 60_000


@pytest.mark.parametrize("reason", ["Your plan allows 5 connections", HOSTILE])
def test_the_words_of_a_broker_are_kept_short_and_plain(
    world: World,
    run: Callable[..., Runtime],
    rows: list[tuple[str, str, int | None]],
    refusing: Callable[..., RogueBroker],
    reason: str,
) -> None:
    broker = refusing(0x97, string(REASON, reason) + pair("plan", "free\ntier"))
    world.add(connection(1, broker.port, protocol_version="5"))
    run()
    wait_for(lambda: world.status(1) == "error")
    kind, text = world.error(1)
    assert kind == "broker"
    assert text.startswith('A quota of the broker is exceeded. The broker says: "')
    assert "[plan: free tier]" in text
    assert text.isprintable()
    assert len(text) < 500
    assert reason[:20] in text
    wait_for(lambda: any(row[1] == text for row in rows))
    wait_for(lambda: len(broker.links) >= 3, 8)  # within seconds


def test_another_server_is_named_and_not_followed(
    world: World, run: Callable[..., Runtime], refusing: Callable[..., RogueBroker]
) -> None:
    broker = refusing(0x9D, string(REFERENCE, "other.example:8883"))
    world.add(connection(1, broker.port, protocol_version="5"))
    run()
    wait_for(lambda: world.status(1) == "error")
    kind, text = world.error(1)
    assert (kind, "It names other.example:8883." in text) == ("broker", True)


def test_a_slow_connack_is_named_while_it_lasts(
    world: World, run: Callable[..., Runtime], picky: Callable[..., PickyBroker]
) -> None:
    broker = picky(connack_after=3.0)
    world.add(connection(1, broker.port, protocol_version="5"))
    run(connack_timeout=10.0)
    wait_for(lambda: any(item.stage == "connect" for item in world.evidence))
    wait_for(lambda: world.status(1) == "connected")
    wait_for(lambda: all(item.stage == "" for item in world.evidence))


def test_the_first_time_out_is_stored_though_an_older_version_is_tried(
    world: World, run: Callable[..., Runtime], picky: Callable[..., PickyBroker]
) -> None:
    broker = picky(connack_after=30.0)
    world.add(connection(1, broker.port))
    run(connack_timeout=1.0, refused_base=60.0)
    wait_for(lambda: "MQTT 3.1.1 is tried now" in world.error(1)[1], 3)
