"""A real mosquitto, the real runtime: what is taken, batched and acknowledged, and when."""

import time
from collections.abc import Callable

import pytest

from mqtt_app.coordination.acks import BatchReport
from mqtt_app.domain.link.failures import LinkFailure
from mqtt_app.mqtt.runtime import Runtime
from tests.brokers import Mosquitto
from tests.integration.runtime.world import World, connection, wait_for
from tests.publisher import publisher

pytestmark = pytest.mark.mosquitto


@pytest.fixture(scope="module")
def broker(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto()


def publish(port: int, *payloads: bytes, topic: str = "plant/temperature", qos: int = 1) -> None:
    with publisher(port) as client:
        for payload in payloads:
            client.send(topic, payload, qos)


def test_a_message_reaches_a_batch(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    world.add(connection(1, broker.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    publish(broker.port, b"21.5")
    message = wait_for(lambda: world.messages)[0]
    assert (message.topic, message.payload, message.qos, message.connection_id) == (
        "plant/temperature",
        b"21.5",
        1,
        1,
    )


def test_nothing_is_acknowledged_before_the_commit(
    world: World, run: Callable[..., Runtime], mosquitto: Callable[..., Mosquitto]
) -> None:
    own = mosquitto()
    world.committing = False
    world.add(connection(1, own.port))
    first = run()
    wait_for(lambda: world.status(1) == "connected")
    publish(own.port, b"1", b"2")
    wait_for(lambda: len(world.messages) == 2)
    assert "Received PUBACK from runtime" not in own.log_text()
    first.stop()
    world.batches.clear()
    world.committing = True
    run()
    wait_for(lambda: world.payloads() == [b"1", b"2"])
    assert [message.dup for message in world.messages] == [True, True]
    wait_for(lambda: own.log_text().count("Received PUBACK from runtime") == 2)


def test_acknowledgements_keep_the_order_of_receipt(
    world: World, run: Callable[..., Runtime], mosquitto: Callable[..., Mosquitto]
) -> None:
    own = mosquitto()
    world.committing = False
    world.add(connection(1, own.port))
    run(batch_messages=1)
    wait_for(lambda: world.status(1) == "connected")
    publish(own.port, b"1", b"2", b"3")
    ids = [batch.id for batch in wait_for(lambda: len(world.batches) == 3 and world.batches)]
    world.commit(BatchReport(ids[2]), BatchReport(ids[1]))
    time.sleep(0.3)
    assert "Received PUBACK from runtime" not in own.log_text()
    world.commit(BatchReport(ids[0]))
    wait_for(lambda: own.log_text().count("Received PUBACK from runtime") == 3)


def test_a_message_that_comes_again_before_its_commit_is_stored_once_and_acknowledged(
    world: World, run: Callable[..., Runtime], mosquitto: Callable[..., Mosquitto]
) -> None:
    own = mosquitto()
    world.committing = False
    world.add(connection(1, own.port))
    runtime = run()
    wait_for(lambda: world.status(1) == "connected")
    publish(own.port, b"1")
    wait_for(lambda: world.messages)
    session = runtime.sessions()[0]
    runtime.loop.call(lambda: session.on_lost(LinkFailure("network", "pulled the plug")))
    wait_for(lambda: session.intake.epoch == 2 and len(session.intake.acks) == 1)
    world.commit()
    wait_for(lambda: own.log_text().count("Received PUBACK from runtime") == 1)
    assert len(world.messages) == 1


def test_a_burst_beyond_the_old_window_arrives_whole_on_3_1_1(
    world: World, run: Callable[..., Runtime], mosquitto: Callable[..., Mosquitto]
) -> None:
    own = mosquitto()
    world.add(connection(1, own.port, protocol_version="3.1.1"))
    run()
    wait_for(lambda: world.status(1) == "connected")
    publish(own.port, *(str(number).encode() for number in range(200)))
    wait_for(lambda: len(world.messages) == 200)
    assert world.payloads() == [str(number).encode() for number in range(200)]


def test_a_batch_that_is_not_taken_is_kept_and_sent_later(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    refusals: list[bytes] = []
    accept = world.on_batch

    def refuse_twice(blob: bytes) -> None:
        if len(refusals) < 2:
            refusals.append(blob)
            raise ConnectionError("away")
        accept(blob)

    world.on_batch = refuse_twice
    world.add(connection(1, broker.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    publish(broker.port, b"kept")
    wait_for(lambda: b"kept" in world.payloads())


def test_batches_that_a_wiped_redis_forgot_are_sent_again_at_once(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    world.committing = False
    world.add(connection(1, broker.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    publish(broker.port, b"forgotten")
    first = wait_for(lambda: world.batches and world.batches[0])
    world.wiped = True
    wait_for(lambda: [batch.id for batch in world.batches] == [first.id, first.id])


def test_five_megabytes_in_one_message_arrive(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    world.add(connection(1, broker.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    publish(broker.port, b"x" * 5_000_000)
    wait_for(lambda: [payload for payload in world.payloads() if len(payload) == 5_000_000])


def test_reading_stops_when_memory_is_full_and_goes_on_after_commits(
    world: World, run: Callable[..., Runtime], mosquitto: Callable[..., Mosquitto]
) -> None:
    own = mosquitto()
    world.committing = False
    world.add(connection(1, own.port))
    runtime = run(pending_bytes=300_000, batch_bytes=50_000)
    wait_for(lambda: world.status(1) == "connected")
    publish(own.port, *(bytes(10_000) for _ in range(60)))
    wait_for(lambda: runtime.sessions()[0].paused)
    world.committing = True
    world.commit()
    wait_for(lambda: len(world.messages) == 60)


def test_messages_that_nobody_takes_wait_unacknowledged_and_are_offered_again(
    world: World, run: Callable[..., Runtime], mosquitto: Callable[..., Mosquitto]
) -> None:
    own = mosquitto()
    world.committing = False
    world.add(connection(1, own.port))
    runtime = run()
    wait_for(lambda: world.status(1) == "connected")
    publish(own.port, b"early")
    (first,) = wait_for(lambda: world.batches)
    world.commit(BatchReport(first.id, postponed=frozenset({1})))
    wait_for(lambda: runtime.sessions()[0].paused)
    publish(own.port, b"late")
    again = wait_for(lambda: world.batches[1:])[0]
    assert ([message.payload for message in again.messages], again.id != first.id) == (
        [b"early"],
        True,
    )
    assert "Received PUBACK from runtime" not in own.log_text()
    world.committing = True
    world.commit(BatchReport(again.id))
    wait_for(lambda: own.log_text().count("Received PUBACK from runtime") == 2)
    assert world.payloads() == [b"early", b"early", b"late"]
