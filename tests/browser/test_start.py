"""The whole way in real Chromium: a click, a real MQTT worker, a real broker."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.brokers import Mosquitto
from tests.stack import Stack

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto, pytest.mark.e2e]


def test_start_shows_connecting_then_connected_and_stop_shows_stopped(
    page: Page, stack: Stack, mosquitto: Callable[..., Mosquitto]
) -> None:
    stack.site("Oslo Lab", mosquitto().port)
    stack.worker()
    stack.mqtt("mqtt-1")
    page.goto("/")
    row = page.get_by_role("row").filter(has_text="Oslo Lab")
    row.get_by_role("button", name="Start Oslo Lab").click()
    expect(row).to_contain_text("Connecting…")
    expect(row).to_contain_text("Running", timeout=30_000)
    expect(row).to_contain_text("connected for")
    row.get_by_role("button", name="Stop Oslo Lab").click()
    expect(row).to_contain_text("Stopped", timeout=30_000)
