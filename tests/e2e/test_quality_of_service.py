"""Messages of each QoS, retained ones, and those that two filters match, from a real broker to
their rows.
"""

import json
import time
from collections import Counter
from collections.abc import Callable

import pytest

from mqtt_app.models import Quality
from tests.brokers import Mosquitto
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
STORED = "SELECT stored FROM mqtt_sitebooks WHERE site_id = %s"
STATUSES = "SELECT DISTINCT status FROM mqtt_device WHERE site_id = %s"


def listening(
    stack: Stack, port: int, name: str, *filters: tuple[str, int], **settings: str
) -> int:
    """A site that is up with these (filter, QoS)."""
    site_id = stack.site(name, port, (), **settings)
    for topic_filter, qos in filters:
        answer = stack.call(
            "POST", f"sites/{site_id}/topics/", {"filter": topic_filter, "qos": qos}
        )
        assert answer.status_code == 201, answer.text
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    granted = (
        "SELECT count(*) FROM mqtt_mqtttopic t JOIN mqtt_mqttconnection c ON c.id = t.connection_id"
    )
    granted += " WHERE c.site_id = %s AND t.granted_qos < 128"
    wait_for(lambda: stack.one(granted, site_id) == len(filters), what="every filter granted")
    return site_id


def stored(stack: Stack, site_id: int) -> Counter[int]:
    return Counter(row[0] for row in stack.rows(VALUES, site_id))


@pytest.mark.parametrize(("publish_qos", "filter_qos"), [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)])
def test_in_quiet_every_message_is_stored_once_whatever_its_qos(
    stack: Stack, broker: Mosquitto, publish_qos: int, filter_qos: int
) -> None:
    name = f"quiet-{publish_qos}-{filter_qos}"
    site_id = listening(stack, broker.port, name, (f"{name}/#", filter_qos))
    with publisher(broker.port) as sender:
        for number in range(300):
            sender.client.publish(
                f"{name}/device{number % 5}", json.dumps({"n": number}), publish_qos
            )
            time.sleep(0.003)
        wait_for(lambda: len(stored(stack, site_id)) == 300, 30, what="300 readings")
    assert set(stored(stack, site_id).values()) == {1}
    assert stack.rows(BOOKS, site_id) == [(300, 300, {}, True)]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_message_that_several_filters_match_is_stored_once(
    stack: Stack, broker: Mosquitto, version: str
) -> None:
    """An MQTT 5 broker may deliver a copy for each of them; the further ones are duplicates in the
    books.
    """
    name = f"overlap{version[0]}"
    filters = ((f"{name}/#", 1), (f"{name}/+", 1), (f"{name}/device", 0))
    site_id = listening(stack, broker.port, name, *filters, protocol_version=version)
    with publisher(broker.port) as sender:
        for number in range(100):
            sender.send(f"{name}/device", json.dumps({"n": number}))
        for _ in range(10):
            sender.send(f"{name}/device", json.dumps({"n": 1000}))  # equal, but published ten times
    counts = wait_for(
        lambda: len(found := stored(stack, site_id)) == 101 and found, 30, what="101 values"
    )
    time.sleep(1.0)
    counts = stored(stack, site_id)
    assert counts == Counter(range(100)) + Counter({1000: 10})
    received, kept, dropped, balanced = stack.rows(BOOKS, site_id)[0]
    assert (kept, dropped, balanced) == (110, {}, True)
    assert received in (110, 330)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("version", "qos"), [("5", 0), ("5", 1), ("3.1.1", 1)])
def test_a_sweep_of_retained_topics_fills_in_what_was_last_known_and_proves_nobody_alive(
    stack: Stack, mosquitto: Callable[..., Mosquitto], version: str, qos: int
) -> None:
    """20,000 of them, at a broker that queues 1,000 messages for a client, with a site's default
    quotas.
    """
    own, topics = mosquitto(), 20_000
    with publisher(own.port) as sender:
        sent = [
            sender.client.publish(f"sweep/{number}", json.dumps({"n": number}), 1, retain=True)
            for number in range(topics)
        ]
        sent[-1].wait_for_publish(60)
    site_id = listening(
        stack, own.port, f"sweep {version} {qos}", ("sweep/#", qos), protocol_version=version
    )
    wait_for(
        lambda: stack.one(LAST_KNOWN, site_id, int(Quality.RETAINED)) == topics,
        90,
        what="every last known value",
    )
    assert stack.rows(STATUSES, site_id) == [("unknown",)]
    wait_for(lambda: stack.one(STORED, site_id) == topics, 30, what="every message in the books")
    _, kept, dropped, balanced = stack.rows(BOOKS, site_id)[0]
    assert (kept, dropped, balanced) == (topics, {}, True)
    assert set(stored(stack, site_id).values()) == {1}
