"""Letting links go: what is written for it, and how long a worker stays for that."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from mqtt_app.mqtt.ownership import held_links
from mqtt_app.mqtt.runtime import Runtime
from tests.brokers import Mosquitto
from tests.integration.runtime.world import World, connection, wait_for

pytestmark = pytest.mark.mosquitto

LINKS = range(1, 9)


@pytest.fixture(scope="module")
def broker(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto()


@pytest.fixture
def up(world: World, run: Callable[..., Runtime], broker: Mosquitto) -> Runtime:
    """A runtime with a few links that are up."""
    for number in LINKS:
        world.add(connection(number, broker.port))
    runtime = run(drain_timeout=0.3)
    wait_for(lambda: all(world.status(number) == "connected" for number in LINKS))
    return runtime


def owners(world: World) -> set[str]:
    return {world.owner[number] for number in LINKS}


def test_a_worker_that_stops_lets_all_go_together(
    world: World, up: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    let_go = world.release_all

    def counted(held: dict[int, int], name: str) -> Any:
        calls.append(dict(held))
        return let_go(held, name)

    monkeypatch.setattr(world, "release_all", counted)
    up.stop()
    assert owners(world) == {""}
    assert len(calls) < len(LINKS)


def test_a_worker_stays_for_as_long_as_it_gets_on(
    world: World, up: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = world.release_all
    monkeypatch.setattr(held_links, "RELEASED_AT_ONCE", 1)

    def slow(held: dict[int, int], name: str) -> Any:
        time.sleep(0.4)
        return let_go(held, name)

    monkeypatch.setattr(world, "release_all", slow)
    up.stop()
    assert owners(world) == {""}


def test_a_worker_does_not_stay_when_nothing_moves(
    world: World, up: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "release_all", lambda held, name: frozenset(held))
    begun = time.monotonic()
    up.stop()
    assert time.monotonic() - begun < 5
    assert owners(world) == {"mqtt-1"}


def test_a_row_that_somebody_else_is_writing_is_let_go_later(
    world: World, up: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, busy = world.release_all, [frozenset({3})]
    monkeypatch.setattr(
        world,
        "release_all",
        lambda held, name: busy.pop() if busy and 3 in held else let_go(held, name),
    )
    for number in LINKS:
        world.wanted[number] = False
    wait_for(lambda: world.owner[3] == "")
