"""What a broker sends costs a bounded amount of memory, whatever it announces and however it sends
it.
"""

import socket
import ssl
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mqtt_app.mqtt.runtime import Runtime
from tests.brokers import CertificateAuthority, Mosquitto
from tests.fakes.rogue import RogueBroker, RogueLink, Script
from tests.fakes.violations import BOTH
from tests.fakes.wire import publish, variable
from tests.integration.runtime.world import World, connection, wait_for
from tests.publisher import publisher

MB = 1_048_576
LINKS = 1_000
HEALTHY = 5_000  # the site of the broker that does nothing wrong
ONE_TRY = {"violation_base": 60.0, "refused_cap": 900.0}


@pytest.fixture
def siege(
    world: World, run: Callable[..., Runtime], rogue: Callable[..., RogueBroker]
) -> Callable[..., tuple[World, RogueBroker]]:
    """`siege(script, ...)`: the world, and the only broker of its only site."""

    def start(
        script: Script, tls: CertificateAuthority | None = None, **settings: Any
    ) -> tuple[World, RogueBroker]:
        broker = rogue(script, tls=tls)
        world.add(connection(1, broker.port, **settings))
        run(**ONE_TRY)
        return world, broker

    return start


@pytest.fixture
def memory() -> Iterator[Callable[[], int]]:
    """`memory()`: bytes of the most that was in use since the test began, beyond what was in use
    then.
    """
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    yield lambda: tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()


def stream_200_megabytes(first: int) -> Script:
    def script(link: RogueLink) -> None:
        link.accept_and_subscribe()
        link.send(bytes([first]) + variable(200 * MB))
        for _ in range(200):
            if link.closed.is_set():
                return
            link.send(NOTHING)

    return script


NOTHING = bytes(MB)


@pytest.fixture(params=BOTH)
def version(request: pytest.FixtureRequest) -> str:
    version: str = request.param
    return version


@pytest.mark.parametrize(
    "first", [0x30, 0x32, 0x90, 0xD0], ids=["QoS 0", "QoS 1", "SUBACK", "PINGRESP"]
)
def test_a_broker_that_streams_200_megabytes_is_ended_at_the_header(
    siege: Callable[..., tuple[World, RogueBroker]],
    memory: Callable[[], int],
    version: str,
    first: int,
) -> None:
    world, broker = siege(stream_200_megabytes(first), protocol_version=version)
    wait_for(lambda: world.status(1) == "error")
    kind, text = world.error(1)
    assert (kind, "209,715,2" in text) == ("broker", True), text
    assert broker.links[0].closed.wait(5)
    assert broker.links[0].goodbyes() == ([0x95] if version == "5" else [])
    assert memory() < 8 * MB  # 1 MB of it is the broker's in this process, and what it reads


def test_the_same_over_tls(
    siege: Callable[..., tuple[World, RogueBroker]],
    memory: Callable[[], int],
    authority: CertificateAuthority,
    version: str,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server())
    settings = {"protocol_version": version, "use_tls": True, "tls_ca": authority.pem}
    world, _ = siege(stream_200_megabytes(0x30), tls=context, **settings)
    wait_for(lambda: world.status(1) == "error")
    assert (world.error(1)[0], "209,715,2" in world.error(1)[1]) == ("broker", True), world.error(1)
    assert memory() < 8 * MB


def test_a_broker_that_streams_packets_just_below_the_limit_is_not_read_beyond_its_share(
    world: World,
    run: Callable[..., Runtime],
    rogue: Callable[..., RogueBroker],
    memory: Callable[[], int],
) -> None:
    def script(link: RogueLink) -> None:
        link.accept_and_subscribe()
        for number in range(1, 60):
            link.send(publish("5", payload=NOTHING, qos=1, packet_id=number))

    world.committing = False
    world.add(connection(1, rogue(script).port))
    runtime = run(pending_bytes=8 * MB, batch_bytes=1_000)
    wait_for(lambda: runtime.sessions() and runtime.sessions()[0].paused)
    time.sleep(0.5)
    assert sum(len(message.payload) for message in world.messages) <= 9 * MB
    assert (
        memory() < 60 * MB
    )  # three copies of 8 MB, as message, packed batch and in the world of this test


@pytest.mark.mosquitto
def test_a_thousand_links_that_stay_half_cost_no_more_than_the_limit(
    world: World,
    run: Callable[..., Runtime],
    rogue: Callable[..., RogueBroker],
    mosquitto: Callable[..., Mosquitto],
) -> None:
    """60 KB of each; the ones that began first make room, and a healthy site goes on."""

    def script(link: RogueLink) -> None:
        link.accept_and_subscribe()
        link.send(publish(link.version, payload=bytes(65_000))[:60_000])

    broker, healthy = rogue(script), mosquitto()
    for number in range(1, LINKS + 1):
        world.add(connection(number, broker.port))
    world.add(connection(HEALTHY, healthy.port))
    runtime = run(unfinished_bytes=3 * MB, **ONE_TRY)
    shared, most = runtime._services.unfinished, 0
    deadline = time.monotonic() + 90
    while (
        len(broker.links) < LINKS
        or len([link for link in broker.links if link.closed.is_set()]) < LINKS - 60
    ):
        most = max(most, shared.total)
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert most <= 3 * MB + 65_536
    wait_for(
        lambda: world.error(1)[0] == "broker" and "SITEWIRE_UNFINISHED_BYTES" in world.error(1)[1]
    )
    assert {code for link in broker.links for code in link.goodbyes()} == {0x97}
    wait_for(lambda: world.status(HEALTHY) == "connected")
    with publisher(healthy.port) as sender:
        sender.send("healthy/a", "x" * 100_000)
    wait_for(lambda: any(message.site_id == HEALTHY for message in world.messages))


def test_a_thousand_links_that_stutter_are_ended_in_time_and_leave_nothing(
    world: World, run: Callable[..., Runtime], rogue: Callable[..., RogueBroker]
) -> None:
    def script(link: RogueLink) -> None:
        link.accept_and_subscribe()
        for byte in publish(link.version, payload=bytes(10_000)):
            if link.closed.wait(0.05):
                return
            link.send(bytes([byte]))

    broker = rogue(script)
    for number in range(1, LINKS + 1):
        world.add(connection(number, broker.port))
    runtime = run(packet_timeout=1.0, **ONE_TRY)
    wait_for(lambda: all(world.status(number) == "error" for number in range(1, LINKS + 1)), 90)
    assert {world.error(number)[0] for number in range(1, LINKS + 1)} == {"broker"}
    assert runtime._services.unfinished.total == 0


def test_a_link_that_is_not_read_and_is_reset_is_lost_at_once_and_keeps_nobody_busy(
    world: World, run: Callable[..., Runtime], rogue: Callable[..., RogueBroker]
) -> None:
    """The poll reports it in every round, whether or not it is asked."""
    is_full = threading.Event()

    def script(link: RogueLink) -> None:
        link.accept_and_subscribe()
        for number in range(1, 60):
            link.send(publish("5", payload=bytes(20_000), qos=1, packet_id=number))
        is_full.wait(10)
        link.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )  # close resets
        link.sock.shutdown(socket.SHUT_RDWR)  # ends the other thread's read of it
        link.sock.close()

    world.committing = False
    world.add(connection(1, rogue(script).port))
    runtime = run(
        pending_bytes=300_000, batch_bytes=50_000, backoff_base=60.0, backoff_cap=60.0, **ONE_TRY
    )
    wait_for(lambda: runtime.sessions() and runtime.sessions()[0].paused)
    is_full.set()
    wait_for(lambda: world.status(1) == "error", 5)
    rounds = []
    runtime.loop.turns.append(lambda: rounds.append(1))
    time.sleep(0.5)
    assert len(rounds) < 100
