"""A broker that breaks the protocol: what its people read, and that it can be stopped and replaced
at any time.
"""

import pytest

from tests.brokers import Mosquitto
from tests.fakes.rogue import RogueBroker, RogueLink
from tests.fakes.wire import publish
from tests.publisher import publisher
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto]
STORED = "SELECT coalesce(sum(stored), 0) FROM mqtt_sitebooks WHERE site_id = %s"

REFUSE = """
CREATE FUNCTION refuse_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER refuse_{name} BEFORE INSERT ON mqtt_discoveredtopic FOR EACH ROW
WHEN (NEW.topic LIKE 'refused-%%') EXECUTE FUNCTION refuse_{name}();
"""


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


def test_a_site_whose_broker_breaks_the_protocol_says_so_and_works_with_another_one(
    stack: Stack, broker: Mosquitto
) -> None:
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


def test_a_site_is_stopped_in_the_middle_of_a_packet(stack: Stack) -> None:
    rogue = RogueBroker(endless)
    site_id = stack.site("endless", rogue.port)
    stack.switch(site_id, "start")
    wait_for(lambda: rogue.links and rogue.links[0].subscribed.is_set())
    stack.switch(site_id, "stop")
    wait_for(lambda: headline(stack, site_id) == "stopped", what="the stop")
    assert rogue.links[0].closed.wait(5)
    rogue.stop()


def test_a_site_is_deleted_in_the_middle_of_a_packet(stack: Stack, broker: Mosquitto) -> None:
    """Its link is closed at once, and the site that is made in its place works."""
    rogue = RogueBroker(endless)
    site_id = stack.site("doomed", rogue.port)
    stack.switch(site_id, "start")
    wait_for(lambda: rogue.links and rogue.links[0].subscribed.is_set())
    answer = stack.call("DELETE", f"sites/{site_id}/")
    assert answer.status_code in {202, 204}, answer.text
    assert rogue.links[0].closed.wait(15)
    assert stack.call("GET", f"sites/{site_id}/").status_code == 404
    assert len(rogue.links) == 1
    rogue.stop()
    heir = stack.site("doomed", broker.port)
    stack.switch(heir, "start")
    wait_for(lambda: headline(stack, heir) == "running", what="the site in its place")


@pytest.mark.parametrize("end", ["stop", "delete", "other broker"])
def test_a_site_whose_messages_are_refused_lets_go_of_them_however_it_ends(
    stack: Stack, broker: Mosquitto, end: str
) -> None:
    """Its neighbour at the same MQTT worker goes on, and no part of it waits for the other."""
    name = end.replace(" ", "-")
    stack.db.execute(REFUSE.format(name=name.replace("-", "_")))
    try:
        neighbour = stack.site(f"beside {end}", broker.port, (f"beside-{name}/#",))
        refused = stack.site(f"refused {end}", broker.port, (f"refused-{name}/#",))
        for site_id in (neighbour, refused):
            stack.switch(site_id, "start")
            stack.until(site_id, "connected")
        with publisher(broker.port) as sender:
            for number in range(20):
                sender.send(f"refused-{name}/a", f'{{"n": {number}}}')
        wait_for(
            lambda: "not stored" in headline(stack, refused), 30, what="word of what is not stored"
        )
        leave(stack, refused, end, broker.port)
        with publisher(broker.port) as sender:
            sender.send(f"beside-{name}/a", '{"n": 1}')
        wait_for(lambda: stack.one(STORED, neighbour) == 1, 10, what="the neighbour's message")
    finally:
        stack.db.execute(f"DROP FUNCTION refuse_{name.replace('-', '_')} CASCADE")
    wait_for(
        lambda: "not stored" not in headline(stack, neighbour), what="the neighbour is judged well"
    )


def leave(stack: Stack, site_id: int, end: str, port: int) -> None:
    if end == "delete":
        assert stack.call("DELETE", f"sites/{site_id}/").status_code in {202, 204}
        return
    if end == "stop":
        stack.switch(site_id, "stop")
        stack.until(site_id, "disconnected")
        return
    answer = stack.call("PATCH", f"sites/{site_id}/connection/", {"broker_host": "127.0.0.2"})
    assert answer.status_code == 200, answer.text
    wait_for(lambda: "not stored" not in headline(stack, site_id), what="the link is made anew")
