"""When somebody was last heard, until when they may be silent, and since when their status holds."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mqtt_app.domain.accounting import Term
from mqtt_app.models import Device, DiscoveredTopic, Gateway, MqttConnection, Site, SiteBooks
from mqtt_app.services import accounting
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.ingest import pipeline
from tests.integration.ingest.test_store import NOW, batch, books, message

pytestmark = pytest.mark.django_db


def moment(seconds: float = 0.0) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, UTC)


def hear(
    link: MqttConnection,
    topic: str,
    payload: dict[str, int | str],
    seconds: float = 0.0,
    late: float = 0.0,
    **changes: Any,
) -> None:
    """A message that came at `seconds` and is stored `late` seconds later."""
    sent = message(link, topic, payload, received_at=NOW + seconds, **changes)
    pipeline.store(batch(sent), NOW + seconds + late)


def lamp() -> Device:
    """The only lamp, whether it speaks itself or through Zigbee2MQTT."""
    return Device.objects.get(identifier__in=("lamp", "zigbee2mqtt/lamp"))


@pytest.fixture
def neighbour() -> MqttConnection:
    site = Site.objects.create(name="Neighbour")
    return MqttConnection.objects.create(
        site=site, broker_host="broker.example", generation=3, owner="mqtt-1"
    )


def test_whoever_was_never_heard_has_no_time_at_which_it_was(link: MqttConnection) -> None:
    hear(link, "zigbee2mqtt/lamp/availability", {"state": "offline"})
    assert (lamp().status, lamp().last_seen, lamp().due_at) == ("offline", None, None)
    bridge = Gateway.objects.get()
    assert (bridge.status, bridge.last_seen) == ("online", moment())


def test_a_retained_value_gives_no_time_at_which_anybody_was_heard(link: MqttConnection) -> None:
    hear(link, "zigbee2mqtt/lamp", {"v": 1}, retain=True)
    assert (lamp().status, lamp().last_seen, lamp().due_at) == ("unknown", None, None)


def test_last_seen_is_the_receipt_of_the_newest_message_in_whatever_order_they_are_stored(
    link: MqttConnection,
) -> None:
    for seconds, last in ((5, 5), (9, 9), (7, 9)):
        hear(link, "lamp", {"v": 1}, seconds, late=100)
        assert lamp().last_seen == moment(last)


def test_a_device_is_due_after_the_silence_of_its_site_or_its_own(link: MqttConnection) -> None:
    Site.objects.update(silence_after=100)
    hear(link, "lamp", {"v": 1})
    hear(link, "pump", {"v": 1})
    assert lamp().due_at == moment(100)
    Device.objects.filter(identifier="lamp").update(silence_after=5, due_at=moment())
    Device.objects.filter(identifier="pump").update(due_at=moment())
    hear(link, "lamp", {"v": 1}, 10)
    hear(link, "pump", {"v": 1}, 10)
    assert (lamp().due_at, Device.objects.get(identifier="pump").due_at) == (
        moment(15),
        moment(110),
    )


def test_a_due_time_that_lies_ahead_stays_until_it_has_passed(link: MqttConnection) -> None:
    Site.objects.update(silence_after=100)
    hear(link, "lamp", {"v": 1})
    hear(link, "lamp", {"v": 1}, 99)
    assert lamp().due_at == moment(100)
    hear(link, "lamp", {"v": 1}, 100)
    assert lamp().due_at == moment(200)


def test_since_moves_with_the_status_and_with_nothing_else(link: MqttConnection) -> None:
    hear(link, "zigbee2mqtt/lamp", {"v": 1})
    assert (lamp().status, lamp().status_since) == ("online", moment())
    hear(link, "zigbee2mqtt/lamp", {"v": 1}, 10)
    assert lamp().status_since == moment()
    hear(link, "zigbee2mqtt/lamp/availability", {"state": "offline"}, 20, late=3)
    assert (lamp().status, lamp().status_reason, lamp().status_since) == (
        "offline",
        "announced",
        moment(20),
    )
    hear(link, "zigbee2mqtt/lamp/availability", {"state": "offline"}, 30)
    assert lamp().status_since == moment(20)
    hear(link, "zigbee2mqtt/lamp", {"v": 1}, 40, late=3)
    assert (lamp().status, lamp().status_reason, lamp().status_since) == ("online", "", moment(43))


def test_a_late_goodbye_moves_nothing(link: MqttConnection) -> None:
    hear(link, "zigbee2mqtt/lamp", {"v": 1}, 10)
    hear(link, "zigbee2mqtt/lamp/availability", {"state": "offline"}, 5, late=10)
    assert (lamp().status, lamp().status_since, lamp().last_seen) == (
        "online",
        moment(10),
        moment(10),
    )


def test_a_sign_of_life_of_the_moment_of_a_goodbye_is_older_than_it(link: MqttConnection) -> None:
    hear(link, "zigbee2mqtt/lamp", {"v": 1}, 1)
    hear(link, "zigbee2mqtt/lamp/availability", {"state": "offline"}, 10)
    hear(link, "zigbee2mqtt/lamp", {"v": 1}, 10, late=5)
    assert lamp().status == "offline"
    hear(link, "zigbee2mqtt/lamp", {"v": 1}, 10.5, late=5)
    assert lamp().status == "online"


def test_a_gateway_that_goes_hides_its_own_devices_and_no_others(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    for other in (link, neighbour):
        hear(other, "zigbee2mqtt/lamp", {"v": 1})
    hear(link, "zigbee2mqtt2/torch", {"v": 1})
    hear(link, "pump", {"v": 1})
    hear(link, "zigbee2mqtt/bridge/state", {"state": "offline"}, 10, late=2)
    found = {(row.site_id == link.site_id, row.identifier): row for row in Device.objects.all()}
    assert {key: row.status for key, row in found.items()} == {
        (True, "zigbee2mqtt/lamp"): "unknown",
        (True, "zigbee2mqtt2/torch"): "online",
        (True, "pump"): "online",
        (False, "zigbee2mqtt/lamp"): "online",
    }
    assert found[True, "zigbee2mqtt/lamp"].status_since == moment(12)
    assert found[True, "zigbee2mqtt2/torch"].status_since == moment()
    hear(link, "zigbee2mqtt/bridge/state", {"state": "offline"}, 20)
    assert Device.objects.get(pk=found[True, "zigbee2mqtt/lamp"].pk).status_since == moment(12)


def test_devices_of_one_name_at_two_sites_are_two(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    hear(link, "lamp", {"v": 1}, 1)
    hear(neighbour, "lamp", {"v": 2}, 2)
    seen = dict(Device.objects.values_list("site_id", "last_seen"))
    assert seen == {link.site_id: moment(1), neighbour.site_id: moment(2)}


def test_lamps_of_one_name_behind_two_gateways_are_two(link: MqttConnection) -> None:
    for base in ("zigbee2mqtt", "zigbee2mqtt2"):
        hear(link, f"{base}/lamp", {"v": 1})
    hear(link, "lamp", {"v": 1})
    found = dict(Device.objects.values_list("identifier", "gateway__identifier"))
    assert found == {
        "zigbee2mqtt/lamp": "zigbee2mqtt",
        "zigbee2mqtt2/lamp": "zigbee2mqtt2",
        "lamp": None,
    }


def test_early_messages_of_the_present_owner_are_never_copies(link: MqttConnection) -> None:
    """Equal ones under one identifier: the broker was told at once, so the identifier came round
    again.
    """
    for _ in range(2):
        hear(link, "lamp", {"v": 1}, packet_id=7, early=True)
    assert books(link) == {"stored": 2}
    hear(link, "lamp", {"v": 1}, packet_id=7, early=True, generation=2)
    assert books(link) == {"stored": 2, "duplicate": 1}


def test_a_redelivery_is_known_by_its_own_link_its_identifier_its_topic_and_its_payload(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    hear(link, "lamp", {"v": 1}, packet_id=7)
    hear(neighbour, "lamp", {"v": 1}, packet_id=7, dup=True)
    changes: list[dict[str, Any]] = [
        {"packet_id": 8},
        {"topic": "pump"},
        {"payload": {"v": 2}},
        {"qos": 0},
    ]
    for change in changes:
        values: dict[str, Any] = {
            "topic": "lamp",
            "payload": {"v": 1},
            "packet_id": 7,
            "dup": True,
            **change,
        }
        hear(link, values.pop("topic"), values.pop("payload"), **values)
    assert (books(link), books(neighbour)) == ({"stored": 5}, {"stored": 1})


# The site and its topics


def test_the_last_message_of_a_site_moves_on_and_never_back(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    hear(neighbour, "lamp", {"v": 1}, 1)
    for seconds, last in ((10, 10), (20, 20), (15, 20)):
        hear(link, "lamp", {"v": 1}, seconds)
        assert SiteBooks.objects.get(site=link.site_id).last_message_at == moment(last)
    assert SiteBooks.objects.get(site=neighbour.site_id).last_message_at == moment(1)


def test_messages_that_only_move_within_the_books_are_no_news(link: MqttConnection) -> None:
    hear(link, "lamp", {"v": 1}, 10)
    tally = AccountingTally()
    tally.add(link.site_id, Term.STORED, -1)
    tally.add(link.site_id, Term.FAILED, 1)
    accounting.move(tally)
    assert books(link) == {"failed": 1}
    assert SiteBooks.objects.get(site=link.site_id).last_message_at == moment(10)


def test_a_topic_counts_its_messages_and_knows_the_newest(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    hear(neighbour, "lamp", {"v": 1}, 1)
    for seconds in (10, 30, 20):
        hear(link, "lamp", {"v": 1}, seconds)
    found = {row.connection_id: row for row in DiscoveredTopic.objects.all()}
    assert (found[link.pk].message_count, found[link.pk].last_seen) == (3, moment(30))
    assert found[link.pk].first_seen == moment(10)
    assert (found[neighbour.pk].message_count, found[neighbour.pk].last_seen) == (1, moment(1))


def test_each_site_has_books_of_its_own(link: MqttConnection, neighbour: MqttConnection) -> None:
    pipeline.store(
        batch(
            message(link, "a", {"v": 1}),
            message(link, "a", b"{"),
            message(neighbour, "b", {"v": 1, "w": 2}),
        ),
        NOW,
    )
    assert (books(link), books(neighbour)) == ({"stored": 1, "failed": 1}, {"stored": 1})
    readings = dict(SiteBooks.objects.values_list("site_id", "readings"))
    assert readings == {link.site_id: 1, neighbour.site_id: 2}
