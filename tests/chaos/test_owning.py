"""Faults of the MQTT workers themselves while 200 messages a second flow. Short forms, time constants divided by 5."""

import os
import signal
import time

import pytest

from tests.chaos.flow import Flow, sites
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(180)]

OWNERS = "SELECT site_id, owner FROM mqtt_mqttconnection WHERE site_id = ANY(%s)"


def owners(stack: Stack, site_ids: list[int]) -> dict[int, str]:
    return dict(stack.rows(OWNERS, site_ids))


def test_a_killed_worker_is_followed_by_the_other_one_and_nobody_elses_site_moves(stack, broker):
    site_ids = sites(stack, broker.port, "killed", 6)
    before = owners(stack, site_ids)
    with Flow(stack, broker.port, "killed", site_ids) as flow:
        time.sleep(1.0)
        stack.kill("mqtt-1")
        begun = time.monotonic()
        wait_for(lambda: set(owners(stack, site_ids).values()) == {"mqtt-2"}, 30, what="the take-over")
        took = time.monotonic() - begun
        flow.settle(30)
    stack.mqtt("mqtt-1")
    assert took < 30 / 5 + 2
    kept = [site_id for site_id, owner in before.items() if owner == "mqtt-2"]
    generations = "SELECT max(generation) FROM mqtt_mqttconnection WHERE site_id = ANY(%s)"
    assert not kept or stack.one(generations, kept) == 1


def test_a_worker_that_slept_through_its_lease_does_not_come_back_as_an_owner(stack, broker):
    site_ids = sites(stack, broker.port, "slept")
    sleeper = owners(stack, site_ids)[site_ids[0]]
    other = {"mqtt-1": "mqtt-2", "mqtt-2": "mqtt-1"}[sleeper]
    with Flow(stack, broker.port, "slept", site_ids) as flow:
        time.sleep(1.0)
        os.kill(stack.processes[sleeper].pid, signal.SIGSTOP)
        wait_for(lambda: set(owners(stack, site_ids).values()) == {other}, 30, what="the take-over")
        time.sleep(1.0)
        said = len(broker.log_text())
        os.kill(stack.processes[sleeper].pid, signal.SIGCONT)
        time.sleep(3.0)
        flow.settle(40)
    connects = [line for line in broker.log_text()[said:].splitlines() if "New client connected" in line]
    assert [line for line in connects if "sitewire-" in line] == []
    assert set(owners(stack, site_ids).values()) == {other}


def test_a_short_sleep_moves_nobody(stack, broker):
    site_ids = sites(stack, broker.port, "nap")
    before = stack.rows("SELECT site_id, owner, generation FROM mqtt_mqttconnection WHERE site_id = ANY(%s)", site_ids)
    with Flow(stack, broker.port, "nap", site_ids) as flow:
        os.kill(stack.processes["mqtt-1"].pid, signal.SIGSTOP)
        time.sleep(1.0)
        os.kill(stack.processes["mqtt-1"].pid, signal.SIGCONT)
        flow.settle(30, at_least=100)
    after = stack.rows("SELECT site_id, owner, generation FROM mqtt_mqttconnection WHERE site_id = ANY(%s)", site_ids)
    assert sorted(after) == sorted(before)


def test_a_rolling_restart_loses_nothing_and_forces_nobody(stack, broker):
    site_ids = sites(stack, broker.port, "rolling")
    before = stack.one("SELECT max(id) FROM mqtt_mqttconnectionlog")
    with Flow(stack, broker.port, "rolling", site_ids) as flow:
        for name in ("mqtt-1", "mqtt-2"):
            time.sleep(1.0)
            stack.kill(name, signal.SIGTERM)
            stack.mqtt(name)
        time.sleep(1.0)
        flow.settle(30)
    forced = "SELECT message FROM mqtt_mqttconnectionlog WHERE id > %s AND message LIKE '%%is gone%%'"
    assert stack.rows(forced, before) == []


def test_start_and_stop_in_quick_turns_end_as_the_last_word_says(stack, broker):
    site_id = sites(stack, broker.port, "fickle", 1)[0]
    for turn in range(40):
        stack.call("POST", f"sites/{site_id}/{('stop', 'start')[turn % 2]}/")
    stack.until(site_id, "connected", 10)
    stack.switch(site_id, "stop")
    stack.until(site_id, "disconnected", 10)


def test_without_beat_a_killed_worker_is_followed_too(stack, broker):
    stack.kill("beat")
    site_ids = sites(stack, broker.port, "unbeaten")
    victim = owners(stack, site_ids)[site_ids[0]]
    with Flow(stack, broker.port, "unbeaten", site_ids) as flow:
        time.sleep(1.0)
        stack.kill(victim)
        wait_for(lambda: victim not in owners(stack, site_ids).values(), 30 / 5 + 2, what="the take-over")
        flow.settle(30)
    stack.mqtt(victim)
    stack.beat()
