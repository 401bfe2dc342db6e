"""What is said about devices: it waits until they speak, and never makes one."""

import pytest

from mqtt_app.models import Device, DeviceAlias, Gateway, MqttConnection, Reading
from mqtt_app.services import devices
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.presence.check import check_offline
from tests.integration.ingest.flaky import moment
from tests.integration.ingest.scripted import device, metric, say, value, values
from tests.integration.ingest.test_store import NOW, batch, message

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("script")]

LAMP = ["device", {"device": "z/lamp", "name": "Lamp", "manufacturer": "V", "model": "M"}]


def told(name: str = "z/lamp", **values: str) -> list[dict[str, str] | str]:
    return ["device", {"device": name, **values}]


def spoken(
    name: str = "z/lamp", number: float = 1.0, **values: str
) -> list[dict[str, float | str] | str]:
    return value(number, device=name, **values)


def test_a_description_makes_no_device_and_waits_until_it_speaks(link: MqttConnection) -> None:
    say(link, LAMP, ["metric", {"device": "z/lamp", "metric": "m", "unit": "W", "name": "Power"}])
    assert not Device.objects.exists()
    PROCESS.forget()
    say(link, spoken(), at=1)
    lamp = device("z/lamp")
    assert (lamp.name, lamp.manufacturer, lamp.model) == ("Lamp", "V", "M")
    found = metric("m", "z/lamp")
    assert (found.unit, found.label) == ("W", "Power")


def test_a_description_of_a_device_that_has_spoken_is_applied_at_once(link: MqttConnection) -> None:
    say(link, spoken())
    say(link, LAMP, at=1, retain=True)
    say(link, told(software="1.2"), at=2)
    lamp = device("z/lamp")
    assert (lamp.name, lamp.model, lamp.software, lamp.status) == ("Lamp", "M", "1.2", "online")


def test_a_device_that_was_deleted_and_speaks_again_is_described_again(
    link: MqttConnection,
) -> None:
    say(link, LAMP, spoken())
    devices.delete_device(device("z/lamp"))
    say(link, LAMP, spoken(), at=1)
    assert device("z/lamp").name == "Lamp"


def test_a_name_given_by_a_person_stays_and_another_one_of_the_bridge_is_followed(
    link: MqttConnection,
) -> None:
    say(link, LAMP, spoken())
    say(link, ["device", {"device": "z/lamp", "name": "Desk"}], at=1)
    assert device("z/lamp").name == "Desk"
    lamp = device("z/lamp")
    lamp.name = "Mine"
    devices.save_device(lamp, ["name"])
    say(link, ["device", {"device": "z/lamp", "name": "Hall"}], at=2)
    assert device("z/lamp").name == "Mine"


def test_a_described_unit_is_that_of_numbers_without_one(link: MqttConnection) -> None:
    say(link, spoken(number=20.0))
    say(link, ["metric", {"device": "z/lamp", "metric": "m", "unit": "°C"}], at=1)
    say(link, spoken(number=21.0), at=2)
    say(link, ["metric", {"device": "z/lamp", "metric": "m", "unit": "°F"}], at=3)
    say(link, spoken(number=68.0), at=4)
    PROCESS.forget()
    say(link, spoken(number=68.0), at=5)
    assert values() == [20.0, 21.0, 20.0, 20.0]
    assert metric("m", "z/lamp").unit == "°C"


def test_a_description_that_no_column_holds_is_cut_and_stops_nothing(link: MqttConnection) -> None:
    say(link, told("z/lamp", model="x" * 300))
    say(link, spoken(), at=1)
    assert device("z/lamp").model == "x" * 200


def test_a_device_that_was_renamed_keeps_its_history_and_answers_to_both_names(
    link: MqttConnection,
) -> None:
    say(link, told("z/old", address="00158d", gateway="z"), spoken("z/old", 1.0, gateway="z"))
    say(link, told("z/new", address="00158d", gateway="z"), at=1)
    say(link, spoken("z/new", 2.0, gateway="z"), at=2)
    say(link, spoken("z/old", 3.0, gateway="z"), at=3)
    assert list(Device.objects.values_list("identifier", flat=True)) == ["z/new"]
    assert list(DeviceAlias.objects.values_list("identifier", flat=True)) == ["z/old"]
    assert values() == [1.0, 2.0, 3.0]
    assert set(Reading.objects.values_list("device", flat=True)) == {device("z/new").pk}


def test_a_new_name_that_speaks_before_it_is_described_joins_its_device(
    link: MqttConnection,
) -> None:
    say(link, told("z/old", address="00158d", gateway="z"), spoken("z/old", 1.0, gateway="z"))
    say(link, spoken("z/new", 2.0, gateway="z"), at=1)
    say(link, told("z/new", address="00158d", gateway="z"), at=2)
    say(link, spoken("z/new", 3.0, gateway="z"), at=3)
    assert list(Device.objects.values_list("identifier", flat=True)) == ["z/new"]
    assert set(Reading.objects.values_list("device", flat=True)) == {device("z/new").pk}
    assert sorted(values()) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "other",
    [
        {"address": "other", "gateway": "z"},
        {"address": "00158d", "gateway": "z2"},
        {"gateway": "z"},
    ],
)
def test_two_devices_never_become_one(other: dict[str, str], link: MqttConnection) -> None:
    say(link, told("z/a", address="00158d", gateway="z"), spoken("z/a", 1.0, gateway="z"))
    say(link, told("z/b", **other), spoken("z/b", 2.0, gateway=other["gateway"]), at=1)
    assert sorted(Device.objects.values_list("identifier", flat=True)) == ["z/a", "z/b"]


def test_two_that_are_described_together_with_one_address_stay_two(link: MqttConnection) -> None:
    both = [told("z/a", address="00158d"), told("z/b", address="00158d")]
    say(link, *both, spoken("z/a"), spoken("z/b"))
    say(link, spoken("z/a", 2.0), spoken("z/b", 2.0), at=1)
    assert Device.objects.count() == 2


def listed(*names: str) -> list[dict[str, list[str] | str] | str]:
    return ["list", {"gateway": "z", "devices": list(names)}]


def test_what_a_gateways_list_no_longer_holds_is_retired_until_it_speaks_again(
    link: MqttConnection,
) -> None:
    say(link, spoken("z/a", gateway="z"), spoken("z/b", gateway="z"), spoken("other"))
    say(link, listed("z/a", "z/b"), at=1, retain=True)
    assert not Device.objects.filter(retired_at__isnull=False).exists()
    say(link, listed("z/a"), at=2)
    gone = device("z/b")
    assert gone.retired_at
    assert (gone.status, gone.status_reason, gone.due_at) == ("unknown", "retired", None)
    assert device("z/a").retired_at is None
    assert device("other").retired_at is None
    say(link, spoken("z/b", gateway="z"), at=3)
    assert (device("z/b").retired_at, device("z/b").status) == (None, "online")


def test_a_list_makes_no_device(link: MqttConnection) -> None:
    say(link, listed("z/a", "z/b"))
    assert not Device.objects.exists()
    assert Gateway.objects.get().listed == ["z/a", "z/b"]


def described(**values: str) -> list[dict[str, str] | str]:
    return ["topic", {"source": "homeassistant/sensor/x/config", "topic": "script/state", **values}]


CONFIG = {
    "path": "temperature",
    "unit": "°C",
    "metric_name": "Room temperature",
    "device_name": "Room",
    "model": "TH1",
    "availability_topic": "hall/alive",
    "available": "yes",
    "not_available": "gone",
}


@pytest.mark.parametrize("order", ["config first", "state first", "forgotten between"])
def test_what_a_third_party_says_of_a_topic_reaches_its_device(
    order: str, link: MqttConnection
) -> None:
    config = described(**CONFIG)
    state = spoken("room", 21.0, metric="temperature")
    if order == "state first":
        say(link, state, topic="script/state")
    say(link, config, topic="script/config", at=1, retain=True)
    if order == "forgotten between":
        PROCESS.forget()
    say(link, state, topic="script/state", at=2)
    room = device("room")
    assert (room.name, room.model) == ("Room", "TH1")
    found = metric("temperature", "room")
    assert (found.unit, found.label) == ("°C", "Room temperature")


def test_the_words_of_a_third_party_say_whether_a_device_is_there(link: MqttConnection) -> None:
    say(link, described(**CONFIG), topic="script/config")
    say(link, spoken("room", 21.0, metric="temperature"), topic="script/state", at=1)
    seen = device("room").last_seen
    say_raw(link, b"gone", 2)
    assert (device("room").status, device("room").last_seen) == ("offline", seen)
    say_raw(link, b"yes", 3)
    assert device("room").status == "online"


def say_raw(link: MqttConnection, payload: bytes, at: int) -> None:
    sent = message(link, "hall/alive", payload, received_at=NOW + at)
    pipeline.store(batch(sent), NOW + at)


def test_a_description_of_a_topic_that_is_taken_back_is_gone(link: MqttConnection) -> None:
    say(link, described(**CONFIG), topic="script/config")
    say(link, ["topic", {"source": "homeassistant/sensor/x/config"}], topic="script/config", at=1)
    say(link, spoken("room", 21.0, metric="temperature"), topic="script/state", at=2)
    assert (device("room").name, metric("temperature", "room").unit) == ("", "")


def expiring(name: str, seconds: dict[str, int]) -> list[dict[str, int | str] | str]:
    source = f"homeassistant/sensor/{name}/config"
    return ["topic", {"source": source, "topic": "script/state", "path": name, **seconds}]


def listening(link: MqttConnection) -> None:
    type(link).objects.update(status="connected", connected_at=moment(NOW), is_active=True)


def test_a_value_that_expires_makes_its_device_offline_after_that_silence(
    link: MqttConnection,
) -> None:
    say(link, expiring("m", {"expire_after": 120}), topic="script/config")
    say(link, spoken("room"), topic="script/state", at=10)
    assert device("room").described_silence == 120
    listening(link)
    check_offline(moment(NOW + 129))
    assert device("room").status == "online"
    check_offline(moment(NOW + 131))
    assert (device("room").status, device("room").status_reason) == ("offline", "silent")


def test_a_limit_of_silence_that_is_described_later_moves_the_due_time_of_a_device(
    link: MqttConnection,
) -> None:
    say(link, spoken("room"), topic="script/state")
    say(link, expiring("m", {"expire_after": 60}), topic="script/config", at=1, retain=True)
    say(link, spoken("room", 2.0), topic="script/state", at=2)
    listening(link)
    check_offline(moment(NOW + 63))
    assert device("room").status == "offline"


def test_the_shortest_of_a_devices_limits_counts_until_it_is_taken_back(
    link: MqttConnection,
) -> None:
    first = spoken("room", 1.0, metric="a")
    other = spoken("room", 2.0, metric="b")
    say(link, expiring("a", {"expire_after": 600}), topic="script/config")
    say(link, expiring("b", {"expire_after": 60}), topic="script/config")
    say(link, first, other, topic="script/state", at=1)
    assert device("room").described_silence == 60
    PROCESS.forget()
    say(link, ["topic", {"source": "homeassistant/sensor/b/config"}], topic="script/config", at=2)
    assert device("room").described_silence == 600
    say(link, expiring("a", {}), topic="script/config", at=3)
    assert device("room").described_silence is None


def test_a_limit_that_a_person_gave_wins_over_a_described_one(link: MqttConnection) -> None:
    say(link, expiring("m", {"expire_after": 60}), topic="script/config")
    say(link, spoken("room"), topic="script/state")
    room = device("room")
    room.silence_after = 300
    devices.save_device(room, ["silence_after"])
    say(link, spoken("room", 2.0), topic="script/state", at=10)
    listening(link)
    check_offline(moment(NOW + 300))
    assert device("room").status == "online"
    check_offline(moment(NOW + 311))
    assert device("room").status == "offline"


def test_home_assistants_expire_after_is_the_limit_of_the_device_that_it_describes(
    link: MqttConnection,
) -> None:
    config = {"state_topic": "hall/th", "value_template": "{{ value_json.t }}", "expire_after": 90}
    sent = message(link, "homeassistant/sensor/hall/config", config, retain=True)
    pipeline.store(batch(sent), NOW)
    pipeline.store(batch(message(link, "hall/th", {"t": 21.5})), NOW)
    assert Device.objects.get().described_silence == 90
