"""A new site from nothing, in real Chromium with a real broker and real workers."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.brokers import Mosquitto
from tests.browser.conftest import log_in
from tests.publisher import publisher
from tests.services import free_port
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.chromium
SHOTS = os.environ.get("SCREENSHOTS", "")
SITES = "SELECT count(*) FROM mqtt_site"


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.fixture(scope="module")
def working(stack: Stack) -> Stack:
    stack.worker()
    stack.mqtt()
    stack.beat()
    return stack


@pytest.fixture(scope="module")
def broker(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    running = mosquitto(users={"plant": "secret"})
    with publisher(running.port, username="plant", password="secret") as sender:
        sender.send("plant/boiler", json.dumps({"temp_C": 71.5}), retain=True)
        sender.send("plant/pump", json.dumps({"flow": 3.5}), retain=True)
        sender.send("office/lamp", b"ON", retain=True)
    return running


def enter(page: Page, name: str, port: int, password: str = "secret") -> None:
    page.get_by_label("Name of the site").fill(name)
    page.get_by_label("Host").fill("127.0.0.1")
    page.get_by_label("Port").fill(str(port))
    page.get_by_label("User name").fill("plant")
    page.get_by_label("Password").fill(password)


def test_a_site_is_added_from_nothing_and_its_values_move(
    page: Page, working: Stack, broker: Mosquitto
) -> None:
    page.goto("/")
    page.get_by_role("link", name="Add a site").click()
    enter(page, "Bergen", broker.port)
    page.get_by_role("button", name="Test").click()
    tested = page.locator("[data-tested]")
    expect(tested.locator("li[data-verdict=ok]").first).to_be_visible()
    heard = page.locator("[data-heard]")
    expect(heard).to_contain_text("3 topics, 3 messages", timeout=40_000)
    expect(heard).to_contain_text("plant/# 2 topics")
    heard.get_by_text("Topics and readings").last.click()
    expect(heard).to_contain_text("71.5")
    assert working.one(SITES) == 0
    shot(page, "wizard")
    heard.get_by_role("checkbox", name="office/#").uncheck()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("h1")).to_have_text("Bergen")
    filters = "SELECT array_agg(filter) FROM mqtt_mqtttopic"
    assert working.one(filters) == ["plant/#"]
    wait_for(lambda: working.one("SELECT count(*) FROM mqtt_reading") == 2, what="the readings")
    expect(page.locator("#devices")).to_contain_text("71.5")


def test_a_wrong_port_and_a_wrong_password_are_said_in_a_sentence(
    page: Page, working: Stack, broker: Mosquitto
) -> None:
    before = working.one(SITES)
    page.goto("/sites/new/")
    enter(page, "Nowhere", free_port())
    page.get_by_role("button", name="Test").click()
    said = page.locator("[data-tested] [data-said]")
    expect(said).to_contain_text("port", timeout=30_000)
    shot(page, "wizard-wrong-port")
    page.get_by_label("Port").fill(str(broker.port))
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Test").click()
    expect(said).to_contain_text("user name", timeout=30_000)
    assert working.one(SITES) == before


def test_a_draft_waits_without_its_password_and_can_be_thrown_away(
    page: Page, working: Stack
) -> None:
    page.goto("/sites/new/")
    enter(page, "Half done", 1884)
    page.get_by_label("Broker", exact=True).select_option("hivemq")
    expect(page.get_by_label("Port")).to_have_value("8883")
    expect(page.locator("[data-preset-help]")).to_contain_text("cluster URL")
    stored = page.evaluate("JSON.stringify(localStorage)")
    assert "secret" not in stored
    page.goto("/")
    page.goto("/sites/new/")
    expect(page.get_by_label("Name of the site")).to_have_value("Half done")
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_role("button", name="Begin anew").click()
    expect(page.get_by_label("Name of the site")).to_have_value("")
    page.reload()
    expect(page.locator("[data-draft]")).to_be_hidden()


def test_what_the_server_refuses_is_marked_and_nothing_is_left_behind(
    page: Page, working: Stack, broker: Mosquitto
) -> None:
    before = working.one(SITES)
    page.goto("/sites/new/")
    enter(page, "Refused", 1883)
    page.get_by_label("Host").fill("not a host")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".field-error")).to_be_visible()
    expect(page.get_by_label("Host")).to_have_attribute("aria-invalid", "true")
    wait_for(lambda: working.one(SITES) == before, what="the site is taken back")
    page.get_by_label("Host").fill("127.0.0.1")
    page.get_by_label("Topic filters").fill("a/#/b")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("[data-start-said]")).to_contain_text("last level")
    wait_for(lambda: working.one(SITES) == before, what="the site is taken back")


def test_others_have_no_such_page(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(base_url=stack.url)
    page = context.new_page()
    log_in(page, "member", "member-password")
    answer = page.goto("/sites/new/")
    assert answer is not None
    assert answer.status == 404
    context.close()


def test_the_page_fits_a_phone_in_the_dark(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.emulate_media(color_scheme="dark")
    page.goto("/sites/new/")
    page.get_by_label("TLS", exact=True).check()
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{wide} px wider than the window"
    shot(page, "wizard-360")
