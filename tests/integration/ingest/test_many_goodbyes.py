"""A whole fleet says goodbye at once, as after a power cut."""

import time

import pytest

from mqtt_app.models import Device, MqttConnection
from mqtt_app.services.ingest import pipeline
from tests.integration.ingest.scripted import Scripted
from tests.integration.ingest.test_store import NOW, batch, message

pytestmark = pytest.mark.django_db


def test_two_thousand_goodbyes_at_a_site_of_ten_thousand_devices_take_seconds(
    link: MqttConnection, script: Scripted
) -> None:
    Device.objects.bulk_create(
        Device(site=link.site, identifier=f"n{number % 2_000}/d{number}", status="online")
        for number in range(10_000)
    )
    said = [
        message(link, "script/a", [["availability", {"identifier": f"n{n}", "state": "offline"}]])
        for n in range(2_000)
    ]
    began = time.monotonic()
    pipeline.store(batch(*said), NOW)
    assert time.monotonic() - began < 10
    assert Device.objects.filter(status="offline").count() == 10_000
