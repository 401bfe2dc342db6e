"""The pages in real Chromium: what an operator sees and does. No MQTT worker runs here."""

import json
import signal
from collections.abc import Mapping
from typing import Literal

import pytest
from channels_redis.serializers import registry
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import log_in, start_web
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def oslo(stack: Stack) -> int:
    return stack.site("Oslo Lab", 1883, broker_host="broker.example")


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def publish(stack: Stack, event: Mapping[str, object]) -> None:
    """As the event module does: one message to the group of all open browsers."""
    message = registry.get_serializer("msgpack").serialize(
        {"type": "live.events", "events": [event]}
    )
    assert stack.redis.publish("sitewire__group__live", message)


def put_state(stack: Stack, site_id: int, status: str, error: str = "") -> None:
    stack.db.execute(
        "UPDATE mqtt_mqttconnection SET status = %s, error_message = %s WHERE site_id = %s",
        (status, error, site_id),
    )
    publish(
        stack,
        {
            "type": "connection",
            "site_id": site_id,
            "status": status,
            "is_active": True,
            "error_message": error,
            "at": "",
        },
    )


def test_start_is_answered_at_once_and_stop_takes_it_back(
    page: Page, stack: Stack, oslo: int
) -> None:
    page.goto("/")
    row(page, "Oslo Lab").get_by_role("button", name="Start Oslo Lab").click()
    expect(row(page, "Oslo Lab")).to_contain_text("Connecting…")
    wait_for(
        lambda: stack.one("SELECT is_active FROM mqtt_mqttconnection WHERE site_id = %s", oslo)
    )
    row(page, "Oslo Lab").get_by_role("button", name="Stop Oslo Lab").click()
    expect(row(page, "Oslo Lab").get_by_role("button", name="Start Oslo Lab")).to_be_visible()
    expect(row(page, "Oslo Lab")).to_contain_text("Stopped")
    wait_for(
        lambda: not stack.one("SELECT is_active FROM mqtt_mqttconnection WHERE site_id = %s", oslo)
    )


def test_a_failed_call_is_said_at_its_button(page: Page, oslo: int) -> None:
    page.goto("/")
    page.route(
        "**/start/",
        lambda route: route.fulfill(status=403, body=json.dumps({"detail": "Not for you."})),
    )
    row(page, "Oslo Lab").get_by_role("button", name="Start Oslo Lab").click()
    expect(row(page, "Oslo Lab").get_by_role("alert")).to_have_text("Not for you.")


def test_a_change_shows_without_a_reload_and_keeps_the_focus(
    page: Page, stack: Stack, oslo: int
) -> None:
    page.goto("/")
    page.wait_for_selector("body[data-live=live]")
    page.get_by_role("searchbox").fill("half typed")
    stack.db.execute("UPDATE mqtt_site SET name = 'Oslo Lab 2' WHERE id = %s", (oslo,))
    put_state(stack, oslo, "disconnected")
    expect(row(page, "Oslo Lab 2")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("half typed")
    stack.db.execute("UPDATE mqtt_site SET name = 'Oslo Lab' WHERE id = %s", (oslo,))


def test_rates_and_last_messages_move_with_the_events(page: Page, stack: Stack, oslo: int) -> None:
    page.goto("/")
    page.wait_for_selector("body[data-live=live]")
    flow = {
        "type": "flow",
        "sites": [{"site_id": oslo, "rate": 42.0, "last_message_at": "2020-01-01T00:00:00Z"}],
    }

    def shown() -> bool:
        """Workers say it every second: one that the first picture of the page overtakes is made
        good by the next.
        """
        publish(stack, flow)
        return "42/s" in row(page, "Oslo Lab").inner_text()

    wait_for(shown, 10, every=0.5)


def test_a_lost_server_is_said_and_a_returned_one_too(page: Page, stack: Stack, oslo: int) -> None:
    page.goto("/")
    page.wait_for_selector("body[data-live=live]")
    port = int(stack.url.rpartition(":")[2])
    stack.kill("web", signal.SIGKILL)
    page.wait_for_selector("body[data-live=lost]")
    expect(page.get_by_text("may be out of date")).to_be_visible()
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    start_web(stack, port)
    page.wait_for_selector("body[data-live=live]")


def test_a_waiting_topic_is_approved_by_a_click(page: Page, stack: Stack, oslo: int) -> None:
    connection = stack.one("SELECT id FROM mqtt_mqttconnection WHERE site_id = %s", oslo)
    topic = stack.one(
        "INSERT INTO mqtt_discoveredtopic"
        " (connection_id, topic, is_processable, is_active, parser_name, first_seen, message_count)"
        " VALUES (%s, %s, true, false, 'json', now(), 7) RETURNING id",
        connection,
        "lab/<img src=x onerror=alert(1)>",
    )
    page.goto(f"/sites/{oslo}/")
    page.get_by_role("button", name="Approve lab/").click()
    expect(page.get_by_role("heading", name="Waiting for approval")).to_have_count(0)
    expect(page.get_by_role("switch", name="Allow lab/")).to_have_attribute("aria-checked", "true")
    assert stack.one("SELECT is_active FROM mqtt_discoveredtopic WHERE id = %s", topic)
    page.get_by_role("switch", name="Allow lab/").click()
    wait_for(
        lambda: not stack.one("SELECT is_active FROM mqtt_discoveredtopic WHERE id = %s", topic)
    )


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_at_any_width(
    page: Page, oslo: int, width: int, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("/", f"/sites/{oslo}/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_member_reads_and_changes_nothing(browser: Browser, stack: Stack, oslo: int) -> None:
    stack.db.execute(
        "INSERT INTO mqtt_membership (site_id, user_id) SELECT %s, id FROM auth_user WHERE username = 'member'",
        (oslo,),
    )
    context = browser.new_context(base_url=stack.url)
    page = context.new_page()
    log_in(page, "member", "member-password")
    expect(row(page, "Oslo Lab")).to_be_visible()
    expect(page.get_by_role("button", name="Start Oslo Lab")).to_have_count(0)
    context.close()


def test_logging_out_ends_the_session(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login/")
    page.goto("/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
