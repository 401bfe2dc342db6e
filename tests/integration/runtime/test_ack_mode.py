"""When a broker is told that it may forget a message, for each way of it: by the broker's own log."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mqtt_app.domain.link.ack_mode import AckMode
from mqtt_app.domain.link.failures import LinkFailure
from mqtt_app.domain.link.packets import Publish
from mqtt_app.mqtt.runtime import Runtime
from tests.brokers import Mosquitto
from tests.integration.runtime.test_delivery import publish
from tests.integration.runtime.world import World, connection, wait_for

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def own(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto()


@pytest.fixture
def up(world: World, run: Callable[..., Runtime], own: Mosquitto) -> Callable[..., Runtime]:
    """Starts a runtime with one link that acknowledges in a given way; nothing is ever committed by
    itself.
    """

    def start(mode: str, **changes: Any) -> Runtime:
        world.committing = False
        world.add(connection(1, own.port, ack_mode=mode))
        runtime = run(**changes)
        wait_for(lambda: world.status(1) == "connected")
        return runtime

    return start


def acknowledged(broker: Mosquitto) -> int:
    return broker.log_text().count("Received PUBACK from runtime")


def nobody_takes(world: World) -> list[bool]:
    """Batches are refused while the list has something in it."""
    accept, closed = world.on_batch, [True]

    def on_batch(blob: bytes) -> None:
        if closed:
            raise ConnectionError("away")
        accept(blob)

    world.on_batch = on_batch
    return closed


def test_queued_is_acknowledged_once_the_queue_has_it(
    world: World, up: Callable[..., Runtime], own: Mosquitto
) -> None:
    closed = nobody_takes(world)
    up(AckMode.QUEUED)
    publish(own.port, b"1", b"2")
    time.sleep(0.5)
    assert acknowledged(own) == 0
    closed.clear()
    wait_for(lambda: acknowledged(own) == 2)
    assert world.payloads() == [b"1", b"2"]


def test_received_is_acknowledged_at_once(
    world: World, up: Callable[..., Runtime], own: Mosquitto
) -> None:
    closed = nobody_takes(world)
    up(AckMode.RECEIVED)
    publish(own.port, *(str(number).encode() for number in range(50)))
    wait_for(lambda: acknowledged(own) == 50)
    assert world.messages == []
    closed.clear()
    wait_for(lambda: len(world.messages) == 50)


def test_a_worker_that_stops_hands_over_what_it_acknowledged_early(
    world: World, up: Callable[..., Runtime], own: Mosquitto
) -> None:
    closed = nobody_takes(world)
    runtime = up(AckMode.RECEIVED, drain_timeout=5.0)
    publish(own.port, b"1")
    wait_for(lambda: acknowledged(own) == 1)
    world.committing = True
    runtime.loop.at(runtime.loop.clock() + 1.0, closed.clear)
    runtime.stop()
    assert world.payloads() == [b"1"]


def test_a_worker_that_cannot_hand_over_says_how_many_it_loses(
    world: World, up: Callable[..., Runtime], own: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    nobody_takes(world)
    runtime = up(AckMode.RECEIVED, drain_timeout=0.3)
    publish(own.port, b"1", b"2")
    wait_for(lambda: acknowledged(own) == 2)
    runtime.stop()
    assert "2 messages were acknowledged early" in caplog.text


def test_a_packet_id_that_comes_again_is_not_acknowledged_for_the_message_before(
    world: World, up: Callable[..., Runtime], own: Mosquitto
) -> None:
    """Brokers use the identifiers of acknowledged messages again, while we still have the earlier
    ones.
    """
    closed = nobody_takes(world)
    closed.clear()
    runtime = up(AckMode.QUEUED, batch_messages=1)
    publish(own.port, b"1")
    wait_for(lambda: acknowledged(own) == 1)
    closed.append(True)
    session = runtime.sessions()[0]
    first = world.messages[0]
    runtime.loop.call(lambda: session.on_message(_again(first.packet_id, b"2")))
    wait_for(lambda: len(session.intake.acks) == 1)
    world.commit()
    time.sleep(0.3)
    assert len(session.intake.acks) == 1
    closed.clear()
    wait_for(lambda: not len(session.intake.acks))


def test_what_is_delivered_again_before_its_commit_is_stored_once(
    world: World, up: Callable[..., Runtime], own: Mosquitto
) -> None:
    closed = nobody_takes(world)
    runtime = up(AckMode.QUEUED)
    publish(own.port, b"1")
    session = runtime.sessions()[0]
    wait_for(lambda: len(session.intake.acks) == 1)
    runtime.loop.call(lambda: session.on_lost(LinkFailure("network", "pulled the plug")))
    wait_for(lambda: session.intake.epoch == 2 and len(session.intake.acks) == 1)
    closed.clear()
    wait_for(lambda: acknowledged(own) == 1)
    assert world.payloads() == [b"1"]


def test_another_way_needs_no_other_link(
    world: World, up: Callable[..., Runtime], own: Mosquitto
) -> None:
    runtime = up(AckMode.STORED)
    publish(own.port, b"1")
    wait_for(lambda: world.messages)
    world.configs[1] = msgspec.structs.replace(
        world.configs[1], ack_mode=AckMode.RECEIVED, config_version=2
    )
    world.nudge()
    wait_for(lambda: runtime.sessions()[0].config.ack_mode is AckMode.RECEIVED)
    world.commit()
    wait_for(lambda: acknowledged(own) == 1)
    publish(own.port, b"2")
    wait_for(lambda: acknowledged(own) == 2)
    assert runtime.sessions()[0].intake.epoch == 1
    wait_for(lambda: [message.early for message in world.messages] == [False, True])


def _again(packet_id: int, payload: bytes) -> Publish:
    """As a broker sends it: a new message under an identifier that is free again."""
    return Publish("plant/temperature", payload, 1, retain=False, dup=False, packet_id=packet_id)
