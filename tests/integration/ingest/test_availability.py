"""Goodbyes: of whom they speak, what they reach, and what they never move."""

from typing import Any

import pytest

from mqtt_app.models import Device, Gateway, MqttConnection
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.presence.check import check_offline
from tests.integration.ingest.flaky import moment
from tests.integration.ingest.scripted import device, say, value
from tests.integration.ingest.test_store import NOW, batch, books, message

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("script")]


def gone(identifier: str = "dev", **values: bool) -> list[dict[str, bool | str] | str]:
    return ["availability", {"identifier": identifier, "state": "offline", **values}]


def here(identifier: str = "dev", **values: bool) -> list[dict[str, bool | str] | str]:
    return ["availability", {"identifier": identifier, "state": "online", **values}]


def asleep(identifier: str = "dev") -> list[dict[str, str] | str]:
    return ["availability", {"identifier": identifier, "state": "asleep"}]


def spoken(identifier: str = "dev", **values: str) -> list[dict[str, float | str] | str]:
    return value(1.0, device=identifier, **values)


def status(identifier: str = "dev") -> str:
    return Device.objects.get(identifier=identifier).status


@pytest.mark.parametrize("notice", [gone(), asleep()])
def test_no_goodbye_moves_the_time_of_the_last_sign_of_life(
    notice: list[Any], link: MqttConnection
) -> None:
    say(link, spoken())
    say(link, notice, at=60)
    assert device().last_seen == moment(NOW)
    assert status() == notice[1]["state"]


def test_a_device_that_sleeps_is_not_called_silent_and_wakes_by_a_reading(
    link: MqttConnection,
) -> None:
    say(link, spoken())
    say(link, asleep(), at=1)
    assert (status(), device().due_at) == ("asleep", None)
    link.site.refresh_from_db()
    type(link).objects.update(status="connected", connected_at=moment(NOW), is_active=True)
    check_offline(moment(NOW + 1_000_000))
    assert status() == "asleep"
    say(link, spoken(), at=2_000_000)
    assert status() == "online"
    assert device().due_at


def test_fresh_data_beat_an_old_goodbye_in_whatever_order_they_are_stored(
    link: MqttConnection,
) -> None:
    say(link, spoken(), at=10)
    say(link, gone(), at=5)
    assert status() == "online"
    say(link, gone(), at=20)
    say(link, spoken(), at=15)
    assert status() == "offline"
    say(link, spoken(), at=21)
    assert status() == "online"


def test_a_retained_goodbye_is_a_hint_that_counts_only_while_nothing_is_known(
    link: MqttConnection,
) -> None:
    say(link, gone("never heard"), retain=True)
    assert status("never heard") == "offline"
    say(link, spoken())
    say(link, gone(), at=1, retain=True)
    assert status() == "online"
    Device.objects.filter(identifier="dev").update(status="unknown")
    say(link, gone(), at=2, retain=True)
    assert status() == "offline"


def test_a_retained_goodbye_in_one_batch_with_live_data_is_none(link: MqttConnection) -> None:
    old = message(link, "script/a", [gone()], retain=True)
    new = message(link, "script/b", [spoken()])
    pipeline.store(batch(new, old), NOW)
    assert status() == "online"


def test_the_death_of_a_node_reaches_the_devices_below_it(link: MqttConnection) -> None:
    say(link, spoken("par/dev/motor"), spoken("par/dev/deep/er"), spoken("par/device"))
    say(link, gone("par/dev"), at=1)
    assert (status("par/dev/motor"), status("par/dev/deep/er")) == ("offline", "offline")
    assert status("par/device") == "online"
    assert not Device.objects.filter(identifier="par/dev").exists()
    say(link, here("par/dev"), at=2)
    assert status("par/dev/motor") == "offline"
    say(link, spoken("par/dev/motor"), at=3)
    assert (status("par/dev/motor"), status("par/dev/deep/er")) == ("online", "offline")


def test_a_device_below_that_was_heard_after_the_death_of_its_node_lives(
    link: MqttConnection,
) -> None:
    say(link, spoken("par/dev/motor"), at=10)
    say(link, gone("par/dev"), at=5)
    assert status("par/dev/motor") == "online"


def test_a_retained_death_of_a_node_reaches_only_those_of_whom_nothing_is_known(
    link: MqttConnection,
) -> None:
    say(link, spoken("par/dev/a"), spoken("par/dev/b"))
    Device.objects.filter(identifier="par/dev/b").update(status="unknown")
    say(link, gone("par/dev"), at=1, retain=True)
    assert (status("par/dev/a"), status("par/dev/b")) == ("online", "offline")


def test_a_gateway_that_is_gone_hides_its_devices(link: MqttConnection) -> None:
    say(link, spoken("gw/a", gateway="gw"), spoken("gw/b"), spoken("other"))
    say(link, gone("gw", is_gateway=True), at=1)
    assert Gateway.objects.get().status == "offline"
    assert (status("gw/a"), status("gw/b"), status("other")) == ("unknown", "offline", "online")
    assert device("gw/a").status_reason == "gateway gw is offline"


def test_a_node_without_values_never_falls_silent_while_those_below_it_speak(
    link: MqttConnection,
) -> None:
    say(link, here("par/dev"))
    say(link, spoken("par/dev/motor"), at=2_000)
    type(link).objects.update(status="connected", connected_at=moment(NOW), is_active=True)
    check_offline(moment(NOW + 2_001))
    assert status("par/dev") == "online"
    check_offline(moment(NOW + 4_000))
    check_offline(moment(NOW + 4_001))
    assert (status("par/dev/motor"), status("par/dev")) == ("offline", "offline")


def test_an_empty_payload_is_no_error_no_reading_and_no_sign_of_life(link: MqttConnection) -> None:
    say(link, spoken())
    for number in range(250):
        sent = message(link, "script/a", b"", received_at=NOW + 1 + number)
        pipeline.store(batch(sent), NOW + 1 + number)
    assert books(link) == {"stored": 251}
    assert device().last_seen == moment(NOW)


def test_a_retired_device_stays_so_when_it_is_said_to_be_gone(link: MqttConnection) -> None:
    say(link, spoken())
    Device.objects.update(retired_at=moment(NOW), status="unknown", due_at=None)
    say(link, gone(), at=1)
    assert (status(), device().due_at) == ("unknown", None)
    assert device().retired_at


def test_a_gateway_with_values_of_its_own_is_gone_and_back_as_a_device_too(
    link: MqttConnection,
) -> None:
    say(link, spoken("gw"), spoken("gw/a", gateway="gw"))
    say(link, gone("gw", is_gateway=True), at=1)
    assert (status("gw"), status("gw/a")) == ("offline", "unknown")
    assert device("gw").last_seen == moment(NOW)
    say(link, here("gw", is_gateway=True), at=2)
    assert (status("gw"), Gateway.objects.get().status) == ("online", "online")


def test_a_gateway_is_never_behind_itself(link: MqttConnection) -> None:
    say(link, spoken("gw", gateway="gw"))
    assert device("gw").gateway is None
    say(link, gone("gw", is_gateway=True), at=1)
    assert (status("gw"), device("gw").status_reason) == ("offline", "announced")


def test_the_state_of_a_gateway_makes_no_device(link: MqttConnection) -> None:
    say(link, here("gw", is_gateway=True))
    say(link, gone("gw", is_gateway=True), at=1)
    assert not Device.objects.exists()


@pytest.mark.parametrize(
    ("values", "goodbye", "own"),
    [
        ({"topic": "ems-esp/heartbeat", "payload": {"rxreceived": 7}}, "ems-esp/status", "ems-esp"),
        ({"topic": "ebusd/global/uptime", "payload": 7}, "ebusd/global/running", "ebusd"),
        (
            {"topic": "home/OMG_1/SYStoMQTT", "payload": {"uptime": 7}},
            "home/OMG_1/LWT",
            "home/OMG_1",
        ),
        ({"topic": "zigbee2mqtt/permit_join", "payload": "7"}, "zigbee2mqtt/state", "zigbee2mqtt"),
    ],
)
def test_the_goodbye_of_a_gateway_ends_the_device_that_it_is_itself(
    values: dict[str, Any], goodbye: str, own: str, link: MqttConnection
) -> None:
    pipeline.store(batch(message(link, **values)), NOW)
    assert status(own) == "online"
    word = b"false" if goodbye.endswith("running") else b"offline"
    pipeline.store(batch(message(link, goodbye, word, received_at=NOW + 1)), NOW + 1)
    assert status(own) == "offline"
