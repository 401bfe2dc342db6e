"""Faults of PostgreSQL and of the processes that write to it while 200 messages a second flow."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.chaos.house import House
from tests.chaos.prober import p99
from tests.chaos.proxy import Mode
from tests.chaos.scene import Scene

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(900)]


def repeat(action: Callable[[], object], every: float, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        action()
        time.sleep(every)


def cut_sessions(house: House) -> None:
    house.db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )


def kill_a_child(house: House) -> None:
    for child in psutil.Process(house.processes["worker"].pid).children()[:1]:
        child.kill()


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="stopped", marks=pytest.mark.chaos),
        pytest.param(signal.SIGQUIT, id="crashed"),
    ],
)
def test_a_database_that_is_gone_is_waited_for(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None], number: signal.Signals
) -> None:
    scene = play()
    house = scene.house
    house.database.stop(number)
    scene.last(60)
    house.database.start()
    house.reconnect()
    took = scene.settle(60)
    figure("drained after (s)", took, "10 s")
    assert took <= 10 + scene.pace.slack
    assert all(process.poll() is None for process in house.processes.values()), (
        "a process did not survive"
    )


def test_a_database_that_cuts_every_session_again_and_again_loses_nothing(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    repeat(lambda: cut_sessions(scene.house), scene.pace(5), scene.pace(60))
    took = scene.settle(60)
    figure("drained after (s)", took, "10 s")
    assert took <= 10 + scene.pace.slack


def test_a_database_that_dies_in_the_middle_of_what_it_is_told_stores_nothing_twice(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    """Fifty times: half of what a task worker says arrives, COMMIT included, or its answer is lost."""
    scene = play()
    proxy = scene.house.to_database["worker"]
    for turn in range(50 if scene.pace.name == "long" else 20):
        proxy.mode = (Mode.CUT, Mode.DROP_REPLY)[turn % 2]
        time.sleep(0.2)
    scene.house.heal()
    figure("drained after (s)", scene.settle(60), "")


def test_a_database_that_is_a_black_hole_moves_nobody(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    house = scene.house
    house.part(Mode.HOLD, *house.instances, "worker", "beat", database=True)
    scene.last(60)
    house.heal()
    took = scene.settle(60)
    figure("drained after (s)", took, "10 s")
    assert scene.witness.sessions() == []


def test_killing_the_processes_that_store_again_and_again_loses_nothing(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    repeat(lambda: kill_a_child(scene.house), scene.pace(3), scene.pace(60))
    took = scene.settle(60)
    figure("drained after (s)", took, "60 s")
    assert took <= 60


@pytest.mark.chaos
def test_a_task_worker_that_is_gone_for_a_while_is_made_good(play: Callable[..., Scene]) -> None:
    scene = play()
    house = scene.house
    os.killpg(house.processes["worker"].pid, signal.SIGKILL)
    house.processes["worker"].wait()
    scene.last(10)
    house.worker(concurrency=2)
    scene.settle(60)


@pytest.mark.chaos
def test_a_slow_database_slows_and_loses_nothing(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None]
) -> None:
    scene = play()
    scene.house.to_database["worker"].delay = 0.02
    scene.last(20)
    scene.house.heal()
    figure("drained after (s)", scene.settle(60), "")
    assert p99(scene.witness.gaps()) < 5
