"""Faults of the MQTT workers themselves while 200 messages a second flow."""

import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.chaos.house import address_of
from tests.chaos.pace import Pace
from tests.chaos.packets import first_packets
from tests.chaos.proxy import Mode
from tests.chaos.scene import RATE, Scene
from tests.stack import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(900)]

CONNECT, PUBACK = 1, 4  # packet types, MQTT 5.0 table 2-1


def connected(scene: Scene) -> set[int]:
    return {session.connection_id for session in scene.witness.sessions()}


@pytest.mark.parametrize("beat", ["alive", "dead"])
def test_a_killed_worker_is_followed_and_nobody_elses_connection_moves(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None], beat: str
) -> None:
    scene = play()
    house, pace = scene.house, scene.pace
    if beat == "dead":
        house.kill("beat")
    victim = scene.busiest()
    theirs = scene.of(victim)
    others = [name for name in house.instances if name != victim]
    house.kill(victim)
    took = scene.until_up(*others)
    figure("taken over and up after (s)", took, f"{pace.bound(30):.0f} s")
    scene.settle(30)
    assert took <= pace.bound(30)
    assert scene.witness.moved() == set(theirs)


def test_all_workers_killed_and_started_again_lose_nothing(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    house, pace = scene.house, scene.pace
    for instance in house.instances:
        house.kill(instance)
    scene.last(60)
    begun = time.monotonic()
    for instance in house.instances:
        house.begin(instance)
    wait_for(lambda: len(connected(scene)) == len(scene.site_ids), 60, what="a CONNECT of each")
    scene.until_up()
    took = time.monotonic() - begun
    figure("all up after the start (s)", took, f"{pace.bound(30):.0f} s")
    scene.settle(60)
    assert took <= pace.bound(30) + 5  # three starts of Python on a busy machine


def test_a_worker_that_slept_through_its_lease_wakes_as_a_stranger(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play(behind_proxies=True)
    house, pace = scene.house, scene.pace
    sleeper = scene.busiest()
    theirs = scene.of(sleeper)
    for proxy in scene.proxies:
        proxy.keeps_clients = True  # it must not be the broker's closing that tells the sleeper
    scene.signal(sleeper, signal.SIGSTOP)
    begun = time.monotonic()
    scene.until_up(*[name for name in house.instances if name != sleeper], seconds=pace(40) + 15)
    figure("taken over and up after (s)", time.monotonic() - begun, f"{pace.bound(30):.0f} s")
    time.sleep(max(0.0, pace(40) - (time.monotonic() - begun)))
    assert scene.witness.moved() == set(theirs)
    woken = time.monotonic()
    scene.signal(sleeper, signal.SIGCONT)
    replaced = "was replaced; it has closed its link"
    wait_for(lambda: scene.witness.said(replaced), 10, what="a word of the stale worker")
    figure("says that it was replaced after (s)", time.monotonic() - woken, "3 s")
    assert time.monotonic() - woken <= 3.0 + pace.slack
    scene.last(10)
    sent = [
        data
        for proxy in scene.proxies
        for at, since, address, data in proxy.heard
        if at >= woken > since and address == address_of(sleeper)
    ]
    types = {kind for data in sent for kind in first_packets(data)}
    assert not types & {CONNECT, PUBACK}, f"the stale worker sent packets of the types {types}"
    for proxy in scene.proxies:
        proxy.keeps_clients = False
    scene.settle(30)


def test_a_worker_killed_between_commit_and_acknowledgement_doubles_nothing(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    house = scene.house
    victim = scene.busiest()
    theirs = scene.of(victim)
    house.part(
        Mode.MUTE, victim, redis=True
    )  # batches get through, the word that they are committed does not
    scene.last(5)
    house.kill(victim)
    house.heal()
    scene.until_up()
    scene.settle(30)
    again = house.one("SELECT sum(duplicate) FROM mqtt_sitebooks WHERE site_id = ANY(%s)", theirs)
    figure("delivered again, and known for it", again, "")
    assert again > 0


@pytest.mark.chaos
def test_ten_times_the_rate_costs_little_memory_and_is_made_good(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play(rate=10 * RATE)
    workers = [psutil.Process(scene.house.processes[name].pid) for name in scene.house.instances]
    before = sum(worker.memory_info().rss for worker in workers)
    scene.last(60)
    grown = (sum(worker.memory_info().rss for worker in workers) - before) / 2**20
    rate = scene.flow.sent / (scene.flow.sent_at[-1] - scene.flow.sent_at[0])
    took = scene.settle(60)
    figure("messages/s", rate, "")
    figure("MQTT workers grew by (MB)", grown, "200")
    figure("backlog gone after (s)", took, "300 s")
    assert grown <= 200


def test_a_short_sleep_moves_nobody(play: Callable[..., Scene]) -> None:
    scene = play()
    before = scene.owners()
    sleeper = scene.busiest()
    scene.signal(sleeper, signal.SIGSTOP)
    scene.last(5)
    scene.signal(sleeper, signal.SIGCONT)
    scene.last(10)
    scene.settle(30)
    assert scene.owners() == before
    assert scene.witness.sessions() == []


def test_a_rolling_restart_loses_nothing_and_forces_nobody(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    house, pace = scene.house, scene.pace
    for instance in house.instances:
        house.kill(instance, signal.SIGTERM)
        house.mqtt(instance)
        scene.until_up()
        scene.last(5)
    scene.settle(30)
    gaps = scene.witness.gaps()
    p95 = gaps[int(0.95 * (len(gaps) - 1))]
    figure("longest silence of a site, p95 (s)", p95, "2 s")
    figure("longest silence of a site, worst (s)", gaps[-1], "10 s")
    assert p95 <= 2.0 + pace.slack
    assert gaps[-1] <= 10.0
    assert scene.witness.thrown_out() == 0
    assert not scene.witness.said("is gone")


def test_a_worker_that_leaves_and_comes_back_moves_only_what_must(
    play: Callable[..., Scene], pace: Pace, figure: Callable[[str, Any, str], None]
) -> None:
    scene = play(count=300 if pace.name == "long" else 30)
    house = scene.house
    leaver = scene.busiest()
    share = len(scene.of(leaver))
    house.kill(leaver, signal.SIGTERM)
    scene.until_up(*[name for name in house.instances if name != leaver], seconds=60)
    left = scene.witness.moves()
    assert sum(left.values()) == share, "only the leaver's connections move"
    house.mqtt(leaver)
    count = len(scene.site_ids)
    most = 1.25 * count / pace.workers

    def spread() -> int:
        return max(len(scene.of(name)) for name in house.instances)

    wait_for(
        lambda: spread() <= most,
        pace.bound(60) + 12 * pace.bound(30),
        every=1.0,
        what="the balance",
    )
    scene.until_up()
    moved = {number: times - left[number] for number, times in scene.witness.moves().items()}
    figure(f"of {count} moved when one left", share, f"{count * 110 // 300}")
    figure(f"of {count} moved when it came back", sum(moved.values()), f"{count * 110 // 300}")
    figure("busiest worker over the mean", spread() * pace.workers / count, "1.25")
    assert max(moved.values()) <= 1, "nothing moves twice"
    assert share <= count * 110 / 300
    assert sum(moved.values()) <= count * 110 / 300
    scene.settle(60)
    assert scene.witness.thrown_out() == 0
