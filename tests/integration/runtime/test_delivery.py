"""A real mosquitto, the real runtime: what is taken, batched and acknowledged, and when."""

import pytest

from tests.integration.runtime.world import connection, wait_for
from tests.publisher import publisher

pytestmark = pytest.mark.mosquitto


@pytest.fixture(scope="module")
def broker(mosquitto):
    return mosquitto()


def publish(port, *payloads, topic="plant/temperature", qos=1):
    with publisher(port) as client:
        for payload in payloads:
            client.send(topic, payload, qos)


def test_a_message_reaches_a_batch(world, run, broker):
    world.add(connection(1, broker.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    publish(broker.port, b"21.5")
    message = wait_for(lambda: world.messages)[0]
    assert (message.topic, message.payload, message.qos, message.connection_id) == ("plant/temperature", b"21.5", 1, 1)
