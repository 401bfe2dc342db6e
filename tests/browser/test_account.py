"""The account page in real Chromium: a token is made, read and revoked; a password is changed."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import log_in
from tests.stack import Stack

pytestmark = pytest.mark.chromium
NEW = "another-long-secret"
SHOTS = os.environ.get("SCREENSHOTS")


@pytest.fixture
def person(browser: Browser, stack: Stack) -> Iterator[Page]:
    """A member of their own, so that a changed password disturbs no other test."""
    stack.db.execute("DELETE FROM mqtt_logincounter")
    context = browser.new_context(base_url=stack.url, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda fault: faults.append(str(fault)))
    opened.on(
        "console",
        lambda said: faults.append(said.text) if "Content Security" in said.text else None,
    )
    log_in(opened, "member", "member-password")
    yield opened
    context.close()
    assert faults == []


@pytest.fixture(scope="module")
def plants(stack: Stack) -> None:
    for number in range(3):
        stack.site(f"Plant {number} in a town with a long name", 1883, broker_host="broker.example")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def make_token(page: Page, name: str) -> str:
    page.get_by_role("link", name="Account").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("May").select_option("read")
    page.get_by_role("button", name="Make token").click()
    return page.locator("[data-token]").inner_text()


def test_a_token_is_made_shown_once_used_and_revoked(person: Page, stack: Stack) -> None:
    text = make_token(person, "Grafana")
    assert re.fullmatch("[0-9a-f]{64}", text)
    shot(person, "token-made")
    answer = stack.call("GET", "sites/", token=text)
    assert answer.status_code == 200
    person.goto("/account/")
    expect(person.get_by_text(text)).to_have_count(0)
    row = person.get_by_role("row").filter(has_text="Grafana")
    expect(row).to_contain_text("127.0.0.1")
    shot(person, "account")
    row.get_by_role("button", name="Revoke Grafana").click()
    expect(person.get_by_role("status").filter(has_text="The token is revoked")).to_be_visible()
    assert stack.call("GET", "sites/", token=text).status_code == 401


def test_a_changed_password_ends_tokens_and_is_the_one_that_counts(
    person: Page, stack: Stack
) -> None:
    text = make_token(person, "Script")
    person.get_by_role("link", name="Change password").click()
    person.get_by_label("Old password").fill("member-password")
    person.get_by_label("New password", exact=True).fill(NEW)
    person.get_by_label("New password confirmation").fill(NEW)
    shot(person, "password")
    person.get_by_role("button", name="Change password").click()
    expect(person.get_by_text("Your password is changed")).to_be_visible()
    assert stack.call("GET", "sites/", token=text).status_code == 401
    login = {"username": "member", "password": NEW}
    assert (
        requests.post(f"{stack.url}/api/v1/auth/login/", json=login, timeout=20).status_code == 200
    )
    person.get_by_role("link", name="Change password").click()
    person.get_by_label("Old password").fill(NEW)
    for field in ("New password", "New password confirmation"):
        person.get_by_label(field, exact=True).fill("member-password")
    person.get_by_role("button", name="Change password").click()
    expect(person.get_by_text("Your password is changed")).to_be_visible()


@pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
def test_a_locked_name_is_told_how_long_to_wait(browser: Browser, stack: Stack, path: str) -> None:
    stack.db.execute("DELETE FROM mqtt_logincounter")
    context = browser.new_context(base_url=stack.url)
    page = context.new_page()
    for number in range(6):
        page.goto(path)
        page.locator("[name=username]").fill("member")
        page.locator("[name=password]").fill(f"guess-{number}")
        page.locator("[name=password]").press("Enter")
        page.wait_for_load_state()
    expect(page.get_by_text("Too many wrong tries. Try again in")).to_be_visible()
    shot(page, f"locked{path.replace('/', '-')}")
    stack.db.execute("DELETE FROM mqtt_logincounter")
    context.close()


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_at_any_width(
    page: Page, plants: None, width: int, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    make_token(page, f"A token with a rather long name, at {width} pixels")
    for path in (
        None,
        "/account/",
        "/account/password/",
        "/password-reset/",
        "/password-reset/sent/",
    ):
        if path:
            page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shot(page, f"{width}-{scheme}-{(path or 'made').strip('/').replace('/', '-')}")
