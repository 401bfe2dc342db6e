"""Two faults at once, the second while the first lasts, mended in the same order."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.proxy import Mode
from tests.chaos.scene import Scene

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(900)]

Mend = Callable[[], object]
Fault = Callable[[Scene], Mend]


def a_worker_dies(scene: Scene) -> Mend:
    victim = scene.busiest()
    scene.house.kill(victim)
    return lambda: scene.house.begin(victim)


def a_worker_sleeps(scene: Scene) -> Mend:
    sleeper = scene.house.instances[-1]
    scene.signal(sleeper, signal.SIGSTOP)
    return lambda: scene.signal(sleeper, signal.SIGCONT)


def a_worker_loses_redis(scene: Scene) -> Mend:
    proxy = scene.house.to_redis[scene.house.instances[1]]
    proxy.mode = Mode.HOLD
    return proxy.heal


def a_worker_loses_the_database(scene: Scene) -> Mend:
    proxy = scene.house.to_database[scene.house.instances[1]]
    proxy.mode = Mode.HOLD
    return proxy.heal


def redis_dies(scene: Scene) -> Mend:
    scene.house.cache.kill()
    return scene.house.cache.start


def redis_is_a_black_hole(scene: Scene) -> Mend:
    scene.house.part(Mode.BLACKHOLE, redis=True)

    def mend() -> None:
        for proxy in scene.house.to_redis.values():
            proxy.heal()

    return mend


def the_database_crashes(scene: Scene) -> Mend:
    scene.house.database.stop(signal.SIGQUIT)

    def mend() -> None:
        scene.house.database.start()
        scene.house.reconnect()

    return mend


def a_broker_hangs(scene: Scene) -> Mend:
    broker = scene.brokers[0]
    broker.signal(signal.SIGSTOP)
    return lambda: broker.signal(signal.SIGCONT)


def the_task_worker_is_gone(scene: Scene) -> Mend:
    scene.house.kill("worker")
    return lambda: scene.house.worker(concurrency=2)


PAIRS = [
    (a_worker_dies, redis_is_a_black_hole),
    (a_worker_sleeps, the_database_crashes),
    (a_worker_loses_redis, a_broker_hangs),
    (redis_dies, the_database_crashes),
    (the_task_worker_is_gone, a_worker_dies),
    (a_worker_loses_the_database, a_worker_dies),
    (a_broker_hangs, redis_dies),
    (a_worker_sleeps, a_worker_loses_redis),
]
IN_SHORT = 1  # of them in the normal run


def _marked(number: int, pair: tuple[Fault, ...]) -> object:
    name = "-".join(fault.__name__ for fault in pair)
    return pytest.param(*pair, id=name, marks=pytest.mark.chaos if number >= IN_SHORT else ())


@pytest.mark.parametrize(
    ("first", "second"), [_marked(number, pair) for number, pair in enumerate(PAIRS)]
)
def test_two_faults_at_once_lose_and_double_nothing(
    play: Callable[..., Scene], figure: Callable[[str, Any, str], None], first: Fault, second: Fault
) -> None:
    scene = play()
    mend_first = first(scene)
    scene.last(10)
    mend_second = second(scene)
    scene.last(30)
    mend_first()
    scene.last(10)
    mend_second()
    figure("all up after the last was mended (s)", scene.until_up(seconds=90), "")
    figure("drained after (s)", scene.settle(60), "")
