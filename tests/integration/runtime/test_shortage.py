"""What a link says when its worker has run short of something."""

import contextlib
import os
import resource

import pytest

from tests.integration.runtime.world import connection, wait_for

pytestmark = pytest.mark.mosquitto


@pytest.fixture(scope="module")
def broker(mosquitto):
    return mosquitto()


@contextlib.contextmanager
def no_descriptors_left():
    """Only so many open files as there are now."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))), limits[1]))
    taken = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        for one in taken:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_worker_without_descriptors_says_what_to_do_and_goes_on_when_it_has_some(world, run, broker):
    run()
    world.add(connection(1, broker.port))
    with no_descriptors_left():
        wait_for(lambda: world.status(1) == "error")
        assert "ulimit -n" in world.error(1)[1]
    wait_for(lambda: world.status(1) == "connected")


def test_links_that_wait_for_their_turn_in_a_storm_are_not_called_slow(world, run, rows, broker):
    for number in (1, 2, 3):
        world.add(connection(number, broker.port))
    run(connect_rate=2.0, connect_timeout=0.2)
    wait_for(lambda: all(world.status(number) == "connected" for number in (1, 2, 3)))
    assert {level for level, _, _ in rows} == {"INFO"}
