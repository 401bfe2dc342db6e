"""A broker that breaks the protocol: what its people read, and that it can be stopped and replaced
at any time.
"""

import pytest

from tests.fakes.rogue import RogueBroker, RogueLink
from tests.fakes.wire import publish
from tests.publisher import publisher
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto]
STORED = "SELECT coalesce(sum(stored), 0) FROM mqtt_sitebooks WHERE site_id = %s"


def wildcard(link: RogueLink) -> None:
    link.accept_and_subscribe()
    link.send(publish(link.version, b"rogue/#", b'{"n": 1}', qos=1))


def endless(link: RogueLink) -> None:
    link.accept_and_subscribe()
    link.send(publish(link.version, b"rogue/a", bytes(10_000_000))[:1_000_000])
    while not link.closed.wait(0.01):
        link.send(bytes(1_000))


def headline(stack: Stack, site_id: int) -> str:
    return str(stack.get(f"sites/{site_id}/status/")["headline"])


def test_a_site_whose_broker_breaks_the_protocol_says_so_and_works_with_another_one(stack, broker):
    rogue = RogueBroker(wildcard)
    site_id = stack.site("rogue", rogue.port)
    stack.switch(site_id, "start")
    wait_for(lambda: "contains a wildcard" in headline(stack, site_id), what="the headline")
    assert headline(stack, site_id).startswith("degraded: The broker broke the MQTT protocol")
    assert stack.get(f"sites/{site_id}/status/")["link"]["last_error"]["class"] == "broker"
    wait_for(lambda: rogue.links[0].goodbyes() == [0x90])
    assert stack.get(f"sites/{site_id}/discovered-topics/")["results"] == []
    changed = stack.call("PATCH", f"sites/{site_id}/connection/", {"broker_port": broker.port})
    assert changed.status_code == 200, changed.text
    wait_for(lambda: headline(stack, site_id) == "running", what="the healthy broker")
    with publisher(broker.port) as sender:
        sender.send("mended/a", '{"n": 1}')
    wait_for(lambda: stack.one(STORED, site_id) == 1, what="the message")
    rogue.stop()


def test_a_site_is_stopped_in_the_middle_of_a_packet(stack):
    rogue = RogueBroker(endless)
    site_id = stack.site("endless", rogue.port)
    stack.switch(site_id, "start")
    wait_for(lambda: rogue.links and rogue.links[0].subscribed.is_set())
    stack.switch(site_id, "stop")
    wait_for(lambda: headline(stack, site_id) == "stopped", what="the stop")
    assert rogue.links[0].closed.wait(5)
    rogue.stop()
