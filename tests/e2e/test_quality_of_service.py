"""Messages of each QoS, retained ones, and those that two filters match, from a real broker to their rows."""

import json
import time
from collections import Counter

import pytest

from mqtt_app.models import Quality
from tests.publisher import publisher
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto]

VALUES = """
SELECT r.value::int FROM mqtt_reading r JOIN mqtt_device d ON d.id = r.device_id WHERE d.site_id = %s AND r.metric = 'n'
"""
BOOKS = """
SELECT received, stored, dropped, received = stored + duplicate + inactive + unprocessable + failed + quarantined + kept
    + (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(dropped)) FROM mqtt_sitebooks WHERE site_id = %s
"""
LAST_KNOWN = """
SELECT count(*) FROM mqtt_latestreading l JOIN mqtt_device d ON d.id = l.device_id
WHERE d.site_id = %s AND l.quality = %s
"""
STATUSES = "SELECT DISTINCT status FROM mqtt_device WHERE site_id = %s"


def listening(stack: Stack, port: int, name: str, *filters: tuple[str, int]) -> int:
    """A site that is up with these (filter, QoS)."""
    site_id = stack.site(name, port, ())
    for topic_filter, qos in filters:
        answer = stack.call("POST", f"sites/{site_id}/topics/", {"filter": topic_filter, "qos": qos})
        assert answer.status_code == 201, answer.text
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    granted = "SELECT count(*) FROM mqtt_mqtttopic t JOIN mqtt_mqttconnection c ON c.id = t.connection_id"
    granted += " WHERE c.site_id = %s AND t.granted_qos < 128"
    wait_for(lambda: stack.one(granted, site_id) == len(filters), what="every filter granted")
    return site_id


def stored(stack: Stack, site_id: int) -> Counter[int]:
    return Counter(row[0] for row in stack.rows(VALUES, site_id))


@pytest.mark.parametrize(("publish_qos", "filter_qos"), [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)])
def test_in_quiet_every_message_is_stored_once_whatever_its_qos(stack, broker, publish_qos, filter_qos):
    name = f"quiet-{publish_qos}-{filter_qos}"
    site_id = listening(stack, broker.port, name, (f"{name}/#", filter_qos))
    with publisher(broker.port) as sender:
        for number in range(300):
            sender.client.publish(f"{name}/device{number % 5}", json.dumps({"n": number}), publish_qos)
            time.sleep(0.003)
        wait_for(lambda: len(stored(stack, site_id)) == 300, 30, what="300 readings")
    assert set(stored(stack, site_id).values()) == {1}
    assert stack.rows(BOOKS, site_id) == [(300, 300, {}, True)]


def test_a_message_that_two_filters_match_is_stored_as_often_as_the_broker_delivers_it(stack, broker):
    """Brokers may deliver one copy, or one for each filter: either way each copy is in the books."""
    site_id = listening(stack, broker.port, "overlap", ("overlap/#", 1), ("overlap/+", 1))
    with publisher(broker.port) as sender:
        for number in range(100):
            sender.send("overlap/device", json.dumps({"n": number}))
    counts = wait_for(lambda: len(found := stored(stack, site_id)) == 100 and found, 30, what="100 readings")
    time.sleep(1.0)
    copies = set(stored(stack, site_id).values())
    assert copies in ({1}, {2}), counts
    (times,) = copies
    assert stack.rows(BOOKS, site_id) == [(100 * times, 100 * times, {}, True)]


@pytest.mark.timeout(180)
def test_a_sweep_of_retained_topics_fills_in_what_was_last_known_and_proves_nobody_alive(stack, mosquitto):
    own, topics = mosquitto(), 20_000
    with publisher(own.port) as sender:
        sent = [
            sender.client.publish(f"sweep/{number}", json.dumps({"n": number}), 1, retain=True)
            for number in range(topics)
        ]
        sent[-1].wait_for_publish(60)
    site_id = stack.site("sweep", own.port, ())
    room = {"max_topics": topics, "max_devices": topics, "max_new_topics": topics}
    assert stack.call("PATCH", f"sites/{site_id}/", room).status_code == 200
    assert stack.call("POST", f"sites/{site_id}/topics/", {"filter": "sweep/#", "qos": 0}).status_code == 201
    stack.switch(site_id, "start")
    wait_for(lambda: stack.one(LAST_KNOWN, site_id, int(Quality.RETAINED)) == topics, 90, what="every last known value")
    assert stack.rows(STATUSES, site_id) == [("unknown",)]
    assert stack.rows(BOOKS, site_id) == [(topics, topics, {}, True)]
