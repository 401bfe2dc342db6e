"""Silence, seen through the whole machine: device, gateway, site."""

import json
from collections.abc import Callable

import pytest

from tests.brokers import Mosquitto
from tests.publisher import publisher
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto]


def devices(stack: Stack, site_id: int) -> dict[str, str]:
    return {
        row["identifier"]: row["status"]
        for row in stack.get(f"sites/{site_id}/devices/")["results"]
    }


def test_a_silent_device_goes_offline_and_a_message_brings_it_back(
    stack: Stack, broker: Mosquitto, tick: Callable[[], bool]
) -> None:
    site_id = stack.site("silence", broker.port, ("quiet/#",))
    assert stack.call("PATCH", f"sites/{site_id}/", {"silence_after": 1}).status_code == 200
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    with publisher(broker.port) as sender:
        sender.send("quiet/pump", json.dumps({"rpm": 900}))
        wait_for(lambda: set(devices(stack, site_id).values()) == {"online"})
        wait_for(
            lambda: tick() and set(devices(stack, site_id).values()) == {"offline"}, 30, every=1
        )
        sender.send("quiet/pump", json.dumps({"rpm": 901}))
        wait_for(lambda: set(devices(stack, site_id).values()) == {"online"})


def test_stopping_a_site_makes_its_devices_unknown_not_offline(
    stack: Stack, broker: Mosquitto, tick: Callable[[], bool]
) -> None:
    site_id = stack.site("unreachable", broker.port, ("far/#",))
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    with publisher(broker.port) as sender:
        sender.send("far/pump", json.dumps({"rpm": 900}))
        wait_for(lambda: set(devices(stack, site_id).values()) == {"online"})
    stack.switch(site_id, "stop")
    stack.until(site_id, "disconnected")
    wait_for(lambda: tick() and set(devices(stack, site_id).values()) == {"unknown"}, 30, every=1)


def test_a_gateway_that_says_goodbye_takes_its_devices_into_the_unknown(
    stack: Stack, broker: Mosquitto, tick: Callable[[], bool]
) -> None:
    site_id = stack.site("gateway", broker.port, ("zigbee2mqtt/#",))
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    with publisher(broker.port) as sender:
        sender.send("zigbee2mqtt/bridge/state", '{"state":"online"}')
        sender.send("zigbee2mqtt/hall/lamp", json.dumps({"temperature": 27.3, "linkquality": 102}))
        wait_for(lambda: "online" in devices(stack, site_id).values())
        sender.send("zigbee2mqtt/bridge/state", '{"state":"offline"}')
        wait_for(
            lambda: tick() and set(devices(stack, site_id).values()) == {"unknown"}, 30, every=1
        )
