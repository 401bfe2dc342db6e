"""Messages that are acknowledged before their commit: what each way of it promises all the same."""

import signal
from collections.abc import Callable

import pytest

from tests.chaos.scene import Scene
from tests.chaos.test_together import Fault, a_worker_dies, redis_dies, the_database_crashes

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(900)]

RARE = [
    pytest.param(fault, marks=pytest.mark.chaos) for fault in (redis_dies, the_database_crashes)
]


@pytest.mark.parametrize("fault", [a_worker_dies, *RARE])
def test_queued_loses_nothing_when_one_dies(play: Callable[..., Scene], fault: Fault) -> None:
    scene = play(ack_mode="queued")
    mend = fault(scene)
    scene.last(30)
    mend()
    scene.until_up()
    scene.settle(60)


def test_received_loses_nothing_when_a_worker_is_stopped_properly(
    play: Callable[..., Scene],
) -> None:
    scene = play(ack_mode="received")
    leaver = scene.busiest()
    scene.house.kill(leaver, signal.SIGTERM)
    scene.last(10)
    scene.house.begin(leaver)
    scene.until_up()
    scene.settle(60)


@pytest.mark.chaos
def test_queued_outlives_its_owner_while_the_database_is_away(play: Callable[..., Scene]) -> None:
    scene = play(ack_mode="queued")
    victim = scene.busiest()
    mend = the_database_crashes(scene)
    scene.last(20)
    scene.house.kill(victim)
    scene.last(20)
    mend()
    scene.house.begin(victim)
    scene.until_up()
    scene.settle(60)
