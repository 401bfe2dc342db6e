"""Faults of Redis, for everybody and for one worker alone, while 200 messages a second flow."""

import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.brokers import Mosquitto
from tests.chaos.prober import Prober, p99
from tests.chaos.proxy import FaultProxy, Mode
from tests.chaos.scene import Scene
from tests.stack import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(900)]

GENERATIONS = "SELECT site_id, owner, generation FROM mqtt_mqttconnection WHERE site_id = ANY(%s) ORDER BY site_id"


def test_a_redis_that_was_killed_and_is_back_empty_moves_nobody(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    house = scene.house
    before = house.rows(GENERATIONS, scene.site_ids)
    house.cache.kill()
    scene.last(5)
    house.cache.start()
    begun = time.monotonic()
    newest = scene.flow.sent
    wait_for(
        lambda: any(number >= newest for number in scene.flow.stored()),
        30,
        what="a message stored again",
    )
    figure("tasks are consumed again after (s)", time.monotonic() - begun, "5 s")
    assert time.monotonic() - begun <= 5 + scene.pace.slack
    scene.last(30)
    scene.settle(30)
    assert scene.witness.sessions() == []
    assert house.rows(GENERATIONS, scene.site_ids) == before


@pytest.mark.chaos
def test_a_wiped_redis_moves_nobody(play: Callable[..., Scene]) -> None:
    scene = play()
    before = scene.house.rows(GENERATIONS, scene.site_ids)
    for _ in range(5):
        scene.house.redis.flushall()
        time.sleep(1.0)
    scene.settle(30)
    assert scene.witness.sessions() == []
    assert scene.house.rows(GENERATIONS, scene.site_ids) == before


def _passes(proxy: FaultProxy) -> bool:
    return proxy.mode is Mode.PASS


@pytest.mark.parametrize("mode", [Mode.HOLD, pytest.param(Mode.BLACKHOLE, marks=pytest.mark.chaos)])
def test_a_redis_that_is_a_black_hole_moves_nobody_and_is_shown(
    play: Callable[..., Scene],
    figure: Callable[[str, Any, str], None],
    brokers: list[Mosquitto],
    mode: Mode,
) -> None:
    scene = play()
    house, pace = scene.house, scene.pace
    with Prober(house, brokers[0].port) as prober:
        house.part(mode, redis=True)
        scene.last(60)
        assert scene.witness.sessions() == [], "nobody connects anew while no lease can be had"
        assert any("degraded" in scene.headline(site_id) for site_id in scene.site_ids), (
            "the page says so"
        )
        house.heal()
    took = scene.settle(60)
    assert scene.witness.sessions() == [], "nor when every lease has run out and is taken again"
    figure("drained after (s)", took, "10 s")
    figure("start/ p99 (ms)", 1000 * p99(prober.starts), "300 ms")
    figure("list of sites p99 (ms)", 1000 * p99(prober.lists), "")
    assert not prober.failures
    assert took <= 10 + pace.slack
    assert p99(prober.starts) <= 0.3 * (1 if pace.name == "long" else 3)


def test_a_redis_without_memory_is_an_alarm_and_loses_nothing(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    house = scene.house
    house.redis.config_set("maxmemory", "1")
    scene.last(60)
    alarm = house.ready()
    house.redis.config_set("maxmemory", "0")
    took = scene.settle(60)
    figure("drained after (s)", took, "10 s")
    assert took <= 10 + scene.pace.slack
    assert "memory" in alarm.lower(), alarm


def test_dropped_replies_of_redis_never_make_two_owners(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    house, pace = scene.house, scene.pace
    for turn in range(20):
        proxy = house.to_redis[house.instances[turn % pace.workers]]
        proxy.mode = Mode.DROP_REPLY
        wait_for(partial(_passes, proxy), 30, what="a reply to drop")
    house.kill(house.instances[0], signal.SIGTERM)
    house.begin(house.instances[0])
    proxy = house.to_redis[house.instances[0]]
    for _ in range(20):  # while it acquires its lease
        proxy.mode = Mode.DROP_REPLY
        wait_for(partial(_passes, proxy), 30, what="a reply to drop")
    took = scene.until_up(seconds=30)
    figure("all owned after the last drop (s)", took, "10 s")
    assert took <= 10
    scene.settle(30)


@pytest.mark.parametrize("mode", [Mode.HOLD, pytest.param(Mode.REFUSE, marks=pytest.mark.chaos)])
def test_a_worker_that_alone_cannot_reach_redis_is_replaced_without_overlap(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None], mode: Mode
) -> None:
    scene = play()
    house, pace = scene.house, scene.pace
    alone = scene.busiest()
    theirs = scene.of(alone)
    others = [name for name in house.instances if name != alone]
    house.part(mode, alone, redis=True)
    if mode is Mode.REFUSE:
        house.to_redis[alone].reset()
    took = scene.until_up(*others, seconds=pace(60) + 20)
    figure("taken over and up after (s)", took, f"{pace.bound(30):.0f} s")
    assert scene.witness.moved() == set(theirs)
    time.sleep(max(0.0, pace(60) - took))
    house.heal()
    scene.settle(30)
    assert took <= pace.bound(30)
