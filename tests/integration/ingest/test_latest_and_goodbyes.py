"""services.ingest on a real PostgreSQL: the latest values, and who said goodbye, in whatever order
batches are committed.
"""

import pytest

from mqtt_app.models import Device, Gateway, LatestReading, MqttConnection
from mqtt_app.services.ingest import pipeline
from tests.integration.ingest.test_store import NOW, batch, message, values

pytestmark = pytest.mark.django_db


def test_the_latest_value_is_the_newest_plausible_one_whatever_the_order(
    link: MqttConnection,
) -> None:
    for seconds, value in ((10, 2), (5, 1), (9_000_000_000_000, 3), (0.001, 4)):
        ts = int((NOW + seconds) * 1000) if seconds > 1 else 1
        pipeline.store(
            batch(
                message(link, "hall/a", {"v": value, "ts": ts if seconds < 1e6 else 9_223_372_036})
            ),
            NOW,
        )
    assert values() == [2, 1, 3, 4]
    assert LatestReading.objects.get().value == 2


def test_a_retained_message_fills_a_gap_and_proves_nothing(link: MqttConnection) -> None:
    pipeline.store(batch(message(link, "hall/a", {"v": 1}, retain=True)), NOW)
    assert Device.objects.get().status == "unknown"
    assert LatestReading.objects.get().value == 1
    pipeline.store(batch(message(link, "hall/a", {"v": 2})), NOW)
    pipeline.store(batch(message(link, "hall/a", {"v": 1}, retain=True)), NOW + 5)
    assert LatestReading.objects.get().value == 2


def test_a_gateway_that_says_goodbye_hides_its_devices(link: MqttConnection) -> None:
    pipeline.store(batch(message(link, "zigbee2mqtt/lamp", {"temperature": 20.5})), NOW)
    assert Device.objects.get().gateway == Gateway.objects.get()
    pipeline.store(batch(message(link, "zigbee2mqtt/bridge/state", {"state": "offline"})), NOW)
    assert Gateway.objects.get().status == "offline"
    assert (Device.objects.get().status, Device.objects.get().status_reason) == (
        "unknown",
        "gateway zigbee2mqtt is offline",
    )


@pytest.mark.parametrize(
    ("topic", "goodbye"),
    [
        ("plant/gateway/status", {"status": "lost"}),
        ("plant/gw/connection", {"state": "DISCONNECTED"}),
        ("plant/coordinator/state", {"state": "offline"}),
    ],
)
def test_a_gateway_of_no_known_family_takes_those_below_it_along(
    link: MqttConnection, topic: str, goodbye: dict[str, str]
) -> None:
    pipeline.store(batch(message(link, "plant/pump", {"temperature": 20.5})), NOW)
    pipeline.store(batch(message(link, topic, goodbye, received_at=NOW + 1)), NOW + 1)
    assert Gateway.objects.get(identifier="plant").status == "offline"
    assert Device.objects.get().status == "offline"


def gateway_says(link: MqttConnection, state: str, seconds: int) -> str:
    said = message(link, "zigbee2mqtt/bridge/state", {"state": state}, received_at=NOW + seconds)
    pipeline.store(batch(said), NOW + 10)
    return Gateway.objects.get().status


def test_a_goodbye_is_not_undone_by_an_older_sign_of_life_that_is_committed_later(
    link: MqttConnection,
) -> None:
    assert gateway_says(link, "offline", 2) == "offline"
    assert gateway_says(link, "online", 1) == "offline"
    assert gateway_says(link, "online", 3) == "online"


def test_a_goodbye_that_is_committed_late_does_not_end_what_was_heard_since(
    link: MqttConnection,
) -> None:
    assert gateway_says(link, "online", 3) == "online"
    assert gateway_says(link, "offline", 2) == "online"
    assert gateway_says(link, "offline", 4) == "offline"
