"""The page of problems in real Chromium: one decision for every site of a cause."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Stack, wait_for

pytestmark = pytest.mark.chromium
SHOTS = os.environ.get("SCREENSHOTS", "")
INSERT = """
INSERT INTO mqtt_problem (site_id, kind, fingerprint, detail, error_type, title, count, first_at,
    last_at, topics, hours)
SELECT %s, v.kind, v.mark::uuid, v.detail, v.error_type, v.title, v.count,
    now() - interval '9 hours', now() - v.age, v.topics::text[],
    (SELECT jsonb_object_agg(extract(epoch FROM now())::bigint / 3600 - h, (h * 7) %% 5)
        FROM generate_series(0, 20) h)
FROM (VALUES
    ('link', '00000000-0000-0000-0000-000000000001', 'broker.acme.example:8883', 'credentials',
        'The broker refused the user name or password.', 2, interval '3 minutes', '{}'),
    ('parsing', '00000000-0000-0000-0000-000000000002', 'json', 'PARSE_ERROR',
        'not JSON: Expecting value (char 12)', 104212, interval '20 seconds',
        '{plant/a/state,plant/b/state}')
) v(kind, mark, detail, error_type, title, count, age, topics)
"""


@pytest.fixture(scope="module")
def sites(stack: Stack) -> list[int]:
    found = [stack.site(f"Plant {number}", 1883) for number in range(3)]
    for site in found:
        stack.db.execute(INSERT, (site,))
    return found


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def test_a_cause_is_one_entry_and_one_decision(page: Page, stack: Stack, sites: list[int]) -> None:
    page.goto("/problems/")
    entries = page.locator(".problems > li")
    expect(entries).to_have_count(2)
    refused = entries.filter(has_text="broker.acme.example:8883")
    expect(refused).to_contain_text("3 sites: Plant 0, Plant 1, Plant 2")
    expect(entries.filter(has_text="not JSON")).to_contain_text("312,636 times")
    shot(page, "problems")
    refused.get_by_text("Decide").click()
    refused.get_by_label("Note").fill("Acme changes the password on Monday")
    refused.get_by_role("button", name="Ignore for a day").click()
    expect(entries).to_have_count(1)
    ignored = "SELECT count(*) FROM mqtt_problem WHERE state = 'ignored' AND ignored_until > now()"
    wait_for(lambda: stack.one(ignored) == 3)
    page.get_by_label("State").select_option("ignored")
    page.get_by_role("button", name="Search").click()
    expect(entries.first).to_contain_text("“Acme changes the password on Monday” admin")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_its_window(page: Page, sites: list[int], width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for state in ("open", "ignored"):
        page.goto(f"/problems/?state={state}")
        expect(page.locator(".problems > li").first).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{wide} px wider than the window"
    shot(page, f"problems-{width}")
