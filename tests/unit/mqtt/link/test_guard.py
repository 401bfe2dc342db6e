"""The guard of an MQTT worker: never a service of our own, whatever it is called and whatever is
listed.
"""

import socket
from ipaddress import ip_address

import pytest

from mqtt_app.domain.link.broker_settings import policy_of
from mqtt_app.mqtt.link.guard import BrokerGuard, is_of_this_machine, own_services

OPEN = policy_of(["127.0.0.0/8", "::1/128", "10.0.0.0/8", "any.example"], "allow")
NAMES = {
    "db.example": {"10.0.0.5", "fd12::5"},
    "cache.example": {"203.0.113.9"},
    "localhost": {"127.0.0.1", "::1"},
}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def names() -> dict[str, set[str]]:
    return {name: set(found) for name, found in NAMES.items()}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(names: dict[str, set[str]], clock: Clock) -> BrokerGuard:
    services = own_services(
        [{"HOST": "db.example", "PORT": 5432}],
        ["redis://:secret@cache.example:6380/0"],
        ["web.example:8000"],
    )
    resolve = lambda host: {ip_address(text) for text in names.get(host, ())}  # noqa: E731
    return BrokerGuard(OPEN, services, deny_ports=(1234,), resolve=resolve, clock=clock)


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("10.0.0.5", 5432),
        ("fd12::5", 5432),
        ("203.0.113.9", 6380),
        ("::ffff:10.0.0.5", 5432),
        ("64:ff9b::cb00:7109", 6380),
        ("2002:a00:5::1", 5432),
        ("127.0.0.1", 5432),
        ("127.0.0.1", 8000),
        ("127.3.2.1", 6380),
        ("::1", 8000),
        ("::ffff:127.0.0.1", 8000),
        ("0.0.0.0", 8000),
        ("::", 8000),
    ],
)
@pytest.mark.parametrize("host", ["db.example", "innocent.example", "any.example"])
def test_our_own_services_are_not_dialled_by_any_name_or_form(
    guard: BrokerGuard, host: str, address: str, port: int
) -> None:
    assert "belongs to Sitewire itself" in guard(host, address, port)


@pytest.mark.parametrize(
    ("address", "port"), [("10.0.0.5", 1883), ("10.0.0.6", 5432), ("127.0.0.1", 1883)]
)
def test_other_ports_and_other_hosts_are_brokers_like_any(
    guard: BrokerGuard, address: str, port: int
) -> None:
    assert guard("x.example", address, port) == ""


def test_a_port_that_is_denied_is_denied_everywhere(guard: BrokerGuard) -> None:
    assert (
        guard("x.example", "198.51.100.7", 1234)
        == "Port 1234 belongs to Sitewire itself. Enter the broker's port."
    )


def test_a_service_that_moves_is_found_again_and_one_that_cannot_be_looked_up_is_remembered(
    guard: BrokerGuard, names: dict[str, set[str]], clock: Clock
) -> None:
    assert guard("x", "10.0.0.5", 5432)
    names["db.example"] = set()
    clock.now = 61.0
    assert guard("x", "10.0.0.5", 5432)
    names["db.example"] = {"10.0.0.77"}
    clock.now = 67.0
    assert guard("x", "10.0.0.77", 5432)
    assert not guard("x", "10.0.0.5", 5432)


def test_it_says_which_entry_lets_a_host_be_dialled(guard: BrokerGuard) -> None:
    assert (
        guard("one", "127.0.0.1", 1883)
        == guard("ANY.example", "169.254.1.1", 1883)
        == guard("two", "8.8.8.8", 1)
        == ""
    )
    assert [guard.opened_by(host) for host in ("one", "ANY.example", "two", "three")] == [
        "127.0.0.0/8",
        "any.example",
        "",
        "",
    ]
    guard("one", "8.8.8.8", 1883)
    assert guard.opened_by("one") == ""


def test_each_way_to_write_a_database_gives_its_addresses() -> None:
    databases: list[dict[str, object]] = [
        {"HOST": "", "PORT": ""},
        {"HOST": "/var/run", "PORT": 5433},
        {"HOST": "a,b", "PORT": "1,2"},
    ]
    assert own_services(databases, ["redis://cache"], ["[::1]:5555"]) == [
        ("localhost", 5432),
        ("localhost", 5433),
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
        ("cache", 6379),
        ("::1", 5555),
    ]


def test_addresses_of_this_machine_are_known_without_a_list() -> None:
    assert is_of_this_machine("127.0.0.1")
    assert not is_of_this_machine("192.0.2.1")
    assert not is_of_this_machine("2001:db8::1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(
            ("192.0.2.1", 9)
        )  # sends nothing; shows the address that we have in our network
        assert is_of_this_machine(probe.getsockname()[0])
