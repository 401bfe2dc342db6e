"""The settings of a site in real Chromium: saved through the API, tried before, said what they do."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.picky import PickyBroker
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.chromium
SHOTS = os.environ.get("SCREENSHOTS", "")


@pytest.fixture(scope="module")
def broker() -> Iterator[PickyBroker]:
    running = PickyBroker()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def site(stack: Stack, broker: PickyBroker) -> int:
    stack.worker("probe", "mqtt.probe")
    return stack.site("Bergen", broker.port, ("plant/#",), password="canary", username="plant")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def test_the_connection_is_changed_with_its_secret_kept(
    page: Page, stack: Stack, site: int
) -> None:
    page.goto(f"/sites/{site}/")
    page.get_by_role("link", name="Settings").click()
    user = page.get_by_label("User name")
    expect(user).to_have_value("plant")
    expect(page.get_by_label("Password")).to_have_value("")
    assert "canary" not in page.content()
    user.fill("plant-2")
    expect(page.locator("[data-connection] [data-effect]")).to_contain_text("reconnects the link")
    shot(page, "settings")
    page.locator("[data-connection]").get_by_role("button", name="Save").click()
    expect(page.locator("[data-connection] [data-said]")).to_have_text("Saved.")
    row = stack.get(f"sites/{site}/connection/")
    assert (row["username"], row["has_password"]) == ("plant-2", True)


def test_settings_are_tried_with_the_stored_password(page: Page, site: int) -> None:
    page.goto(f"/sites/{site}/settings/")
    expect(page.get_by_label("User name")).not_to_have_value("")
    page.get_by_role("button", name="Test").click()
    tested = page.locator("[data-tested]")
    expect(tested.locator("li[data-verdict=ok]").first).to_be_visible(timeout=20_000)
    said = tested.locator("[data-said]")
    expect(said).not_to_have_text(re.compile("Asked|Waits|Runs"), timeout=40_000)
    page.get_by_label("Port").fill("1")
    page.get_by_role("button", name="Test").click()
    expect(page.locator("#wrong-password")).to_contain_text("Enter it again", timeout=30_000)


def test_what_is_wrong_is_marked_at_its_field(page: Page, stack: Stack, site: int) -> None:
    page.goto(f"/sites/{site}/settings/")
    days = page.get_by_label("Readings are kept, days")
    expect(days).to_have_value("365")
    days.fill("0")
    form = page.locator("[data-site-form]")
    form.get_by_role("button", name="Save").click()
    expect(days).to_have_attribute("aria-invalid", "true")
    expect(form.locator(".field-error")).to_be_visible()
    days.fill("30")
    page.get_by_label("Time zone").fill("Europe/Rome")
    form.get_by_role("button", name="Save").click()
    expect(form.locator("[data-said]")).to_have_text("Saved.")
    row = stack.get(f"sites/{site}/")
    assert (row["retention_days"], row["time_zone"]) == (30, "Europe/Rome")


def test_filters_are_added_switched_and_removed(page: Page, stack: Stack, site: int) -> None:
    def stored() -> list[tuple[str, bool]]:
        rows = stack.get(f"sites/{site}/topics/")["results"]
        return [(row["filter"], row["is_active"]) for row in rows]

    page.goto(f"/sites/{site}/settings/")
    field = page.get_by_label("New filter")
    field.fill("a#")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#wrong-filter")).to_contain_text("must stand alone")
    field.fill("office/+")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("switch", name="Ask for office/+").click()
    wait_for(lambda: ("office/+", False) in stored())
    page.get_by_role("button", name="Remove plant/#").click()
    wait_for(lambda: stored() == [("office/+", False)])


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_its_window(page: Page, site: int, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"/sites/{site}/settings/")
    expect(page.get_by_label("User name")).not_to_have_value("")
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{wide} px wider than the window"
    shot(page, f"settings-{width}")
