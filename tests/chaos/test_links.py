"""Faults between a broker and us: half-open, cut, gone, and a stranger with our client id."""

import json
import time

import paho.mqtt.client as mqtt
import pytest

from tests.chaos.flow import Flow, sites
from tests.chaos.proxy import FaultProxy, Mode
from tests.stack import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(180)]


def headline(stack, site_id):
    return stack.get(f"sites/{site_id}/status/")["headline"]


def through(stack, proxy, prefix):
    """Sites whose broker is behind the proxy; they notice silence after 2 * 2.5 + 10 s."""
    site_ids = sites(stack, proxy.port, prefix, 1)
    for site_id in site_ids:
        stack.call("PATCH", f"sites/{site_id}/connection/", {"keepalive": 5})
        wait_for(lambda site_id=site_id: headline(stack, site_id) == "running")
    return site_ids


def test_a_half_open_link_is_seen_and_made_anew_without_loss(stack, broker):
    with FaultProxy(broker.port) as proxy:
        site_ids = through(stack, proxy, "halfopen")
        with Flow(stack, broker.port, "halfopen", site_ids, rate=50.0) as flow:
            time.sleep(1.0)
            proxy.mode = Mode.BLACKHOLE
            begun = time.monotonic()
            wait_for(lambda: headline(stack, site_ids[0]) != "running", 45, what="the headline to say so")
            assert time.monotonic() - begun < 30
            proxy.mode = Mode.PASS
            proxy.reset()
            wait_for(lambda: headline(stack, site_ids[0]) == "running", 35)
            flow.settle(40)


def test_a_link_that_is_cut_again_and_again_loses_and_doubles_nothing(stack, broker):
    with FaultProxy(broker.port) as proxy:
        site_ids = through(stack, proxy, "cutlink")
        with Flow(stack, broker.port, "cutlink", site_ids) as flow:
            for _ in range(8):
                time.sleep(0.7)
                proxy.reset()
            flow.settle(60)


def test_acknowledgements_that_never_arrive_double_nothing(stack, broker):
    with FaultProxy(broker.port) as proxy:
        site_ids = through(stack, proxy, "deaf")
        with Flow(stack, broker.port, "deaf", site_ids) as flow:
            time.sleep(1.0)
            proxy.mode = Mode.DEAF
            time.sleep(2.0)
            proxy.reset()
            proxy.mode = Mode.PASS
            flow.settle(60)


def test_a_broker_that_restarts_loses_nothing_of_what_it_acknowledged(stack, mosquitto):
    own = mosquitto(persistence=True)
    site_ids = sites(stack, own.port, "restart", 1)
    with Flow(stack, own.port, "restart", site_ids) as flow:
        time.sleep(2.0)
        flow.end()
        own.restart()
        wait_for(lambda: headline(stack, site_ids[0]) == "running", 35)
        flow.settle(40)


def test_a_stranger_with_our_client_id_is_named_and_no_war_breaks_out(stack, mosquitto):
    own = mosquitto()
    site_id = sites(stack, own.port, "stranger", 1)[0]
    connection_id = stack.get(f"sites/{site_id}/connection/")["id"]
    begun, said = time.monotonic(), ""
    for _ in range(8):
        stranger = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, f"sitewire-{connection_id}", protocol=mqtt.MQTTv5)
        stranger.connect("127.0.0.1", own.port)
        stranger.loop_start()
        time.sleep(1.0)
        said += json.dumps(stack.get(f"sites/{site_id}/status/"))
        stranger.disconnect()
        stranger.loop_stop()
    took = time.monotonic() - begun
    assert "uses the same client id" in said
    logs = stack.get(f"connection-logs/?site={site_id}")["results"]
    assert any("uses the same client id" in row["message"] for row in logs)
    connects = [line for line in own.log_text().splitlines() if f"as sitewire-{connection_id} " in line]
    assert len(connects) - 8 <= took + 2, "at most one CONNECT a second"
    wait_for(lambda: headline(stack, site_id) == "running", 30, what="recovery")
