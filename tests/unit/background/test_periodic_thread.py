"""A thread that runs its action again and again, until it is stopped."""

import threading
import time

import pytest

from mqtt_app.background import periodic_thread
from mqtt_app.background.periodic_thread import PeriodicThread
from tests.integration.runtime.world import wait_for


def test_an_action_runs_at_once_and_then_again_and_again() -> None:
    runs = []
    thread = PeriodicThread("periodic", lambda: runs.append(1), every=0.02)
    thread.start()
    wait_for(lambda: len(runs) >= 3)
    assert thread.stop(5)
    stopped_at = len(runs)
    time.sleep(0.1)
    assert len(runs) == stopped_at


def test_without_an_interval_it_runs_after_a_wake_only_and_wakes_that_come_together_are_one() -> (
    None
):
    runs = []
    thread = PeriodicThread("woken", lambda: runs.append(1), every=None, gather=0.2)
    thread.start()
    time.sleep(0.1)
    assert runs == []
    for _ in range(5):
        thread.wake()
    wait_for(lambda: runs)
    time.sleep(0.4)
    assert runs == [1]
    assert thread.stop(5)


def test_a_wake_during_the_action_is_not_lost() -> None:
    begun, leave, runs = threading.Event(), threading.Event(), []

    def action() -> None:
        runs.append(1)
        begun.set()
        leave.wait(10)

    thread = PeriodicThread("busy", action, every=None)
    thread.start()
    thread.wake()
    assert begun.wait(10)
    thread.wake()
    leave.set()
    wait_for(lambda: len(runs) == 2)
    assert thread.stop(5)


def test_an_action_that_fails_is_logged_and_runs_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(periodic_thread, "AFTER_FAULT", 0.01)
    logged: list[object] = []
    runs: list[int] = []
    monkeypatch.setattr(periodic_thread.log, "exception", lambda *args: logged.append(args))

    def action() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise ValueError("once")

    thread = PeriodicThread("failing", action, every=0.01)
    thread.start()
    wait_for(lambda: len(runs) >= 2)
    assert thread.stop(5)
    assert len(logged) == 1


@pytest.mark.parametrize("every", [None, 0.0, 60.0])
def test_a_stop_ends_every_wait_and_runs_what_is_left_to_do_once(every: float | None) -> None:
    ended = []
    thread = PeriodicThread(
        "ending", lambda: thread.pause(60), every=every, at_end=lambda: ended.append(1)
    )
    thread.start()
    thread.wake()
    time.sleep(0.05)
    begun = time.monotonic()
    assert thread.stop(5)
    assert time.monotonic() - begun < 2
    assert ended == [1]


def test_a_thread_that_was_never_started_is_stopped_at_once() -> None:
    assert PeriodicThread("idle", lambda: None, every=1.0).stop(0)
