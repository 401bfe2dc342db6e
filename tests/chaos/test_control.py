"""Many deciders, quick changes of mind, a dead beat, and more links than usual."""

import os
import resource
import time
from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery

from tests.brokers import Mosquitto
from tests.chaos.pace import Pace
from tests.chaos.proxy import Mode
from tests.chaos.scene import Scene
from tests.stack import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(1_500)]

MOST_SELECTABLE = 1_024  # descriptors that select() can watch


def test_a_hundred_reconciles_at_once_and_two_beats_assign_nothing_twice(
    play: Callable[..., Scene],
) -> None:
    scene = play()
    house = scene.house
    assignments = (
        "SELECT count(*) FROM chaos_history WHERE id > %s AND connection_id IN (SELECT id FROM"
        " mqtt_mqttconnection WHERE site_id = ANY(%s))"
    )
    before = house.one("SELECT coalesce(max(id), 0) FROM chaos_history")
    house.start(
        "beat-2", "-m", "celery", "-A", "project", "beat", "-s", str(house.folder / "beat-2")
    )
    app = Celery(broker=house.redis_url)
    for _ in range(100):
        app.send_task("tasks.control.reconcile", queue="mqtt.control")
    wait_for(lambda: house.redis.llen("mqtt.control") == 0, 60, what="all of them done")
    scene.last(30)
    house.kill("beat-2")
    scene.settle(30)
    assert house.one(assignments, before, scene.site_ids) == 0
    assert b"Traceback" not in house.log("worker")[scene.witness.log_from("worker") :]


@pytest.mark.chaos
def test_many_workers_that_decide_at_once_assign_each_connection_once(
    play: Callable[..., Scene],
) -> None:
    scene = play()
    house = scene.house
    house.kill("beat")
    victim = scene.busiest()
    theirs = scene.of(victim)
    house.kill(victim)
    scene.until_up(*[name for name in house.instances if name != victim])
    counts = {number: count for number, count in scene.witness.moves().items() if count}
    assert len(counts) == len(theirs)
    assert set(counts.values()) == {1}
    scene.settle(30)


def test_start_and_stop_a_hundred_times_end_as_the_last_word_says(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    house, site_id = scene.house, scene.site_ids[0]
    begun = time.monotonic()
    for turn in range(100 if scene.pace.name == "long" else 40):
        house.call("POST", f"sites/{site_id}/{('stop', 'start')[turn % 2]}/")
    figure("turns took (s)", time.monotonic() - begun, "10 s")
    begun = time.monotonic()
    house.until(site_id, "connected", 10)
    figure("up after the last word (s)", time.monotonic() - begun, "10 s")
    house.switch(site_id, "stop")
    house.until(site_id, "disconnected", 10)
    house.switch(site_id, "start")
    house.until(site_id, "connected", 10)
    scene.settle(30)


def test_settings_that_change_while_connecting_end_as_the_last_ones(
    play: Callable[..., Scene],
    figure: Callable[[str, Any, str], None],
    mosquitto: Callable[..., Mosquitto],
) -> None:
    first = mosquitto()
    scene = play(brokers=[first], behind_proxies=True, count=1)
    house, site_id = scene.house, scene.site_ids[0]
    scene.flow.pause()
    proxy = scene.proxies[0]
    for _ in range(10):
        proxy.mode = Mode.BLACKHOLE
        proxy.reset()
        time.sleep(0.2)
        house.call("PATCH", f"sites/{site_id}/connection/", {"broker_port": 1, "keepalive": 30})
        house.call(
            "PATCH", f"sites/{site_id}/connection/", {"broker_port": first.port, "keepalive": 40}
        )
    begun = time.monotonic()
    wait_for(
        lambda: house.get(f"sites/{site_id}/connection/")["status"] == "connected",
        20,
        what="the last settings",
    )
    figure("up with the last settings after (s)", time.monotonic() - begun, "10 s")
    assert time.monotonic() - begun <= 10 + scene.pace.slack
    assert (
        "k40"
        in [line for line in first.log_text().splitlines() if "New client connected" in line][-1]
    )
    proxy.heal()
    scene.flow.resume()
    scene.settle(30)


def test_without_beat_everything_works_and_health_says_so(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    house, site_id = scene.house, scene.site_ids[0]
    house.kill("beat")
    if scene.pace.name == "long":
        time.sleep(600)
    wait_for(lambda: "is beat running" in house.ready().lower(), 60)
    begun = time.monotonic()
    house.switch(site_id, "stop")
    house.until(site_id, "disconnected", 30)
    house.switch(site_id, "start")
    house.until(site_id, "connected", 30)
    figure("stopped and started after (s)", time.monotonic() - begun, "")
    victim = scene.busiest()
    house.kill(victim)
    took = scene.until_up(*[name for name in house.instances if name != victim])
    figure("taken over and up after (s)", took, f"{scene.pace.bound(30):.0f} s")
    assert took <= scene.pace.bound(30)
    scene.settle(30)


def test_links_beyond_the_descriptors_of_select_come_up(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    """A worker whose first thousand descriptors are in use already."""
    scene = play(count=6)
    house = scene.house
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4_096)), hard))
    taken = [os.dup(0) for _ in range(MOST_SELECTABLE)]
    for number in taken:
        os.set_inheritable(number, True)
    try:
        house.start(
            "mqtt-9", "manage.py", "start_mqtt_service", "--instance", "mqtt-9", inherits=taken
        )
    finally:
        for number in taken:
            os.close(number)
    wait_for(lambda: house.redis.exists("mqtt:instance:mqtt-9"), 60)
    for instance in house.instances:
        house.kill(instance)
    took = scene.until_up("mqtt-9", seconds=60)
    figure("all up on the worker with many descriptors after (s)", took, "")
    for instance in house.instances:
        house.begin(instance)
    house.until_leased()
    house.kill("mqtt-9")
    scene.until_up(*house.instances)
    scene.settle(30)


@pytest.mark.chaos
def test_more_connections_than_there_is_room_for_are_refused_in_words(
    play: Callable[..., Scene],
) -> None:
    scene = play(count=2)
    house = scene.house
    for instance in house.instances:
        house.kill(instance)
    house.mqtt("mqtt-1", SITEWIRE_CAPACITY="1")
    wait_for(lambda: scene.up() == scene.up("mqtt-1") == 1, 60, what="one of two up")
    waiting = next(site_id for site_id in scene.site_ids if house.status(site_id) != "connected")
    wait_for(
        lambda: "full" in str(house.get(f"sites/{waiting}/status/")).lower(),
        60,
        what="a word about the room",
    )
    house.kill("mqtt-1")
    for instance in house.instances:
        house.begin(instance)
    scene.until_up()
    scene.settle(30)


@pytest.mark.chaos
def test_a_few_hundred_connections_on_one_worker_are_all_up(
    play: Callable[..., Scene], pace: Pace, figure: Callable[[str, Any, str], None]
) -> None:
    count = 500 if pace.name == "long" else 60
    scene = play(count=count)
    house = scene.house
    for instance in house.instances[1:]:
        house.kill(instance)
    took = scene.until_up(house.instances[0], seconds=90)
    figure(f"{count} connections on one worker after (s)", took, "")
    scene.settle(60)
