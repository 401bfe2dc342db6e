"""What somebody else's code or SQL changes reaches the link, and what was seen of it outlives its
owner.
"""

import json
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.brokers import Mosquitto
from tests.narrowing import present
from tests.publisher import publisher
from tests.stack import Stack, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.mosquitto]


def filters(stack: Stack, site_id: int) -> dict[str, tuple[object, object]]:
    states = stack.get(f"sites/{site_id}/status/")["subscriptions"]["filters"]
    return {state["filter"]: (state["granted"], state["ever_matched"]) for state in states}


def test_another_port_and_another_filter_written_by_sql_are_used(
    stack: Stack, broker: Mosquitto, mosquitto: Callable[..., Mosquitto]
) -> None:
    site_id, other = stack.site("by sql", broker.port, ("plant/#",)), mosquitto()
    stack.switch(site_id, "start")
    stack.until(site_id, "connected")
    connection = stack.one("SELECT id FROM mqtt_mqttconnection WHERE site_id = %s", site_id)
    stack.rows(
        "UPDATE mqtt_mqttconnection SET broker_port = %s WHERE id = %s RETURNING 1",
        other.port,
        connection,
    )
    stack.rows(
        "INSERT INTO mqtt_mqtttopic (connection_id, filter, qos, is_active, refusal) "
        "VALUES (%s, 'hall/#', 1, true, '') RETURNING 1",
        connection,
    )
    wait_for(lambda: filters(stack, site_id) == {"plant/#": (1, False), "hall/#": (1, False)}, 15)
    with publisher(other.port) as sender:
        sender.send("hall/a", json.dumps({"x": 1}))
    wait_for(
        lambda: stack.one("SELECT stored FROM mqtt_sitebooks WHERE site_id = %s", site_id) == 1
    )
    wait_for(lambda: stack.get(f"sites/{site_id}/status/")["kind"] == "running", 15)
    stack.rows("UPDATE mqtt_mqtttopic SET is_active = false WHERE filter = 'hall/#' RETURNING 1")
    wait_for(lambda: "Received UNSUBSCRIBE" in other.log_text(), 10)
    stack.switch(site_id, "stop")


def test_what_a_filter_matched_is_known_to_the_next_owner_and_attempts_are_over_with_the_link(
    stack: Stack, mosquitto: Callable[..., Mosquitto]
) -> None:
    late = mosquitto()
    late.stop()
    site_id = stack.site("next owner", late.port, ("seen/#", "unseen/#"))
    stack.switch(site_id, "start")
    wait_for(lambda: stack.get(f"sites/{site_id}/status/")["link"]["retry_count"] >= 2, 20)
    late.start()
    stack.until(site_id, "connected")
    assert stack.get(f"sites/{site_id}/status/")["link"]["retry_count"] == 0
    with publisher(late.port) as sender:
        sender.send("seen/a", json.dumps({"x": 1}))
    matched = {"seen/#": (1, True), "unseen/#": (1, False)}
    wait_for(lambda: filters(stack, site_id) == matched)
    wait_for(
        lambda: stack.rows(
            "SELECT 1 FROM mqtt_mqtttopic WHERE filter = 'seen/#' AND matched_at IS NOT NULL"
        )
    )
    stack.mqtt("mqtt-2")
    stack.kill("mqtt-1")
    wait_for(lambda: stack.get(f"sites/{site_id}/connection/")["owner"] == "mqtt-2", 40)
    stack.until(site_id, "connected")
    assert filters(stack, site_id) == matched


@pytest.mark.parametrize("url", ["database", "redis"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::ffff:127.0.0.1"])
def test_our_own_servers_are_no_brokers_and_a_member_learns_no_more_than_that(
    stack: Stack, url: str, host: str
) -> None:
    address = urlsplit(stack.env["DATABASE_URL" if url == "database" else "REDIS_URL"])
    site_id = stack.site(f"{url} {host}", present(address.port), broker_host=host)
    stack.rows(
        "INSERT INTO mqtt_membership (site_id, user_id) "
        "SELECT %s, id FROM auth_user WHERE username = 'member' RETURNING 1",
        site_id,
    )
    stack.switch(site_id, "start")
    wait_for(
        lambda: stack.get(f"sites/{site_id}/connection/")["error_class"] == "configuration", 15
    )
    assert (
        "belongs to Sitewire itself" in stack.get(f"sites/{site_id}/connection/")["error_message"]
    )
    seen = stack.call("GET", f"sites/{site_id}/status/", token=stack.member_token)
    assert seen.json()["headline"] == "refused: The settings of the connection cannot work."
    assert "belongs" not in seen.text
    stack.switch(site_id, "stop")
