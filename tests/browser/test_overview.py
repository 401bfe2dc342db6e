"""Many sites on the overview, in real Chromium: switched together, sorted, and searched."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from project.local.processes.ports import free_port
from tests.stack import Stack

pytestmark = pytest.mark.chromium
SHOTS = os.environ.get("SCREENSHOTS", "")
WANTED = "SELECT count(*) FROM mqtt_mqttconnection WHERE is_active"
FAIL = """
UPDATE mqtt_mqttconnection SET is_active = true, status = 'error', error_class = 'credentials',
    error_message = 'The broker refuses user name or password.', error_at = now(),
    status_since = now() - interval '2 hours' WHERE site_id = ANY(%s)
"""


@pytest.fixture(scope="module")
def sites(stack: Stack) -> list[int]:
    stack.worker("worker", "mqtt.control")
    return [
        stack.site(f"Plant {number:02}", 1883, broker_host="broker.acme.example")
        for number in range(12)
    ]


@pytest.fixture(autouse=True)
def stopped(stack: Stack, sites: list[int]) -> None:
    stack.db.execute(
        "UPDATE mqtt_mqttconnection SET is_active = false, status = 'disconnected',"
        " error_class = '', error_message = '' WHERE site_id = ANY(%s)",
        (sites,),
    )


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def test_all_sites_of_a_page_are_started_together_and_it_is_undone(
    page: Page, stack: Stack, sites: list[int]
) -> None:
    page.goto("/")
    bar = page.locator("[data-bulk]")
    expect(bar).to_be_hidden()
    page.get_by_label("Select all on this page").check()
    expect(bar).to_contain_text("12 selected")
    shot(page, "overview-selected")
    bar.get_by_role("button", name="Start", exact=True).click()
    expect(bar).to_contain_text("12 of 12 sites asked to start.", timeout=20_000)
    assert stack.one(WANTED) == 12
    bar.get_by_role("button", name="Undo").click()
    expect(bar).to_contain_text("12 of 12 sites stopped.", timeout=20_000)
    assert stack.one(WANTED) == 0
    bar.get_by_role("button", name="Close").click()
    expect(bar).to_be_hidden()


def test_ticks_stay_while_the_page_is_refreshed(page: Page, stack: Stack, sites: list[int]) -> None:
    page.goto("/")
    page.get_by_label("Select Plant 03").check()
    stack.db.execute("UPDATE mqtt_site SET name = 'Plant 00 renamed' WHERE id = %s", (sites[0],))
    expect(page.get_by_text("Plant 00 renamed")).to_be_visible(timeout=15_000)
    expect(page.get_by_label("Select Plant 03")).to_be_checked()
    stack.db.execute("UPDATE mqtt_site SET name = 'Plant 00' WHERE id = %s", (sites[0],))


def test_rows_keep_their_places_until_the_page_is_loaded_again(
    page: Page, stack: Stack, sites: list[int]
) -> None:
    page.goto("/")
    expect(page.locator("tbody tr").first).to_contain_text("Plant 00")
    stack.db.execute(FAIL, (sites[11:],))
    last = page.locator("tbody tr").last
    expect(last).to_contain_text("Degraded", timeout=15_000)
    expect(page.locator("tbody tr").first).to_contain_text("Plant 00")
    page.reload()
    expect(page.locator("tbody tr").first).to_contain_text("Plant 11")


@pytest.mark.parametrize("text", ["broker.acme.example:1883", "plant 0", "user name or pass"])
def test_sites_are_found_by_address_name_and_error(
    page: Page, stack: Stack, sites: list[int], text: str
) -> None:
    stack.db.execute(FAIL, (sites[:1],))
    page.goto("/")
    page.get_by_role("searchbox").fill(text)
    page.get_by_role("searchbox").press("Enter")
    expect(page).to_have_url(re.compile("q="))
    expect(page.locator("tbody tr").first).to_contain_text("Plant 00")


def test_an_error_is_said_in_the_bar(page: Page, sites: list[int]) -> None:
    page.route(
        "**/bulk/", lambda route: route.fulfill(status=403, body='{"detail": "Not for you."}')
    )
    page.goto("/")
    page.get_by_label("Select Plant 01").check()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("[data-bulk]")).to_contain_text("Not for you.")


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_the_overview_fits(page: Page, sites: list[int], width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shot(page, f"overview-{width}")


def test_what_keeps_several_sites_down_is_one_line_and_they_come_first(
    page: Page, stack: Stack, sites: list[int]
) -> None:
    """Nobody listens at that port."""
    stack.db.execute(
        "UPDATE mqtt_mqttconnection SET is_active = true, broker_host = '127.0.0.1',"
        " broker_port = %s WHERE site_id = ANY(%s)",
        (free_port(), sites[5:9]),
    )
    stack.mqtt()
    page.goto("/")
    cause = page.get_by_role("listitem").filter(has_text="127.0.0.1")
    expect(cause).to_contain_text("cannot be reached, 4 sites", timeout=30_000)
    expect(cause).to_contain_text("What to do:")
    page.reload()
    expect(page.locator("tbody tr").first).to_contain_text("Plant 05")
    shot(page, "overview-causes")
    cause.get_by_role("link", name="4 sites").click()
    expect(page.locator("tbody tr")).to_have_count(4)
    page.goto("/?sort=name")
    expect(page.locator("tbody tr").first).to_contain_text("Plant 00")
    stack.kill("mqtt-1")
