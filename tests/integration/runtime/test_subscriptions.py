"""What is asked of a real broker, what is not asked twice, and what is known for a copy."""

from collections import Counter

import msgspec
import pytest

from mqtt_app.mqtt.subscriptions import Subscriptions
from mqtt_app.services.ownership import Filter
from tests.integration.runtime.world import connection, wait_for
from tests.publisher import publisher

pytestmark = pytest.mark.mosquitto

REFUSED = 0x87
VERSIONS = ("5", "3.1.1")
RETAINED = 5_000  # far more than mosquitto queues by default


@pytest.fixture
def own(mosquitto):
    return mosquitto()


def up(world, run, config, **changes):
    world.add(config)
    runtime = run(**changes)
    wait_for(lambda: world.status(config.id) == "connected")
    return runtime


def asked(broker, what):
    return broker.log_text().count(f"Received {what} from runtime-")


def duplicates(world):
    return sum(drop.count for batch in world.batches for drop in batch.drops if drop.reason == "duplicate")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_that_three_filters_select_is_taken_once(world, run, own, version):
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
    copies = 3 if version == "5" else 1  # mosquitto sends one to each of MQTT 5's, and one to all of 3.1.1's
    wait_for(lambda: duplicates(world) == 50 * (copies - 1))


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_that_a_broker_retains_comes_in_however_little_it_queues(world, run, own, version):
    with publisher(own.port) as sender:
        sent = [sender.client.publish(f"kept/{number}", str(number), 1, retain=True) for number in range(RETAINED)]
        sent[-1].wait_for_publish(30)
    up(world, run, connection(1, own.port, filters=(Filter("kept/#", 1),), protocol_version=version))
    wait_for(lambda: len(world.messages) >= RETAINED, 30)
    wait_for(lambda: world.grants[1] == {"kept/#": 1})
    with publisher(own.port) as sender:
        sender.send("kept/live", "1")
    wait_for(lambda: any(message.topic == "kept/live" for message in world.messages))
    found = Counter(message.topic for message in world.messages)
    assert len(found) == RETAINED + 1
    assert set(found.values()) == {1}
    (live,) = (message for message in world.messages if message.topic == "kept/live")
    assert live.qos == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_the_next_owner_of_a_session_that_is_in_line_asks_for_nothing(world, run, own, version):
    with publisher(own.port) as sender:
        sender.send("kept", "1", retain=True)
    config = connection(1, own.port, protocol_version=version)
    first = up(world, run, config)
    wait_for(lambda: len(world.messages) == 1)
    wait_for(lambda: world.configs[1].subscribed_version == 1)
    before = asked(own, "SUBSCRIBE")
    first.stop()
    world.statuses.clear()
    up(world, run, world.configs[1])
    with publisher(own.port) as sender:
        sender.send("live", "2")
    wait_for(lambda: len(world.messages) >= 2)
    assert world.payloads() == [b"1", b"2"]
    assert asked(own, "SUBSCRIBE") == before


def test_a_session_that_was_changed_since_is_brought_in_line(world, run, own):
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


def test_a_broker_that_leaves_copies_out_after_its_restart_is_heard(world, run, mosquitto):
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


def test_a_session_that_the_broker_lost_is_subscribed_anew(world, run, own):
    up(world, run, connection(1, own.port))
    wait_for(lambda: world.configs[1].subscribed_version == 1)
    own.kill()
    wait_for(lambda: world.status(1) == "error")
    own.start()
    wait_for(lambda: world.status(1) == "connected")
    with publisher(own.port) as sender:
        sender.send("a", "1")
    wait_for(lambda: world.payloads() == [b"1"])


class Broker:
    """Stands for a client: packet identifiers count from 1."""

    def __init__(self):
        self.count = 0

    def _sent(self, names):
        self.count += 1
        return {self.count: list(names)}

    def subscribe_all(self, wanted, fresh):
        return self._sent(one.filter for one in wanted), {}

    def unsubscribe_all(self, filters):
        return self._sent(filters) if filters else {}


def test_while_a_filter_is_refused_the_session_is_not_in_line_so_that_it_is_asked_for_again():
    config = connection(1, 1883, filters=(Filter("a/#", 1), Filter("a/+", 1)), obsolete_filters=("gone",))
    subscriptions, client = Subscriptions(config), Broker()
    subscriptions.on_session(config, present=True, identified=True)
    subscriptions.bring_about(config, client, 0.0)
    assert subscriptions.answered(1, [REFUSED, 1]) == {"a/#": REFUSED, "a/+": 1}
    subscriptions.left(2)
    assert subscriptions.differ
    assert not subscriptions.in_line_with
    subscriptions.bring_about(config, client, 0.0)
    subscriptions.answered(3, [1])
    assert not subscriptions.differ
    assert subscriptions.in_line_with == config.config_version


def test_a_session_is_in_line_only_when_the_broker_has_confirmed_what_went():
    config = connection(1, 1883, filters=(Filter("a", 1),), obsolete_filters=("gone",))
    subscriptions, client = Subscriptions(config), Broker()
    subscriptions.on_session(config, present=True, identified=True)
    subscriptions.bring_about(config, client, 0.0)
    subscriptions.answered(1, [1])
    assert not subscriptions.in_line_with
    subscriptions.left(2)
    assert subscriptions.in_line_with
