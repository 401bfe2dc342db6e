"""When a session holds what the settings ask for, without a broker."""

from typing import Any, cast

import msgspec
import pytest

from mqtt_app.domain.link.connection_config import ConnectionConfig, Filter
from mqtt_app.domain.link.overlap import Subscription
from mqtt_app.mqtt.link.client import MqttClient
from mqtt_app.mqtt.link.subscriptions import Subscriptions
from tests.integration.runtime.world import connection

pytestmark = pytest.mark.mosquitto


REFUSED = 0x87


class Broker:
    """Stands for a client of MQTT 5: packet identifiers count from 1."""

    is_v5 = True

    def __init__(self) -> None:
        self.count = 0
        self.left: list[str] = []

    def subscribe_to(self, part: list[Subscription], retained: int) -> int:
        self.count += 1
        return self.count

    def unsubscribe_from(self, filters: list[str]) -> int:
        self.left += filters
        self.count += 1
        return self.count


def granted(
    config: ConnectionConfig, **on_session: Any
) -> tuple[ConnectionConfig, Subscriptions, MqttClient, Broker]:
    """Every filter was granted to an earlier owner, so that there is nothing to sweep."""
    config = msgspec.structs.replace(
        config, granted=frozenset(one.filter for one in config.filters)
    )
    subscriptions, broker = Subscriptions(config), Broker()
    client = cast("MqttClient", broker)  # of which it needs no more than this
    values = {"present": True, "identified": False, "trusted": False} | on_session
    subscriptions.on_session(config, **values)
    subscriptions.synchronize(config, client, 0.0)
    return config, subscriptions, client, broker


def test_while_a_filter_is_refused_the_session_is_not_in_line_so_that_it_is_asked_for_again() -> (
    None
):
    wanted = connection(
        1, 1883, filters=(Filter("a", 1), Filter("b", 1)), obsolete_filters=("gone",)
    )
    config, subscriptions, client, broker = granted(wanted)
    assert subscriptions.take_suback(1, [REFUSED, 1], client) == {"a": REFUSED, "b": 1}
    subscriptions.take_unsuback(2, [0], client)
    assert (subscriptions.differ, subscriptions.synced_version) == (True, 0)
    subscriptions.synchronize(config, client, 0.0)
    assert (broker.count, broker.left) == (
        4,
        ["gone"],
    )  # what was refused is new: swept, and asked for
    subscriptions.take_suback(3, [0], client)
    subscriptions.take_suback(4, [1], client)
    assert (subscriptions.differ, subscriptions.synced_version) == (False, config.config_version)


def test_what_went_while_the_link_was_down_is_taken_back() -> None:
    config, subscriptions, client, broker = granted(
        connection(1, 1883, filters=(Filter("a", 1), Filter("b", 1)))
    )
    subscriptions.take_suback(1, [1, 1], client)
    changed = msgspec.structs.replace(
        config, filters=(Filter("a", 1),), config_version=2, obsolete_filters=("c",)
    )
    subscriptions.on_session(changed, present=True, identified=True, trusted=True)
    assert subscriptions.differ
    subscriptions.synchronize(changed, client, 0.0)
    assert broker.left == ["b", "c"]


def test_a_session_is_in_line_only_when_the_broker_has_confirmed_what_went() -> None:
    _, subscriptions, client, _ = granted(
        connection(1, 1883, filters=(Filter("a", 1),), obsolete_filters=("gone",))
    )
    subscriptions.take_suback(1, [1], client)
    assert subscriptions.synced_version == 0
    subscriptions.take_unsuback(2, [0], client)
    assert subscriptions.synced_version
