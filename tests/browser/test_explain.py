"""*Explain* on a site's page, in real Chromium, with a worker that runs the tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from project.local.processes.ports import free_port
from tests.browser.conftest import log_in
from tests.fakes.picky import PickyBroker
from tests.stack import Stack

pytestmark = pytest.mark.chromium
SHOTS = os.environ.get("SCREENSHOTS", "")


@pytest.fixture(scope="module")
def probing(stack: Stack) -> Stack:
    stack.worker("probe", "mqtt.probe")
    return stack


@pytest.fixture
def broker() -> Iterator[PickyBroker]:
    running = PickyBroker(hangs_up_for=lambda name: name == "secret/#")
    yield running
    running.stop()


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def test_the_list_fills_while_the_test_runs(
    page: Page, probing: Stack, broker: PickyBroker
) -> None:
    site = probing.site("Tromso", broker.port, ("secret/#", "plant/#"))
    page.goto(f"/sites/{site}/")
    expect(page.locator("#explain")).to_be_hidden()
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#explain li[data-verdict=ok]").first).to_be_visible()
    running = page.locator("#explain li[data-verdict=running]")
    expect(running).to_contain_text("First message")
    shot(page, "explain-running")
    subscriptions = page.locator("#explain li").filter(has_text="Subscriptions")
    expect(subscriptions).to_contain_text("closes the connection when asked for `secret/#`")
    expect(subscriptions).to_contain_text("What to do: Ask whoever runs the broker")
    expect(page.locator("#explain li[data-verdict=failed]")).to_contain_text(
        "The link is switched off", timeout=30_000
    )
    expect(page.locator("#explain [data-said]")).to_contain_text("Press Start.")
    subscriptions.get_by_text("What was found").click()
    expect(subscriptions.locator("pre")).to_contain_text("plant/#: granted QoS 1")
    shot(page, "explain-ended")
    expect(page.get_by_role("button", name="Explain")).to_be_enabled()


def test_a_failed_stage_says_what_to_do(page: Page, probing: Stack) -> None:
    site = probing.site("Narvik", free_port())
    page.goto(f"/sites/{site}/")
    page.get_by_role("button", name="Explain").click()
    failed = page.locator("#explain li[data-verdict=failed]")
    expect(failed).to_contain_text("Nothing listens at 127.0.0.1", timeout=20_000)
    expect(failed).to_contain_text("What to do: Check the port; is the broker running?")
    expect(page.locator("#explain li[data-verdict=skipped]").first).to_be_visible()
    shot(page, "explain-failed")


def test_a_viewer_has_no_button_and_an_operator_reads_no_details(
    browser: Browser, probing: Stack
) -> None:
    site = probing.site("Bodo", free_port())
    member = probing.one("SELECT id FROM auth_user WHERE username = 'member'")
    insert = "INSERT INTO mqtt_membership (site_id, user_id, role) VALUES (%s, %s, %s)"
    probing.db.execute(insert, (site, member, "viewer"))
    context = browser.new_context(base_url=probing.url)
    page = context.new_page()
    log_in(page, "member", "member-password")
    page.goto(f"/sites/{site}/")
    expect(page.get_by_role("heading", name="Bodo")).to_be_visible()
    expect(page.get_by_role("button", name="Explain")).to_have_count(0)
    probing.db.execute("UPDATE mqtt_membership SET role = 'operator' WHERE site_id = %s", (site,))
    page.reload()
    page.get_by_role("button", name="Explain").click()
    failed = page.locator("#explain li[data-verdict=failed]")
    expect(failed).to_contain_text("The broker cannot be reached.", timeout=20_000)
    expect(page.locator("#explain")).not_to_contain_text("127.0.0.1")
    context.close()
