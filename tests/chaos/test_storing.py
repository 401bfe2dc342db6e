"""Faults behind the MQTT workers while 200 messages a second flow: task workers, Valkey, PostgreSQL. Short forms, with
the time constants of tests/stack.py.
"""

import os
import signal
import time
from collections.abc import Callable

import psutil
import psycopg
import pytest

from tests.chaos.flow import Flow, sites
from tests.stack import Stack, with_database

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(180)]


def repeat(action: Callable[[], object], every: float, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        action()
        time.sleep(every)


def kill_a_child(stack: Stack) -> None:
    for child in psutil.Process(stack.processes["worker"].pid).children()[:1]:
        child.kill()


def cut_sessions(stack: Stack) -> None:
    stack.db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )


def test_killing_the_processes_that_store_loses_and_doubles_nothing(stack, broker):
    site_ids = sites(stack, broker.port, "children")
    with Flow(stack, broker.port, "children", site_ids) as flow:
        repeat(lambda: kill_a_child(stack), 0.6, 6.0)
        flow.settle(30)


def test_a_task_worker_that_is_gone_for_a_while_is_made_good(stack, broker):
    site_ids = sites(stack, broker.port, "worker")
    with Flow(stack, broker.port, "worker", site_ids) as flow:
        time.sleep(1.0)
        os.killpg(stack.processes["worker"].pid, signal.SIGKILL)
        stack.processes["worker"].wait()
        time.sleep(2.0)
        stack.worker(concurrency=2)
        time.sleep(1.0)
        flow.settle(30)


def test_a_wiped_redis_loses_nothing_and_moves_nobody(stack, broker):
    site_ids = sites(stack, broker.port, "wiped")
    owners = "SELECT site_id, owner, generation FROM mqtt_mqttconnection WHERE site_id = ANY(%s) ORDER BY site_id"
    before = stack.rows(owners, site_ids)
    with Flow(stack, broker.port, "wiped", site_ids) as flow:
        repeat(stack.redis.flushall, 1.0, 5.0)
        flow.settle(30)
    assert stack.rows(owners, site_ids) == before


def test_a_redis_that_hangs_longer_than_the_lease_loses_nothing(stack, broker):
    site_ids = sites(stack, broker.port, "hung")
    with Flow(stack, broker.port, "hung", site_ids) as flow:
        time.sleep(1.0)
        stack.redis.execute_command("CLIENT", "PAUSE", "6000", "ALL")
        time.sleep(7.0)
        flow.settle(40)


def test_a_redis_that_takes_no_writes_loses_nothing(stack, broker):
    site_ids = sites(stack, broker.port, "full")
    with Flow(stack, broker.port, "full", site_ids) as flow:
        time.sleep(1.0)
        stack.redis.config_set("maxmemory", "1")
        time.sleep(5.0)
        stack.redis.config_set("maxmemory", "0")
        flow.settle(40)


def test_a_database_that_cuts_every_session_loses_and_doubles_nothing(stack, broker):
    site_ids = sites(stack, broker.port, "cut")
    with Flow(stack, broker.port, "cut", site_ids) as flow:
        repeat(lambda: cut_sessions(stack), 0.4, 6.0)
        flow.settle(30)


def test_a_database_that_takes_nobody_in_for_a_while_is_waited_for(stack, broker):
    site_ids = sites(stack, broker.port, "closed")
    name = stack.database_url.rpartition("/")[2]
    with (
        psycopg.connect(with_database(stack.database_url, "postgres"), autocommit=True) as admin,
        Flow(stack, broker.port, "closed", site_ids) as flow,
    ):
        time.sleep(1.0)
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        cut_sessions(stack)
        time.sleep(6.0)
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
        time.sleep(1.0)
        assert flow.settle(30) < 15
    assert all(process.poll() is None for process in stack.processes.values()), "a process did not survive"
