"""A connection whose messages harm the task workers, beside a healthy one, at real brokers."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mqtt_app.coordination.acks import BatchOutcome, BatchReport
from mqtt_app.domain.delivery.messages import Batch, pack, unpack
from mqtt_app.mqtt.delivery import batch_sender
from mqtt_app.mqtt.delivery.stalls import Stall
from mqtt_app.mqtt.runtime import Runtime
from tests.brokers import Mosquitto
from tests.integration.runtime.test_delivery import publish
from tests.integration.runtime.world import World, connection, wait_for

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def refusing(world: World) -> list[Any]:
    """Batches with `poison` in them are refused; all others are committed. Gives what is committed."""
    stored: list[bytes] = []

    def on_batch(blob: bytes) -> None:
        batch = unpack(blob)
        world.batches.append(batch)
        if not world.committing and any(b"poison" in message.payload for message in batch.messages):
            world.commit(BatchReport(batch.id, BatchOutcome.REFUSED))
        else:
            stored.extend(message.payload for message in batch.messages)
            world.commit(BatchReport(batch.id))

    world.committing = False
    world.on_batch = on_batch
    return stored


def test_a_poisonous_connection_costs_its_neighbour_nothing_and_a_stop_frees_all_it_holds(
    world: World,
    run: Callable[..., Runtime],
    refusing: list[Any],
    mosquitto: Callable[..., Mosquitto],
) -> None:
    good, bad = mosquitto(), mosquitto()
    world.add(connection(1, good.port))
    world.add(connection(2, bad.port))
    runtime = run(pending_bytes=2_000_000)
    wait_for(lambda: world.status(1) == world.status(2) == "connected")
    publish(bad.port, *(b"poison %d" % number for number in range(50)))
    for number in range(20):
        publish(good.port, b"good %d" % number)
    wait_for(lambda: {b"good %d" % number for number in range(20)} <= set(refusing), 40)
    wait_for(lambda: 2 in world_stalls(runtime), 20)
    assert 1 not in world_stalls(runtime)
    world.wanted[2] = False
    world.nudge()
    wait_for(lambda: world.status(2) == "disconnected")
    wait_for(lambda: runtime.delivery._state.memory.bytes_of(2) == 0)
    wait_for(lambda: 2 not in world_stalls(runtime))
    world.committing = True  # whatever it was is mended
    world.wanted[2] = True
    world.nudge()
    wait_for(lambda: world.status(2) == "connected")
    publish(bad.port, b"well again")
    wait_for(lambda: b"well again" in refusing)
    wait_for(lambda: {b"poison %d" % number for number in range(50)} <= set(refusing), 20)


def world_stalls(runtime: Runtime) -> Mapping[int, Stall]:
    found: list[Mapping[int, Stall]] = []
    runtime.loop.call(lambda: found.append(runtime.delivery.stalls()))
    wait_for(lambda: found)
    return found[0]


def test_evidence_says_since_when_a_link_is_not_stored_and_why(
    world: World,
    run: Callable[..., Runtime],
    refusing: list[Any],
    mosquitto: Callable[..., Mosquitto],
) -> None:
    world.add(connection(2, mosquitto().port))
    run()
    wait_for(lambda: world.status(2) == "connected")
    publish_port = world.configs[2].port
    publish(publish_port, b"poison")
    link = wait_for(lambda: [item for item in world.evidence if item.not_stored_since], 15)[0]
    assert (link.connection_id, link.waits_for) == (2, "refused")


def test_a_message_that_cannot_be_packed_is_put_aside_and_holds_up_nobody(
    world: World,
    run: Callable[..., Runtime],
    mosquitto: Callable[..., Mosquitto],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = mosquitto()
    original = pack

    def picky(batch: Batch) -> bytes:
        if (
            any(b"unpackable" in message.payload for message in batch.messages)
            and not batch.dead_letter_reason
        ):
            raise TypeError("cannot be packed")
        return original(batch)

    monkeypatch.setattr(batch_sender, "pack", picky)
    monkeypatch.setattr(batch_sender.log, "exception", lambda *_: None)
    world.add(connection(1, own.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    publish(own.port, b"a", b"unpackable", b"b")
    wait_for(lambda: {b"a", b"b", b"unpackable"} <= set(world.payloads()))
    aside = [batch for batch in world.batches if batch.dead_letter_reason]
    assert [message.payload for batch in aside for message in batch.messages] == [b"unpackable"]


def test_a_batch_that_redis_never_takes_while_others_are_taken_is_cut(
    world: World, run: Callable[..., Runtime], mosquitto: Callable[..., Mosquitto]
) -> None:
    own = mosquitto()
    accept = world.on_batch

    def picky(blob: bytes) -> None:
        if b"too much" in blob and b"could not be handed over" not in blob:
            raise ConnectionError("refused")
        accept(blob)

    world.on_batch = picky
    world.add(connection(1, own.port))
    run(batch_messages=5)
    wait_for(lambda: world.status(1) == "connected")
    publish(own.port, b"too much", *(b"%d" % number for number in range(12)))
    for number in range(12, 40):
        publish(own.port, b"%d" % number)
    wait_for(lambda: b"too much" in world.payloads(), 30)
    wait_for(lambda: {b"%d" % number for number in range(40)} <= set(world.payloads()), 20)
