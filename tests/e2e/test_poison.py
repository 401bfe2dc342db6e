"""A producer whose messages the database refuses, beside a healthy site: real processes, a real
broker, QoS 1.
"""

import json
import time
from typing import Any

import pytest

from tests.brokers import Mosquitto
from tests.publisher import publisher
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto, pytest.mark.timeout(240)]

REFUSE = """
CREATE FUNCTION refuse_rogue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no room for rogues' USING ERRCODE = '{code}'; END $$;
CREATE TRIGGER refuse_rogue BEFORE INSERT ON mqtt_discoveredtopic FOR EACH ROW
WHEN (NEW.topic LIKE '%%/poison/%%') EXECUTE FUNCTION refuse_rogue();
"""
STORED = """SELECT count(*) FROM mqtt_reading r JOIN mqtt_device d ON d.id = r.device_id WHERE d.site_id = %s"""
OPEN = """SELECT received - stored - duplicate - inactive - unprocessable - failed - quarantined - kept
    - coalesce((SELECT sum(value::bigint) FROM jsonb_each_text(dropped)), 0) FROM mqtt_sitebooks WHERE site_id = %s"""
LETTERS = "SELECT count(*) FROM mqtt_deadletter WHERE site_id = %s"


def started(stack: Stack, name: str, port: int) -> int:
    site_id = stack.site(name, port, (f"{name}/#",))
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    return site_id


@pytest.mark.parametrize("code", ["22023", "XX000"])
def test_what_the_database_refuses_costs_its_own_site_only(
    stack: Stack, broker: Mosquitto, code: str
) -> None:
    healthy, rogue = (
        started(stack, f"healthy{code}", broker.port),
        started(stack, f"rogue{code}", broker.port),
    )
    stack.db.execute(REFUSE.format(code=code))
    try:
        with publisher(broker.port) as sender:
            for number in range(60):
                sender.send(f"healthy{code}/hall/a", json.dumps({"n": number}))
                sender.send(f"rogue{code}/hall/a", json.dumps({"n": number}))
                if number % 10 == 5:
                    sender.send(f"rogue{code}/poison/{number}", json.dumps({"n": number}))
                time.sleep(0.05)
            sender.send(f"rogue{code}" + "/x" * 70, json.dumps({"n": 1}))
        wait_for(lambda: stack.one(STORED, healthy) == 60, 30, what="all of the healthy site")
        wait_for(lambda: stack.one(LETTERS, rogue) == 6, 90, what="six dead letters")
        wait_for(lambda: stack.one(STORED, rogue) == 60, 90, what="all else of the rogue site")
        assert (stack.one(OPEN, healthy), stack.one(OPEN, rogue)) == (0, 0)
        wait_for(
            lambda: stack.one(
                "SELECT dropped->>'topic_levels' FROM mqtt_sitebooks WHERE site_id = %s", rogue
            ),
            10,
        )
        rows = wait_for(
            lambda: stack.get(f"parsing-logs/?site={rogue}&page_size=100")["results"], 10
        )
        assert "DB_ERROR" in {row["error_type"] for row in rows}
        stack.switch(rogue, "stop")
        stack.until(rogue, "disconnected")
        stack.switch(rogue, "start")
        stack.until(rogue, "connected")
        with publisher(broker.port) as sender:
            sender.send(f"rogue{code}/hall/a", json.dumps({"n": 1_000}))
        wait_for(
            lambda: stack.one(STORED, rogue) == 61,
            30,
            what="the rogue site after its stop and start",
        )
    finally:
        stack.db.execute("DROP FUNCTION refuse_rogue CASCADE")


def test_a_site_whose_messages_nobody_stores_says_so_within_15_seconds(
    stack: Stack, broker: Mosquitto
) -> None:
    site_id = started(stack, "stalled", broker.port)
    wait_for(lambda: stack.get(f"sites/{site_id}/status/")["headline"] == "running", 30)
    stack.kill("worker")
    try:
        with publisher(broker.port) as sender:
            sender.send("stalled/hall/a", '{"n": 1}')
        status = wait_for(lambda: told(stack, site_id), 15, what="that nothing is stored")
        assert "task worker" in status["reason"]
        assert status["flow"]["not_stored_age"] > 0
        assert "task worker" in status["flow"]["waits_for"]
    finally:
        stack.worker()
    wait_for(lambda: stack.get(f"sites/{site_id}/status/")["headline"] == "running", 60)
    assert stack.one(STORED, site_id) == 1


def told(stack: Stack, site_id: int) -> dict[str, Any] | None:
    status: dict[str, Any] = stack.get(f"sites/{site_id}/status/")
    return status if "not stored" in status["headline"] else None
