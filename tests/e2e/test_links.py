"""The main job on real input: switch a site on, its link comes up, its messages become readings."""

import json
import time

import pytest

from tests.brokers import Mosquitto
from tests.publisher import Publisher, publisher
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto]


def readings(stack: Stack, site_id: int) -> list[dict[str, object]]:
    devices = stack.get(f"sites/{site_id}/devices/")["results"]
    return [
        row
        for device in devices
        for row in stack.get(f"devices/{device['id']}/readings/")["results"]
    ]


def test_start_answers_at_once_with_the_old_status_and_the_nudge_brings_the_link_up(
    stack: Stack, broker: Mosquitto
) -> None:
    site_id = stack.site("nudged", broker.port)
    answer = stack.switch(site_id, "start")
    assert answer["success"] is True
    assert answer["connection"]["status"] == "disconnected"
    assert answer["connection"]["is_active"] is True
    stack.until(site_id, "connected", 5)
    assert stack.call("POST", f"sites/{site_id}/start/").status_code == 200
    logs = stack.get(f"connection-logs/?site={site_id}")["results"]
    wait_for(lambda: stack.get(f"connection-logs/?site={site_id}")["results"], 10)
    logs = stack.get(f"connection-logs/?site={site_id}")["results"]
    assert any(
        row["message"] == f"Successfully connected to 127.0.0.1:{broker.port}" for row in logs
    )
    stack.switch(site_id, "stop")


def test_a_lost_nudge_is_made_good_by_the_next_scan(stack: Stack, broker: Mosquitto) -> None:
    site_id = stack.site("no nudge", broker.port)
    stack.rows(
        "UPDATE mqtt_mqttconnection SET is_active = true WHERE site_id = %s RETURNING 1", site_id
    )
    stack.until(site_id, "connected", 30)
    stack.rows(
        "UPDATE mqtt_mqttconnection SET is_active = false WHERE site_id = %s RETURNING 1", site_id
    )
    stack.until(site_id, "disconnected", 30)


def test_messages_become_topics_devices_and_readings(stack: Stack, broker: Mosquitto) -> None:
    site_id = stack.site("main job", broker.port, ("plant/#",))
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    with publisher(broker.port) as sender:
        sender.send("plant/boiler", json.dumps({"temperature": 21.5, "running": True}))
        sender.send("plant/hall/humidity", "40.5")
    rows = wait_for(
        lambda: len(found := readings(stack, site_id)) == 3 and found, what="three readings"
    )
    assert {(row["metric"], row["value"]) for row in rows} == {
        ("temperature", 21.5),
        ("running", True),
        ("humidity", 40.5),
    }
    topics = stack.get(f"sites/{site_id}/discovered-topics/")["results"]
    assert {topic["topic"]: topic["is_processable"] for topic in topics} == {
        "plant/boiler": True,
        "plant/hall/humidity": True,
    }
    stack.switch(site_id, "stop")
    stack.until(site_id, "disconnected", 5)


def test_a_topic_that_is_switched_off_is_counted_and_not_stored(
    stack: Stack, broker: Mosquitto
) -> None:
    site_id = stack.site("approval", broker.port, ("gate/#",))
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    with publisher(broker.port) as sender:
        sender.send("gate/a", '{"x": 1}')
        wait_for(lambda: len(readings(stack, site_id)) == 1)
        topic_id = stack.get(f"sites/{site_id}/discovered-topics/")["results"][0]["id"]
        changed = stack.call(
            "PATCH", f"sites/{site_id}/discovered-topics/{topic_id}/", {"is_active": False}
        )
        assert changed.status_code == 200
        sender.send("gate/a", '{"x": 2}')
        wait_for(
            lambda: (
                stack.one("SELECT inactive FROM mqtt_sitebooks WHERE site_id = %s", site_id) == 1
            )
        )
    assert [row["value"] for row in readings(stack, site_id)] == [1]
    books = stack.rows(
        "SELECT received, stored, inactive FROM mqtt_sitebooks WHERE site_id = %s", site_id
    )
    assert books == [(2, 1, 1)]


def test_a_qos_1_message_is_acknowledged_only_after_its_rows_are_committed(
    stack: Stack, broker: Mosquitto
) -> None:
    site_id = stack.site("ack after commit", broker.port, ("ack/#",))
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    client = (
        f"sitewire-{stack.one('SELECT id FROM mqtt_mqttconnection WHERE site_id = %s', site_id)}"
    )

    def acknowledged() -> bool:
        return f"Received PUBACK from {client}" in broker.log_text()

    with stack.db.transaction(), publisher(broker.port) as sender:
        stack.db.execute("LOCK TABLE mqtt_reading IN ACCESS EXCLUSIVE MODE")
        sender.send("ack/one", '{"x": 1}')
        wait_for(lambda: f"Sending PUBLISH to {client}" in broker.log_text())
        time.sleep(2)
        assert not acknowledged()
    wait_for(acknowledged, what="the PUBACK after the commit")
    assert [row["value"] for row in readings(stack, site_id)] == [1]


def test_tls_with_its_own_ca_and_a_password(stack: Stack, tls_broker: Mosquitto) -> None:
    site_id = stack.site(
        "tls",
        tls_broker.tls_port,
        use_tls=True,
        tls_ca_certificate=tls_broker.ca_pem,
        username="site",
        password="s3cret!",
    )
    stack.switch(site_id, "start")
    stack.until(site_id, "connected", 10)
    assert "s3cret!" not in stack.call("GET", f"sites/{site_id}/connection/").text


def test_a_client_certificate_opens_the_link(stack: Stack, mutual_tls_broker: Mosquitto) -> None:
    broker = mutual_tls_broker
    site_id = stack.site(
        "mutual tls",
        broker.tls_port,
        use_tls=True,
        tls_ca_certificate=broker.ca_pem,
        tls_client_certificate=broker.client_pem,
        tls_client_key=broker.client_key_pem,
    )
    stack.switch(site_id, "start")
    stack.until(site_id, "connected", 10)


def test_killing_the_owner_moves_its_sites_and_loses_nothing(
    stack: Stack, broker: Mosquitto
) -> None:
    stack.mqtt("mqtt-2")
    site_ids = [stack.site(f"shared {n}", broker.port, (f"shared/{n}/#",)) for n in range(4)]
    for site_id in site_ids:
        stack.switch(site_id, "start")
    for site_id in site_ids:
        stack.until(site_id, "connected")
    victim = stack.one("SELECT owner FROM mqtt_mqttconnection WHERE site_id = %s", site_ids[0])
    with publisher(broker.port) as sender:
        publish(sender, range(0, 400))
        stack.kill(victim)
        publish(sender, range(400, 1200))
        wait_for(lambda: len(sender.acknowledged) == 1200)
    stored = """SELECT value::int FROM mqtt_reading r JOIN mqtt_device d ON d.id = r.device_id
                WHERE d.site_id = ANY(%s)"""
    wait_for(
        lambda: {row[0] for row in stack.rows(stored, site_ids)} == set(range(1200)),
        45,
        what="every acknowledged message stored",
    )
    assert len(stack.rows(stored, site_ids)) == 1200, "a sequence number was stored twice"
    owners = {
        row[0]
        for row in stack.rows(
            "SELECT owner FROM mqtt_mqttconnection WHERE site_id = ANY(%s)", site_ids
        )
    }
    assert victim not in owners
    stack.mqtt(victim)


def publish(sender: Publisher, numbers: range) -> None:
    for number in numbers:
        sender.number(f"shared/{number % 4}/counter", number)
        time.sleep(0.002)
