"""The address that is judged is the address that is dialled."""

import socket
from collections.abc import Callable

import pytest

from mqtt_app.domain.link.addresses import AddressPolicy
from mqtt_app.domain.link.broker_settings import policy_of
from mqtt_app.mqtt.link.guard import BrokerGuard
from mqtt_app.mqtt.runtime import Runtime
from tests.brokers import Mosquitto
from tests.integration.runtime.world import World, connection, wait_for

pytestmark = pytest.mark.mosquitto


class Resolver:
    """Gives another address each time, as a name with a TTL of 0 does; the last one stays."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, _host: str, port: int) -> list[tuple[object, ...]]:
        self.asked += 1
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


@pytest.fixture
def broker(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto()


def dialled(broker: Mosquitto) -> int:
    """Without the one that waited for the broker to listen."""
    return broker.log_text().count("New connection") - 1


def test_a_name_that_changes_after_it_was_judged_leads_nowhere_else(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    """127.0.0.1 is where the broker listens, 127.0.0.9 is refused: who looks up twice dials what
    was not judged.
    """
    resolver = Resolver("127.0.0.9", "127.0.0.1")
    judged = []
    guard = BrokerGuard(policy_of(["127.0.0.1/32"], "allow"), ())

    def judge(host: str, address: str, port: int) -> str:
        judged.append(address)
        return guard(host, address, port)

    world.add(connection(1, broker.port, host="rebinding.example"))
    run(guard=judge, resolve=resolver)
    wait_for(lambda: world.error(1)[0] == "configuration")
    assert (judged, resolver.asked) == (["127.0.0.9"], 1)
    assert "127.0.0.9 is a loopback address" in world.error(1)[1]
    assert dialled(broker) == 0
    wait_for(lambda: world.status(1) == "connected")
    assert (judged, resolver.asked) == (["127.0.0.9", "127.0.0.1"], 2)


def test_of_the_addresses_of_a_name_only_those_that_are_allowed_are_dialled(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    def resolve(_host: str, port: int) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.9", "127.0.0.1")
        ]

    guard = BrokerGuard(policy_of(["127.0.0.1/32"], "allow"), ())
    world.add(connection(1, broker.port, host="two.example"))
    run(guard=guard, resolve=resolve, opened_by=guard.opened_by)
    wait_for(lambda: world.status(1) == "connected")
    wait_for(lambda: [one.opened_by for one in world.evidence] == ["127.0.0.1/32"])
    wait_for(
        lambda: (
            world.lease is not None and world.lease.vitals and world.lease.vitals.allow_listed == 1
        )
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::ffff:127.0.0.1", "0.0.0.0", "::"])
def test_a_port_of_our_own_on_this_machine_is_not_dialled(
    world: World, run: Callable[..., Runtime], broker: Mosquitto, host: str
) -> None:
    guard = BrokerGuard(
        policy_of(["127.0.0.0/8", "::1/128"], "allow"), [("db.invalid", broker.port)]
    )
    world.add(connection(1, broker.port, host=host))
    run(guard=guard)
    wait_for(lambda: world.error(1)[0] == "configuration")
    assert "belongs to Sitewire itself" in world.error(1)[1]
    assert dialled(broker) == 0


def test_without_an_allow_list_the_machine_itself_is_closed(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    world.add(connection(1, broker.port))
    run(guard=BrokerGuard(AddressPolicy(), ()))
    wait_for(lambda: world.error(1)[0] == "configuration")
    assert dialled(broker) == 0
