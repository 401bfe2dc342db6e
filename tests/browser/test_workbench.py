"""A family that nobody knows: found in the tree of topics, mapped from its samples, activated and
replayed, in real Chromium with a real broker and real workers.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.brokers import Mosquitto
from tests.publisher import publisher
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.chromium
SHOTS = os.environ.get("SCREENSHOTS", "")
SAMPLES = "SELECT count(*) FROM mqtt_topicsample WHERE site_id = %s"
READINGS = """
SELECT count(*) FROM mqtt_reading r JOIN mqtt_device d ON d.id = r.device_id
WHERE d.site_id = %s AND d.identifier = %s AND r.metric = %s
"""


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def report(number: int, flow: float) -> dict[str, Any]:
    """What the unknown family says."""
    return {
        "hdr": {"unit": f"ACME-{number}", "at": 1_790_000_000 + number},
        "m": {"flow": flow, "press_kPa": 101.5},
        "fw": "2.1",
    }


@pytest.fixture(scope="module")
def acme(stack: Stack, mosquitto: Callable[..., Mosquitto]) -> tuple[int, Mosquitto]:
    """A site at which three units of the family have spoken."""
    broker = mosquitto()
    stack.worker()
    stack.mqtt()
    stack.beat()
    site = stack.site("Acme", broker.port, ("acme/#",))
    stack.switch(site, "start")
    wait_for(lambda: stack.get(f"sites/{site}/status/")["headline"] == "running", what="the link")
    with publisher(broker.port) as sender:
        for number in range(3):
            sender.send(f"acme/line/{number}/report", json.dumps(report(number, 10.0 + number)))
    wait_for(lambda: stack.one(SAMPLES, site) == 3, what="the samples")
    return site, broker


def test_the_tree_leads_to_a_topic_and_its_samples(page: Page, acme: tuple[int, Mosquitto]) -> None:
    site, _ = acme
    page.goto(f"/sites/{site}/topics/")
    page.get_by_role("link", name="acme/…").click()
    page.get_by_role("link", name="line/…").click()
    expect(page.get_by_role("row")).to_have_count(4)
    shot(page, "topics")
    page.get_by_role("link", name="1/…").click()
    page.get_by_role("link", name="report", exact=True).click()
    expect(page.get_by_label("JSON").first).to_contain_text('"unit": "ACME-1"')
    page.get_by_text("Bytes", exact=True).click()
    expect(page.get_by_label("Bytes")).to_contain_text("7b 22 68 64")
    shot(page, "topic")
    page.get_by_role("link", name="Map it").click()
    expect(page.get_by_label("Filter")).to_have_value("acme/line/1/report")


def test_a_family_is_mapped_from_its_samples_and_read_from_then_on(
    page: Page, stack: Stack, acme: tuple[int, Mosquitto]
) -> None:
    site, broker = acme
    page.goto(f"/sites/{site}/mappings/")
    expect(page.locator("main")).to_contain_text("There is none")
    page.get_by_role("link", name="New mapping").first.click()
    page.get_by_label("Filter").fill("acme/line/+/report")
    page.get_by_role("button", name="Propose from samples").click()
    expect(page.locator("[data-notes]")).to_contain_text("Proposed from 3 samples")
    status = page.locator("[data-trial-said]")
    expect(status).to_contain_text("3 samples tried: 3 read, 0 failed")
    page.get_by_label("Device is").select_option("path")
    page.get_by_label("Device", exact=True).fill("hdr.unit")
    expect(page.locator("[data-trial]")).to_contain_text("ACME-2")
    shot(page, "mapping")
    page.get_by_label("Name", exact=True).last.fill("acme")
    page.get_by_role("button", name="Save and activate").click()
    expect(page.locator("[data-said]")).to_contain_text("Active: it took over 3 topics")
    with publisher(broker.port) as sender:
        for number in range(4):
            sender.send(f"acme/line/{number}/report", json.dumps(report(number, 20.0)))
        sender.send("acme/line/3/report", json.dumps({"nothing": "of it"}))
    units = [f"ACME-{number}" for number in range(4)]
    wait_for(lambda: [stack.one(READINGS, site, unit, "m.flow") for unit in units] == [1] * 4)
    letters = "SELECT count(*) FROM mqtt_deadletter WHERE site_id = %s"
    wait_for(lambda: stack.one(letters, site) == 1, what="the message that it cannot read")


def test_a_value_of_a_sample_is_mapped_by_a_click_and_what_failed_is_replayed(
    page: Page, stack: Stack, acme: tuple[int, Mosquitto]
) -> None:
    site, _ = acme
    page.goto(f"/sites/{site}/mappings/")
    page.get_by_role("link", name="acme", exact=True).click()
    expect(page.get_by_label("Filter")).not_to_have_value("")
    page.locator("[data-samples] summary").filter(has_text="acme/line/0/report").first.click()
    before = page.locator("[data-metrics] > li").count()
    page.get_by_role("button", name="Map hdr.at").first.click()
    expect(page.locator("[data-metrics] > li")).to_have_count(before + 1)
    last = page.locator("[data-metrics] > li").last
    expect(last.get_by_label("Value at")).to_have_value("hdr.at")
    last.get_by_label("Value at").fill("hdr.[")
    expect(page.locator("[data-wrong]")).to_be_visible()
    last.get_by_role("button", name="Remove").click()
    expect(page.locator("[data-wrong]")).to_be_hidden()
    page.get_by_role("button", name="Add a metric").click()
    last.locator('[data-part="name"]').fill("nothing")
    last.get_by_label("Value at").fill("nothing")
    last.get_by_label("Type").select_option("text")
    page.get_by_label("Device is").select_option("text")
    page.get_by_label("Device", exact=True).fill("line")
    page.get_by_role("button", name="Save and activate").click()
    expect(page.locator("[data-said]")).to_contain_text("Active")
    again = page.locator("[data-replay]")
    expect(again).to_contain_text("1 messages of these topics were not stored")
    again.get_by_role("button").click()
    expect(again).to_contain_text("succeeded: 1 stored, 0 failed", timeout=30_000)
    assert stack.one(READINGS, site, "line", "nothing") == 1


@pytest.mark.parametrize("width", [360, 1280])
def test_the_bench_fits_its_window_in_both_colours(
    page: Page, acme: tuple[int, Mosquitto], width: int
) -> None:
    site, _ = acme
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"/sites/{site}/mappings/new/?filter=acme/%23")
    expect(page.locator("[data-notes]")).to_contain_text("Proposed")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{wide} px wider than the window"
        shot(page, f"mapping-{width}-{scheme}")


def test_what_arrives_is_seen_as_it_comes_with_what_became_of_it(
    page: Page, acme: tuple[int, Mosquitto]
) -> None:
    site, broker = acme
    page.goto(f"/sites/{site}/tail/?filter=acme/live/%2B")
    expect(page.locator("[data-said]").first).to_contain_text("Waiting for a message")
    lines = page.locator("[data-lines] tbody tr")
    with publisher(broker.port) as sender:
        for number in range(40):
            sender.send("acme/live/a", json.dumps({"speed": number}))
            sender.send("acme/other", json.dumps({"speed": number}))
            if lines.count():
                break
            page.wait_for_timeout(250)
    expect(lines.first).to_contain_text("acme/live/a")
    expect(lines.first).to_contain_text("1 reading")
    assert page.locator("[data-lines]").get_by_text("acme/other").count() == 0
    shot(page, "tail")
    page.get_by_role("button", name="Keep for 10 minutes").click()
    expect(page.locator("[data-captured]")).to_contain_text("Kept until")
