"""What speaks at a site, its rules, and what devices are, in real Chromium."""

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Stack, wait_for

pytestmark = pytest.mark.chromium

TOPICS = (
    ("zigbee2mqtt", 412, 0.9),
    ("tasmota", 38, 0.8),
    ("json", 9, 0.4),
    ("", 3, None),
)


@pytest.fixture(scope="module")
def bergen(stack: Stack) -> int:
    site = stack.site("Bergen Plant", 1883, broker_host="broker.example")
    link = stack.one("SELECT id FROM mqtt_mqttconnection WHERE site_id = %s", site)
    for parser, count, confidence in TOPICS:
        stack.db.execute(
            "INSERT INTO mqtt_discoveredtopic (connection_id, topic, is_processable, is_active,"
            " parser_name, confidence, first_seen, message_count)"
            " SELECT %s, %s || n, %s, %s = 'json', %s, %s, now(), n FROM generate_series(1, %s) n",
            (link, f"{parser or 'bin'}/dev", bool(parser), parser, parser, confidence, count),
        )
    stack.db.execute(
        "INSERT INTO mqtt_topicrule (site_id, position, filter, is_active, parser_name, ignore,"
        " retired, note, created_at) VALUES (%(site)s, 1, 'zigbee2mqtt/#', true, '', false, false,"
        " 'All of the bridge', now()), (%(site)s, 2, 'bin/#', NULL, '', true, false, '', now())",
        {"site": site},
    )
    device = stack.one(
        "INSERT INTO mqtt_device (site_id, identifier, name, manufacturer, model, software, status,"
        " status_reason, status_since, created_at, last_seen, clock_skew) VALUES (%s, 'z/lamp',"
        " 'Desk lamp', 'Signify', 'LCT001', '1.2', 'asleep', '', now(), now(), now(), 3600)"
        " RETURNING id",
        site,
    )
    for name, number, unit, diagnostic in (
        ("power", 950.0, "W", False),
        ("rssi", -71.0, "dBm", True),
    ):
        stack.db.execute(
            "INSERT INTO mqtt_latestreading (device_id, metric, value, time, received_at, quality)"
            " VALUES (%s, %s, %s, now(), now(), 0)",
            (device, name, number),
        )
        stack.db.execute(
            "INSERT INTO mqtt_metric (device_id, name, label, type, unit, source_unit, diagnostic,"
            " other_types, other_units) VALUES (%s, %s, '', 'number', %s, '', %s, '', '')",
            (device, name, unit, diagnostic),
        )
    return site


def test_a_site_shows_what_speaks_there_and_what_its_devices_are(page: Page, bergen: int) -> None:
    page.goto(f"/sites/{bergen}/")
    families = page.locator("#families")
    expect(families).to_contain_text("Zigbee2MQTT 412, Tasmota 38, unknown JSON 9, opaque 3")
    expect(families.get_by_role("row").filter(has_text="Tasmota").last).to_contain_text("80%")
    lamp = page.locator("#devices")
    for text in ("Desk lamp", "Signify LCT001, version 1.2", "950 W", "-71 dBm", "1 h ahead"):
        expect(lamp).to_contain_text(text)
    expect(lamp).to_contain_text("Asleep")


def test_rules_are_applied_by_a_click(page: Page, stack: Stack, bergen: int) -> None:
    page.goto(f"/sites/{bergen}/")
    rules = page.locator("#rules")
    expect(rules).to_contain_text("All of the bridge")
    rules.get_by_role("button", name="Apply to all topics").click()
    wait_for(
        lambda: (
            stack.one("SELECT count(*) FROM mqtt_discoveredtopic WHERE rule_id IS NOT NULL") == 415
        )
    )
    expect(page.locator("#families")).to_contain_text("3 ignored by a rule")
