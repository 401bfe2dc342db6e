"""The pages of devices in real Chromium: search, chart, CSV, settings."""

import csv
import io
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Stack, wait_for

pytestmark = pytest.mark.chromium
SHOTS = os.environ.get("SCREENSHOTS", "")
FILL = """
INSERT INTO mqtt_reading (device_id, metric, time, received_at, value)
SELECT %(device)s, m.name, t, t, m.base + 5 * sin(extract(epoch FROM t)::float8 / 20000)
FROM (VALUES ('temperature', 20), ('humidity', 55)) m(name, base),
    generate_series(now() - interval '3 days', now(), interval '10 minutes') t
WHERE t NOT BETWEEN now() - interval '12 hours' AND now() - interval '8 hours'
"""
METRICS = """
INSERT INTO mqtt_metric (device_id, name, label, type, unit, source_unit, diagnostic, other_types,
    other_units)
VALUES (%(device)s, 'temperature', '', 'number', '°C', '', false, '', ''),
    (%(device)s, 'humidity', '', 'number', '%%', '', false, '', '')
"""
LATEST = """
INSERT INTO mqtt_latestreading (device_id, metric, time, received_at, quality, value)
VALUES (%(device)s, 'temperature', now(), now(), 0, 21.5),
    (%(device)s, 'humidity', now(), now(), 0, 54)
"""
DEVICE = """
INSERT INTO mqtt_device (site_id, identifier, name, status, status_reason, status_since, last_seen,
    created_at)
VALUES (%s, 'greenhouse/sensor-7', 'Greenhouse 7', 'online', '', now(), now(),
    now() - interval '3 days') RETURNING id
"""


@pytest.fixture(scope="module")
def device(stack: Stack) -> int:
    site = stack.site("Bergen", 1883)
    number = int(stack.one(DEVICE, site))
    for statement in (FILL, METRICS, LATEST):
        stack.db.execute(statement, {"device": number})
    return number


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def test_a_chart_is_drawn_and_another_metric_joins_it(page: Page, device: int) -> None:
    page.goto(f"/devices/{device}/")
    chart = page.locator("[data-plot]")
    expect(chart).to_have_attribute("aria-label", re.compile(r"^humidity: .* in buckets of 5m"))
    page.get_by_role("checkbox", name="temperature").check()
    expect(chart).to_have_attribute("aria-label", re.compile(r"humidity: .*; temperature: "))
    assert chart.locator("canvas").count() == 1
    page.wait_for_timeout(300)
    shot(page, "device")
    page.get_by_role("button", name="7 days").click()
    expect(chart).to_have_attribute("aria-label", re.compile(r"in buckets of 1h$"))
    expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")


def test_the_chart_of_a_new_device_shows_its_hour(page: Page, stack: Stack, device: int) -> None:
    stack.db.execute("UPDATE mqtt_device SET created_at = now() WHERE id = %s", (device,))
    page.goto(f"/devices/{device}/")
    pressed = page.locator('[data-range][aria-pressed="true"]')
    expect(pressed).to_have_text("1 h")
    expect(page.locator("[data-plot]")).to_have_attribute(
        "aria-label", re.compile(r"in buckets of 10s$")
    )
    stack.db.execute(
        "UPDATE mqtt_device SET created_at = now() - interval '3 days' WHERE id = %s", (device,)
    )


def test_no_metric_and_no_reading_are_said(page: Page, device: int) -> None:
    page.goto(f"/devices/{device}/")
    page.get_by_role("checkbox", name="humidity").uncheck()
    expect(page.locator(".plot [data-said]")).to_have_text("Choose a metric.")


def test_the_csv_holds_what_is_seen(page: Page, device: int) -> None:
    page.goto(f"/devices/{device}/")
    expect(page.locator("[data-plot] canvas")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text())))
    assert rows[0] == ["time", "humidity (%)"]
    assert len(rows) > 80
    assert all(50 <= float(row[1]) <= 60 for row in rows[1:])
    assert download.value.suggested_filename == "Greenhouse_7.csv"


def test_an_error_of_the_server_is_said_in_the_chart(page: Page, device: int) -> None:
    page.route(
        "**/readings/**", lambda route: route.fulfill(status=400, body='{"bucket": ["Too many."]}')
    )
    page.goto(f"/devices/{device}/")
    expect(page.locator(".plot [data-said]")).to_have_text("Too many.")


def test_a_device_is_named_and_its_silence_limited(page: Page, stack: Stack, device: int) -> None:
    page.goto(f"/devices/{device}/")
    page.get_by_label("Name").fill("Greenhouse seven")
    page.get_by_label("Offline after").fill("soon")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-device] [data-said]")).to_contain_text("valid integer")
    page.get_by_label("Offline after").fill("120")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-device] [data-said]")).to_have_text("Saved.")
    expect(page.get_by_role("heading", name="Greenhouse seven")).to_be_visible()
    query = "SELECT silence_after FROM mqtt_device WHERE id = %s"
    wait_for(lambda: stack.one(query, device) == 120)
    stack.db.execute("UPDATE mqtt_device SET name = 'Greenhouse 7' WHERE id = %s", (device,))


def test_a_device_is_found_over_all_sites(page: Page, device: int) -> None:
    page.goto("/")
    page.get_by_role("link", name="Devices").click()
    page.get_by_role("searchbox").fill("greenhouse")
    page.get_by_role("searchbox").press("Enter")
    shot(page, "devices")
    page.get_by_role("link", name="Greenhouse 7").click()
    expect(page.locator("[data-chart]")).to_be_visible()


@pytest.mark.parametrize("width", [360, 2560])
def test_the_pages_fit_narrow_and_wide_screens(page: Page, device: int, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for address in ("/devices/", f"/devices/{device}/"):
        page.goto(address)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shot(page, f"{'device' if address != '/devices/' else 'devices'}-{width}")
