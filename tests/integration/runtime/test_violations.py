"""A broker that breaks the protocol: told so in the protocol's own words, asked ever more rarely,
and nobody else's trouble.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from mqtt_app.mqtt import connection_log_writer
from mqtt_app.mqtt.runtime import Runtime
from tests.brokers import Mosquitto
from tests.fakes.rogue import RogueBroker, RogueLink, Script
from tests.fakes.violations import BOTH, CASES, Case
from tests.fakes.wire import publish
from tests.integration.runtime.world import World, connection, wait_for
from tests.narrowing import present
from tests.publisher import publisher

pytestmark = pytest.mark.mosquitto
HEALTHY = 1_000  # a site's number
SLOW: dict[str, Any] = {"violation_base": 60.0, "refused_cap": 900.0}  # so that there is one try
POISON = Case("poison", 0x90, "wildcard", lambda version: publish(version, b"rogue/#", qos=1))


@pytest.fixture(scope="module")
def healthy(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto()


@pytest.fixture(scope="module", params=BOTH)
def siege(
    request: pytest.FixtureRequest, healthy: Mosquitto
) -> Iterator[tuple[str, World, list[str], dict[str, RogueBroker]]]:
    """All cases at once, a site for each, beside one whose broker is healthy: the world, its log
    and the brokers.
    """
    version, world, written = request.param, World(), []
    brokers = {case.name: RogueBroker(case.play) for case in CASES if version in case.versions}
    for number, broker in enumerate(brokers.values(), start=1):
        world.add(connection(number, broker.port, protocol_version=version))
    world.add(connection(HEALTHY, healthy.port))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            connection_log_writer,
            "log_connection_event",
            lambda link, level, text, **_: written.append(text),
        )
        runtime = world.runtime(connect_rate=20.0, **SLOW)
        runtime.start()
        wait_for(
            lambda: all(world.status(number) == "error" for number in range(1, len(brokers) + 1)),
            60,
        )
        wait_for(lambda: world.status(HEALTHY) == "connected", 20)
        yield version, world, written, brokers
        runtime.stop()
    for broker in brokers.values():
        broker.stop()


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_what_mqtt_forbids_ends_that_link_with_its_reason(
    siege: tuple[str, World, list[str], dict[str, RogueBroker]], case: Case
) -> None:
    version, world, _, brokers = siege
    if version not in case.versions:
        return  # the other version has this case, or does not know what it is about
    kind, text = world.error(1 + list(brokers).index(case.name))
    assert (kind, case.words in text) == ("broker", True), text
    assert text.startswith("The broker broke the MQTT protocol: ")
    (link,) = brokers[case.name].links
    assert link.closed.wait(5)
    assert link.goodbyes() == ([case.code] if version == "5" else [])


def test_a_healthy_site_among_all_these_is_not_disturbed(
    siege: tuple[str, World, list[str], dict[str, RogueBroker]], healthy: Mosquitto
) -> None:
    _, world, written, _ = siege
    assert world.status(HEALTHY) == "connected"
    with publisher(healthy.port) as sender:
        sender.send("healthy/a", "1")
    wait_for(lambda: any(message.site_id == HEALTHY for message in world.messages))
    assert written.count(f"Successfully connected to 127.0.0.1:{healthy.port}") == 1


@pytest.mark.parametrize("version", BOTH)
def test_nothing_of_a_forbidden_message_becomes_a_message(
    world: World, run: Callable[..., Runtime], rogue: Callable[..., RogueBroker], version: str
) -> None:
    def script(link: RogueLink) -> None:
        link.accept_and_subscribe()
        link.send(
            publish(version, b"good/a", b"before", qos=1, packet_id=1)
            + publish(version, b"rogue/#", qos=1)
        )
        link.send(publish(version, b"good/a", b"after", qos=1, packet_id=3))

    broker = rogue(script)
    world.add(connection(1, broker.port, protocol_version=version))
    run(**SLOW)
    wait_for(lambda: world.payloads() == [b"before"])
    time.sleep(0.2)
    assert world.payloads() == [b"before"]


@pytest.mark.parametrize("version", BOTH)
def test_a_broker_that_breaks_the_protocol_after_each_connack_is_asked_ever_more_rarely(
    world: World, run: Callable[..., Runtime], rogue: Callable[..., RogueBroker], version: str
) -> None:
    broker = rogue(POISON.play)
    world.add(connection(1, broker.port, protocol_version=version))
    run(violation_base=0.2, refused_cap=60.0)
    wait_for(lambda: len(broker.links) == 5, 20)
    times = [link.at for link in broker.links]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert [gap >= 0.1 * 2**turn for turn, gap in enumerate(gaps)] == [True] * 4, gaps
    wait_for(lambda: world.error(1)[0] == "broker")


def test_what_sloppy_brokers_do_is_taken(
    world: World, run: Callable[..., Runtime], rogue: Callable[..., RogueBroker]
) -> None:
    """A PINGRESP that nobody asked for, a message sent twice on one link, a length that is padded,
    a PUBREL of old.
    """

    def script(link: RogueLink) -> None:
        link.accept_and_subscribe()
        link.send(b"\xd0\0" + b"\x30\x89\x00" + b"\x00\x01a\x00first"[:9] + b"\x62\x02\x00\x09")
        link.send(
            publish("5", b"a", b"again", qos=1, packet_id=5)
            + publish("5", b"a", b"again", qos=1, packet_id=5, flags=8)
        )

    broker = rogue(script)
    world.add(connection(1, broker.port, protocol_version="5"))
    run()
    wait_for(lambda: {b"first"[:5], b"again"} <= set(world.payloads()))
    wait_for(lambda: (0x70, b"\x00\x09\x92") in list(broker.links[0].packets()))
    wait_for(lambda: world.status(1) == "connected")
    assert len(broker.links) == 1


@pytest.mark.parametrize("version", BOTH)
def test_a_packet_that_comes_byte_by_byte_is_a_message(
    world: World, run: Callable[..., Runtime], rogue: Callable[..., RogueBroker], version: str
) -> None:
    def script(link: RogueLink) -> None:
        link.accept_and_subscribe()
        for byte in publish(version, b"slow/a", b"x" * 150, qos=1):
            link.send(bytes([byte]))
            time.sleep(0.002)

    broker = rogue(script)
    world.add(connection(1, broker.port, protocol_version=version))
    run()
    wait_for(lambda: world.payloads() == [b"x" * 150])


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("stutters", [False, True])
def test_a_packet_that_stays_half_ends_the_link_in_time(
    world: World,
    run: Callable[..., Runtime],
    rogue: Callable[..., RogueBroker],
    version: str,
    stutters: bool,
) -> None:
    def script(link: RogueLink) -> None:
        link.accept_and_subscribe()
        link.send(publish(version, b"half/a", bytes(100_000))[:500])
        while stutters and not link.closed.wait(0.02):
            link.send(b"x")

    broker = rogue(script)
    world.add(connection(1, broker.port, protocol_version=version))
    run(packet_timeout=0.5, **SLOW)
    wait_for(lambda: world.status(1) == "error", 5)
    kind, text = world.error(1)
    assert (kind, "not the rest within" in text) == ("broker", True), text
    assert broker.links[0].closed.wait(5)
    assert broker.links[0].goodbyes() == ([0x81] if version == "5" else [])


@pytest.mark.parametrize("version", BOTH)
def test_a_broker_that_sends_beyond_our_receive_maximum_keeps_its_link(
    world: World, run: Callable[..., Runtime], rogue: Callable[..., RogueBroker], version: str
) -> None:
    """mosquitto 2.0 does so under load; to end its link would bring all of it once more."""
    numbers = range(1, 2_501)

    def script(link: RogueLink) -> None:
        link.accept_and_subscribe()
        link.send(b"".join(publish(version, b"a", b"%d" % n, qos=1, packet_id=n) for n in numbers))

    broker = rogue(script)
    world.add(connection(1, broker.port, protocol_version=version))
    run(**SLOW)
    wait_for(lambda: len(world.payloads()) == len(numbers) and world.status(1) == "connected")
    assert len(broker.links) == 1


def test_a_broker_that_takes_no_acknowledgement_while_it_sends_is_ended(
    world: World,
    run: Callable[..., Runtime],
    rogue: Callable[..., RogueBroker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """3.1.1 has no Receive Maximum; that it has 65,535 packet identifiers is the bound."""

    def script(link: RogueLink) -> None:
        link.accept_and_subscribe()
        reading.wait(10)
        for start in range(0, 400_000, 1_000):
            numbers = range(start, start + 1_000)
            link.send(
                b"".join(
                    publish("3.1.1", b"a", qos=1, packet_id=1 + number % 65_535)
                    for number in numbers
                )
            )

    reading, broker = threading.Event(), rogue(script)
    world.add(connection(1, broker.port, protocol_version="3.1.1"))
    runtime = run(**SLOW)
    wait_for(lambda: world.status(1) == "connected")
    # as if the socket took nothing any more
    client = present(runtime.sessions()[0].io.client)
    monkeypatch.setattr(client, "loop_write", lambda: None)
    reading.set()
    wait_for(lambda: world.status(1) == "error", 60)
    assert "takes none of our acknowledgements" in world.error(1)[1]


# A stop always stops


def _half_of_a_megabyte(link: RogueLink) -> None:
    link.accept_and_subscribe()
    link.send(publish(link.version, b"half/a", bytes(1_000_000))[:500_000])


@pytest.mark.parametrize("version", BOTH)
def test_a_stop_in_the_middle_of_a_packet_ends_the_link_and_frees_what_it_held(
    world: World, run: Callable[..., Runtime], rogue: Callable[..., RogueBroker], version: str
) -> None:
    broker = rogue(_half_of_a_megabyte)
    world.add(connection(1, broker.port, protocol_version=version))
    runtime = run()
    wait_for(lambda: runtime._services.unfinished.total > 400_000)
    world.wanted[1] = False
    world.nudge()
    wait_for(lambda: world.status(1) == "disconnected", 5)
    assert broker.links[0].closed.wait(5)
    assert (runtime._services.unfinished.total, runtime.sessions()) == (0, [])


@pytest.mark.parametrize("script", [POISON.play, _half_of_a_megabyte], ids=["poison", "half"])
def test_a_healthy_broker_that_is_set_instead_works_at_once(
    world: World,
    run: Callable[..., Runtime],
    rogue: Callable[..., RogueBroker],
    healthy: Mosquitto,
    script: Script,
) -> None:
    broker = rogue(script)
    world.add(connection(1, broker.port))
    runtime = run(**SLOW)
    wait_for(lambda: broker.links and broker.links[0].subscribed.is_set())
    time.sleep(0.3)
    world.configs[1] = msgspec.structs.replace(
        world.configs[1], port=healthy.port, config_version=2
    )
    world.nudge()
    wait_for(
        lambda: (
            world.status(1) == "connected" and runtime.sessions()[0].config.port == healthy.port
        ),
        5,
    )
    with publisher(
        healthy.port
    ) as sender:  # `connected` comes before the broker has answered for the filters

        def arrived() -> bool:
            sender.send("healthy/now", "mended")
            return b"mended" in world.payloads()

        wait_for(arrived)
    assert runtime._services.unfinished.total == 0
