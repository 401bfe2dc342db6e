"""A broker that hangs up for one filter costs that filter, and no other one."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from mqtt_app.domain.link.connection_config import Filter
from mqtt_app.domain.link.trouble.filter_trials import FilterTrials, Guilty
from mqtt_app.domain.link.trouble.memory import LinkMemory
from mqtt_app.mqtt.runtime import Runtime
from tests.fakes.picky import PickyBroker
from tests.integration.runtime.world import World, connection, wait_for

VERSIONS = ("5", "3.1.1")
NAMES = [f"plant/{number}/#" for number in range(9)]
TEN = tuple(Filter(name, 1) for name in [*NAMES[:6], "secret/#", *NAMES[6:]])


@pytest.fixture
def picky() -> Iterator[Callable[..., PickyBroker]]:
    brokers = []

    def start(**limits: Any) -> PickyBroker:
        brokers.append(PickyBroker(**limits))
        return brokers[-1]

    yield start
    for broker in brokers:
        broker.stop()


def guilty(world: World) -> set[str]:
    return set(world.configs[1].memory.trials.guilty)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_filter_is_found_left_out_and_named(
    world: World,
    run: Callable[..., Runtime],
    rows: list[tuple[str, str, int | None]],
    picky: Callable[..., PickyBroker],
    version: str,
) -> None:
    broker = picky(hangs_up_for=lambda name: name.startswith("secret"))
    world.add(connection(1, broker.port, filters=TEN, protocol_version=version))
    run()
    wait_for(lambda: world.status(1) == "connected", 20)
    assert guilty(world) == {"secret/#"}
    wait_for(lambda: set(world.grants.get(1, {})) == {wish.filter for wish in TEN})
    said = "the broker closes the connection when asked for `secret/#`"
    assert world.refusals[1]["secret/#"] == said
    assert {name for name, code in world.grants[1].items() if code < 128} == set(NAMES)
    assert any("`secret/#`" in row[1] and "firewall" not in row[1] for row in rows)
    links = len(broker.links)
    time.sleep(1)
    assert (world.status(1), len(broker.links)) == ("connected", links)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_broker_that_hangs_up_for_wildcards_keeps_the_others(
    world: World, run: Callable[..., Runtime], picky: Callable[..., PickyBroker], version: str
) -> None:
    broker = picky(hangs_up_for=lambda name: "#" in name or "+" in name)
    filters = (Filter("a", 1), Filter("b/#", 1), Filter("+/c", 1), Filter("d", 1))
    world.add(connection(1, broker.port, filters=filters, protocol_version=version))
    run()
    wait_for(lambda: world.status(1) == "connected", 20)
    assert guilty(world) == {"b/#", "+/c"}


def test_the_next_owner_knows_it(
    world: World, run: Callable[..., Runtime], picky: Callable[..., PickyBroker]
) -> None:
    broker = picky(hangs_up_for=lambda name: name.startswith("secret"))
    memory = LinkMemory(FilterTrials(guilty={"secret/#": Guilty(1, time.time() + 300)}))
    world.add(connection(1, broker.port, filters=TEN, memory=memory))
    run()
    wait_for(lambda: world.status(1) == "connected")
    assert len(broker.links) == 1


def test_it_is_tried_again_and_kept_once_the_broker_takes_it(
    world: World, run: Callable[..., Runtime], picky: Callable[..., PickyBroker]
) -> None:
    broker = picky()
    memory = LinkMemory(FilterTrials(guilty={"secret/#": Guilty(1, time.time() + 2)}))
    world.add(connection(1, broker.port, filters=TEN, memory=memory))
    run()
    wait_for(lambda: world.status(1) == "connected")
    wait_for(lambda: world.grants[1].get("secret/#") == 1)
    assert len(broker.links) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_broker_that_takes_eight_filters_at_a_time_gets_no_more(
    world: World, run: Callable[..., Runtime], picky: Callable[..., PickyBroker], version: str
) -> None:
    broker = picky(most_filters=8)
    world.add(connection(1, broker.port, filters=TEN, protocol_version=version))
    runtime = run()
    wait_for(lambda: world.status(1) == "connected", 20)
    assert not guilty(world)
    before = len(broker.links)
    broker.links[-1].link.sock.shutdown(2)
    wait_for(lambda: len(broker.links) > before and world.status(1) == "connected", 20)
    assert runtime.sessions()
    assert msgspec.structs.asdict(world.configs[1].memory.trials)["per_packet"] == 8
