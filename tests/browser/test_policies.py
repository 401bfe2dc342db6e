"""Admin and API documentation in real Chromium, under the policies of their areas: nothing of
theirs is refused.

The `page` fixture fails a test when the browser reports a violation.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Stack

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def oslo(stack: Stack) -> int:
    return stack.site("Oslo Lab", 1883, broker_host="broker.example")


def test_the_admin_picks_dates_and_completes_names(page: Page, stack: Stack, oslo: int) -> None:
    page.goto("/admin/auth/user/1/change/")
    page.get_by_role("link", name="Today").first.click()
    expect(page.locator("#id_last_login_0")).not_to_have_value("")
    page.locator(".datetimeshortcuts a[id^=calendarlink]").first.click()
    expect(page.locator(".calendarbox").first).to_be_visible()
    page.goto("/admin/mqtt/mqtttopic/add/")
    page.locator(".select2-selection").first.click()
    page.locator(".select2-search__field").fill("Oslo")
    expect(page.locator(".select2-results__option").first).to_contain_text("broker.example")


def test_the_admins_lists_forms_and_actions_work(page: Page, stack: Stack, oslo: int) -> None:
    for address in (
        "",
        "mqtt/mqttconnection/",
        "mqtt/site/1/change/",
        "mqtt/mqttconnectionlog/",
        "mqtt/auditentry/",
        "django_celery_beat/periodictask/add/",
        "django_celery_beat/crontabschedule/add/",
        "password_change/",
        "auth/group/add/",
    ):
        page.goto(f"/admin/{address}")
        expect(page.locator("h1, #site-name").first).to_be_visible()
    page.goto("/admin/mqtt/mqttconnection/")
    colour = page.locator("td.field-status_now b").first.evaluate(
        "word => getComputedStyle(word).color"
    )
    assert colour == "rgb(110, 119, 129)"
    page.goto("/admin/auth/group/add/")
    page.locator("#id_permissions_add_all").click()
    page.goto("/admin/mqtt/site/")
    page.locator("#action-toggle").check()
    expect(page.locator(".actions .action-counter")).to_contain_text("1 of 1 selected")


def test_the_api_documentation_shows_every_route_and_tries_one(
    page: Page, stack: Stack, oslo: int
) -> None:
    page.goto("/api/docs/")
    expect(page.locator(".opblock-summary-path").filter(has_text="/audit/").first).to_be_visible(
        timeout=20_000
    )
    block = page.locator("#operations-api-sites_status, [id$=-sites_status]").first
    block.locator(".opblock-summary").click()
    block.get_by_role("button", name="Try it out").click()
    block.locator("input").first.fill(str(oslo))
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".response-col_status").filter(has_text="200").first).to_be_visible(
        timeout=20_000
    )


def test_who_changed_what_is_on_the_sites_page(page: Page, stack: Stack, oslo: int) -> None:
    page.goto(f"/sites/{oslo}/")
    page.get_by_role("button", name="Start Oslo Lab").click()
    changes = page.locator("section").filter(has_text="Who changed what")
    expect(changes).to_contain_text("started", timeout=20_000)
    expect(changes).to_contain_text("admin")
