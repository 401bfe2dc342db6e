"""What is asked of a real broker, what is not asked twice, and what is known for a copy."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from paho.mqtt.client import MQTTv311

from mqtt_app.domain.link.connection_config import ConnectionConfig, Filter
from mqtt_app.mqtt.runtime import Runtime
from project.local.demo.devices import SITES
from project.local.processes.ports import free_ports, problem_with
from project.local.processes.process import spawn
from tests.brokers import Mosquitto
from tests.integration.runtime.world import World, connection, wait_for
from tests.publisher import publisher
from tests.stack import ROOT

pytestmark = pytest.mark.mosquitto

REFUSED = 0x87
VERSIONS = ("5", "3.1.1")
QUEUED = 1_000  # messages for a client, by mosquitto's default
RETAINED = 5 * QUEUED


@pytest.fixture
def own(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto()


def up(
    world: World, run: Callable[..., Runtime], config: ConnectionConfig, **changes: Any
) -> Runtime:
    world.add(config)
    runtime = run(**changes)
    wait_for(lambda: world.status(config.id) == "connected")
    return runtime


def asked(broker: Mosquitto, what: str) -> int:
    return broker.log_text().count(f"Received {what} from runtime-")


def duplicates(world: World) -> int:
    return sum(
        drop.count for batch in world.batches for drop in batch.drops if drop.reason == "duplicate"
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_that_three_filters_select_is_taken_once(
    world: World, run: Callable[..., Runtime], own: Mosquitto, version: str
) -> None:
    filters = (Filter("a/#", 0), Filter("a/+", 1), Filter("a/b", 1), Filter("other", 1))
    runtime = up(world, run, connection(1, own.port, filters=filters, protocol_version=version))
    with publisher(own.port) as sender:
        for number in range(50):
            sender.send("a/b", str(number))
            sender.send("a/c/d", str(number))
            sender.send("other", "the same")
    wait_for(lambda: len(world.messages) >= 150)
    (session,) = runtime.sessions()
    wait_for(lambda: not len(session.intake.acks))
    found = Counter((message.topic, message.payload, message.qos) for message in world.messages)
    expected = {("a/b", b"%d" % number, 1): 1 for number in range(50)}
    raised = 1 if version == "5" else 0
    expected |= {("a/c/d", b"%d" % number, raised): 1 for number in range(50)}
    assert found == expected | {("other", b"the same", 1): 50}
    copies = (
        3 if version == "5" else 1
    )  # mosquitto sends one to each of MQTT 5's, and one to all of 3.1.1's
    wait_for(lambda: duplicates(world) == 50 * (copies - 1))


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_that_a_broker_retains_comes_in_however_little_it_queues(
    world: World, run: Callable[..., Runtime], own: Mosquitto, version: str
) -> None:
    with publisher(own.port) as sender:
        sent = [
            sender.client.publish(f"kept/{number}", str(number), 1, retain=True)
            for number in range(RETAINED)
        ]
        sent[-1].wait_for_publish(30)
    up(
        world,
        run,
        connection(1, own.port, filters=(Filter("kept/#", 1),), protocol_version=version),
    )
    wait_for(lambda: len(world.messages) >= RETAINED, 30)
    wait_for(lambda: world.grants[1] == {"kept/#": 1})
    if (
        version == "3.1.1"
    ):  # mosquitto sends as many as it queues once more, and has no room for others meanwhile
        wait_for(lambda: duplicates(world) >= QUEUED, 30)
    with publisher(own.port) as sender:
        sender.send("kept/live", "1")
    wait_for(lambda: any(message.topic == "kept/live" for message in world.messages))
    found = Counter(message.topic for message in world.messages)
    assert len(found) == RETAINED + 1
    assert set(found.values()) == {1}
    (live,) = (message for message in world.messages if message.topic == "kept/live")
    assert live.qos == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_the_next_owner_of_a_session_that_is_in_line_is_sent_nothing_again(
    world: World, run: Callable[..., Runtime], own: Mosquitto, version: str
) -> None:
    """With 3.1.1 by asking for nothing; with MQTT 5 a broker can be asked without sending what it
    retains.
    """
    with publisher(own.port) as sender:
        sender.send("kept", "1", retain=True)
    config = connection(1, own.port, protocol_version=version)
    first = up(world, run, config)
    wait_for(lambda: len(world.messages) == 1)
    wait_for(lambda: world.configs[1].subscribed_version == 1)
    if version == "3.1.1":  # the broker sends what it retains a second time, at QoS 1
        wait_for(lambda: "Received PUBACK from runtime" in own.log_text())
    before = asked(own, "SUBSCRIBE")
    first.stop()
    world.statuses.clear()
    up(world, run, world.configs[1])
    with publisher(own.port) as sender:
        sender.send("live", "2")
    wait_for(lambda: len(world.messages) >= 2)
    assert world.payloads() == [b"1", b"2"]
    assert (asked(own, "SUBSCRIBE") == before) is (version == "3.1.1")


def test_a_session_that_was_changed_since_is_brought_in_line(
    world: World, run: Callable[..., Runtime], own: Mosquitto
) -> None:
    """Filters that went and came again while nobody looked, and one that only went."""
    up(world, run, connection(1, own.port, filters=(Filter("a", 1), Filter("b", 1)))).stop()
    world.statuses.clear()
    changes = {"config_version": 4, "filters": (Filter("a", 1),), "obsolete_filters": ("b",)}
    up(world, run, msgspec.structs.replace(world.configs[1], **changes))
    wait_for(lambda: world.configs[1].subscribed_version == 4)
    assert world.configs[1].obsolete_filters == ()
    with publisher(own.port) as sender:
        sender.send("b", "gone")
        sender.send("a", "1")
    wait_for(lambda: world.messages)
    assert world.payloads() == [b"1"]


def test_a_broker_that_leaves_copies_out_after_its_restart_is_heard(
    world: World, run: Callable[..., Runtime], mosquitto: Callable[..., Mosquitto]
) -> None:
    """mosquitto 2.0 queues one copy, with one identifier, for a client that has not come back yet."""
    lasting = mosquitto(persistence=True)
    filters = (Filter("a/#", 1), Filter("a/+", 1))
    up(world, run, connection(1, lasting.port, filters=filters)).stop()
    world.statuses.clear()
    lasting.stop()
    lasting.start()
    with publisher(lasting.port) as sender:
        for number in range(10):
            sender.send("a/b", str(number))
    up(world, run, world.configs[1])
    wait_for(lambda: len(world.messages) >= 10)
    with publisher(lasting.port) as sender:
        sender.send("a/b", "10")
    wait_for(lambda: len(world.messages) >= 11)
    assert world.payloads() == [b"%d" % number for number in range(11)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_broker_that_restores_a_session_without_the_newest_filter_is_asked_once_more(
    world: World, run: Callable[..., Runtime], mosquitto: Callable[..., Mosquitto], version: str
) -> None:
    """Killed before it had saved them, it says that it has the session, and has it as it was."""
    lasting = mosquitto(persistence=True)
    up(world, run, connection(1, lasting.port, filters=(Filter("a", 1),), protocol_version=version))
    lasting.stop()  # saves
    lasting.start()
    wait_for(lambda: world.status(1) == "connected", 20)
    changed = (Filter("a", 1), Filter("b", 1))
    world.configs[1] = msgspec.structs.replace(world.configs[1], filters=changed, config_version=2)
    wait_for(lambda: world.configs[1].subscribed_version == 2)
    lasting.kill()
    wait_for(lambda: world.status(1) == "error")
    time.sleep(1.5)  # so that it is found to be away
    lasting.start()
    wait_for(lambda: world.status(1) == "connected", 20)
    with publisher(lasting.port) as sender:
        sender.send("b", "1")
    wait_for(lambda: world.payloads() == [b"1"])


def test_a_session_that_the_broker_lost_is_subscribed_anew(
    world: World, run: Callable[..., Runtime], own: Mosquitto
) -> None:
    up(world, run, connection(1, own.port))
    wait_for(lambda: world.configs[1].subscribed_version == 1)
    own.kill()
    wait_for(lambda: world.status(1) == "error")
    own.start()
    wait_for(lambda: world.status(1) == "connected")
    with publisher(own.port) as sender:
        sender.send("a", "1")
    wait_for(lambda: world.payloads() == [b"1"])


@pytest.fixture
def lax(tmp_path: Path) -> Iterator[int]:
    """The port of one of the demo's brokers, which leave a subscription that they have at its QoS."""
    ports = free_ports(len(SITES))
    command = [sys.executable, "-m", "project.local.demo.broker", *map(str, ports)]
    with spawn(command, env=dict(os.environ), log=tmp_path / "broker.log", cwd=ROOT) as process:
        wait_for(lambda: all(problem_with(port) for port in ports), 20)
        yield ports[0]
        process.kill()


def test_a_broker_that_does_not_raise_the_qos_of_a_subscription_delivers_at_the_wanted_one(
    world: World, run: Callable[..., Runtime], lax: int
) -> None:
    with publisher(lax, protocol=MQTTv311) as sender:
        for number in range(20):
            sender.send(f"kept/{number}", "0", retain=True)
        filters = (Filter("kept/#", 1), Filter("quiet/#", 0))
        up(world, run, connection(1, lax, filters=filters, protocol_version="3.1.1"))
        wait_for(lambda: len(world.messages) == 20)
        sender.send("kept/1", "live")
        sender.send("quiet/1", "live")
        wait_for(lambda: len(world.messages) == 22)
    assert {message.topic: message.qos for message in world.messages[20:]} == {
        "kept/1": 1,
        "quiet/1": 0,
    }
