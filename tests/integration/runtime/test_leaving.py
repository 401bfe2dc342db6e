"""Letting links go: what is written for it, and how long a worker stays for that."""

import time

import pytest

from mqtt_app.mqtt.ownership import held_links
from tests.integration.runtime.world import connection, wait_for

pytestmark = pytest.mark.mosquitto

LINKS = range(1, 9)


@pytest.fixture(scope="module")
def broker(mosquitto):
    return mosquitto()


@pytest.fixture
def up(world, run, broker):
    """A runtime with a few links that are up."""
    for number in LINKS:
        world.add(connection(number, broker.port))
    runtime = run(drain_timeout=0.3)
    wait_for(lambda: all(world.status(number) == "connected" for number in LINKS))
    return runtime


def owners(world):
    return {world.owner[number] for number in LINKS}


def test_a_worker_that_stops_lets_all_go_together(world, up, monkeypatch):
    calls = []
    let_go = world.release_all
    monkeypatch.setattr(
        world, "release_all", lambda held, name: [calls.append(dict(held)), let_go(held, name)][1]
    )
    up.stop()
    assert owners(world) == {""}
    assert len(calls) < len(LINKS)


def test_a_worker_stays_for_as_long_as_it_gets_on(world, up, monkeypatch):
    let_go = world.release_all
    monkeypatch.setattr(held_links, "RELEASED_AT_ONCE", 1)
    monkeypatch.setattr(
        world, "release_all", lambda held, name: [time.sleep(0.4), let_go(held, name)][1]
    )
    up.stop()
    assert owners(world) == {""}


def test_a_worker_does_not_stay_when_nothing_moves(world, up, monkeypatch):
    monkeypatch.setattr(world, "release_all", lambda held, name: frozenset(held))
    begun = time.monotonic()
    up.stop()
    assert time.monotonic() - begun < 5
    assert owners(world) == {"mqtt-1"}


def test_a_row_that_somebody_else_is_writing_is_let_go_later(world, up, monkeypatch):
    let_go, busy = world.release_all, [frozenset({3})]
    monkeypatch.setattr(
        world,
        "release_all",
        lambda held, name: busy.pop() if busy and 3 in held else let_go(held, name),
    )
    for number in LINKS:
        world.wanted[number] = False
    wait_for(lambda: world.owner[3] == "")
