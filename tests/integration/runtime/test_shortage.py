"""What a link says when its worker has run short of something."""

import contextlib
import resource
from collections.abc import Callable, Iterator

import pytest

from mqtt_app.mqtt.runtime import Runtime
from tests.brokers import Mosquitto
from tests.integration.runtime.world import World, connection, wait_for

pytestmark = pytest.mark.mosquitto


@pytest.fixture(scope="module")
def broker(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto()


@contextlib.contextmanager
def no_descriptors_left() -> Iterator[None]:
    """What is open stays so, and no new descriptor may have a number beyond the three of every
    process.
    """
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_worker_without_descriptors_says_what_to_do_and_goes_on_when_it_has_some(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    run()
    with no_descriptors_left():
        world.add(connection(1, broker.port))
        wait_for(lambda: world.status(1) == "error")
        assert "ulimit -n" in world.error(1)[1]
    wait_for(lambda: world.status(1) == "connected")


def test_links_that_wait_for_their_turn_in_a_storm_are_not_called_slow(
    world: World,
    run: Callable[..., Runtime],
    rows: list[tuple[str, str, int | None]],
    broker: Mosquitto,
) -> None:
    for number in (1, 2, 3):
        world.add(connection(number, broker.port))
    run(connect_rate=2.0, connect_timeout=0.2)
    wait_for(lambda: all(world.status(number) == "connected" for number in (1, 2, 3)))
    assert {level for level, _, _ in rows} == {"INFO"}
