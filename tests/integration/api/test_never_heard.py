"""What a user reads of devices and links of which nothing is known: nothing, rather than the year
1970.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.evidence import EvidenceStore, LinkEvidence
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.models import Device, MqttConnection, Site, SiteBooks
from mqtt_app.selectors.status.sites import site_status
from mqtt_app.services.ingest import pipeline
from tests.integration.api.client import Caller
from tests.integration.ingest.test_store import NOW, batch, message
from tests.narrowing import present

HEARD = datetime.fromtimestamp(NOW, UTC)


@pytest.fixture
def link(site: Site) -> MqttConnection:
    MqttConnection.objects.filter(site=site).update(generation=3, owner="mqtt-1")
    return MqttConnection.objects.get(site=site)


@pytest.fixture(autouse=True)
def _empty_redis() -> Iterator[None]:
    quick_client().flushdb()
    yield
    quick_client().flushdb()


def rows(root: Caller, site: Site) -> dict[str, dict[str, Any]]:
    return {row["identifier"]: row for row in root.get(f"sites/{site.pk}/devices/")["results"]}


def test_whoever_was_never_heard_was_last_seen_never(
    site: Site, link: MqttConnection, root: Caller
) -> None:
    goodbye = message(link, "zigbee2mqtt/lamp/availability", {"state": "offline"})
    pipeline.store(batch(goodbye, message(link, "zigbee2mqtt/torch", {"v": 1}, retain=True)), NOW)
    found = rows(root, site)
    assert {name: (row["status"], row["last_seen"]) for name, row in found.items()} == {
        "zigbee2mqtt/lamp": ("offline", None),
        "zigbee2mqtt/torch": ("unknown", None),
    }
    pipeline.store(batch(message(link, "zigbee2mqtt/lamp", {"v": 1})), NOW)
    assert datetime.fromisoformat(rows(root, site)["zigbee2mqtt/lamp"]["last_seen"]) == HEARD
    device = Device.objects.get(identifier="zigbee2mqtt/lamp")
    assert datetime.fromisoformat(root.get(f"devices/{device.pk}/")["last_seen"]) == HEARD


def test_a_site_without_a_message_has_no_last_one(
    site: Site, link: MqttConnection, root: Caller
) -> None:
    flow = root.get(f"sites/{site.pk}/status/")["flow"]
    assert (flow["last_message_at"], flow["rate"], flow["messages"]) == (None, None, None)


@pytest.fixture
def lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the owner, in a Redis that has been up for long."""
    store = LeaseStore(quick_client(), 60)
    monkeypatch.setattr(LeaseStore, "known_for", lambda _: 3_600.0)
    assert store.acquire(Lease("mqtt-1", "start", 10))


def evidence(link: MqttConnection, **values: Any) -> None:
    now = time.time()
    said: dict[str, Any] = {
        "generation": 3,
        "state": "up",
        "since": now,
        "at": now,
        "connected_since": now - 60,
    } | values
    EvidenceStore(quick_client(), 60).publish(
        "mqtt-1", [LinkEvidence(connection_id=link.pk, **said)]
    )


@pytest.mark.parametrize(
    ("by_books", "by_owner", "newest"), [(100, 50, 50), (50, 100, 50), (100, None, 100)]
)
@pytest.mark.usefixtures("lease")
def test_the_last_message_of_a_site_is_the_newest_that_anybody_knows(
    site: Site, link: MqttConnection, by_books: int, by_owner: int | None, newest: int
) -> None:
    now = datetime.now(UTC)
    SiteBooks.objects.update_or_create(
        site=site, defaults={"last_message_at": now - timedelta(seconds=by_books)}
    )
    last = None if by_owner is None else now.timestamp() - by_owner
    evidence(link, last_message_at=last, rate=2.5, messages=7, unacked=3)
    flow = site_status(site).flow
    assert flow.last_message_at is not None
    assert abs((now - flow.last_message_at).total_seconds() - newest) < 1
    assert abs(present(flow.last_message_age) - newest) < 30
    assert (flow.rate, flow.messages, flow.unacked, flow.paused) == (2.5, 7, 3, False)
