"""JSON of no known family: its times and its devices, by table."""

import json
from typing import Any

import pytest

from mqtt_app.domain.facts import DeviceDescription, ReadingFact
from mqtt_app.domain.word_lists import words
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.generic.record_times import take_time
from mqtt_app.parsers.generic.topic_roles import device_of_topic
from mqtt_app.parsers.registry import run
from tests.narrowing import readings
from tests.unit.parsers.read_messages import NOW, PARSERS, facts, problems, values

# JSON: times


@pytest.mark.parametrize(
    ("record", "time", "keys"),
    [
        ({"ts": 1_700_000_001, "timestamp": 1_700_000_002}, 1_700_000_001.0, {"ts", "timestamp"}),
        ({"timestamp": 1_700_000_002, "ts": 1_700_000_001}, 1_700_000_001.0, {"ts", "timestamp"}),
        ({"t": 1_700_000_001, "time": 1_700_000_002}, 1_700_000_002.0, {"t", "time"}),
        ({"time": 1_700_000_001, "Time": 1_700_000_002}, 1_700_000_001.0, {"time", "Time"}),
        (
            {"received_at": 1_700_000_001, "datetime": 1_700_000_002},
            1_700_000_002.0,
            {"received_at", "datetime"},
        ),
        (
            {"UtcTime": 1_700_000_001, "datetime": 1_700_000_002},
            1_700_000_001.0,
            {"UtcTime", "datetime"},
        ),
        ({"ts": "not a time", "timestamp": 1_700_000_002}, 1_700_000_002.0, {"timestamp"}),
        ({"ts": "2023-11-14T22:13:20", "t": 1_700_000_002}, 1_700_000_002.0, {"ts", "t"}),
        ({"ts": True, "time": 1_700_000_002}, 1_700_000_002.0, {"time"}),
        ({"ts": None}, None, set()),
        ({"ts": [1]}, None, set()),
        ({"value": 1_700_000_002}, None, set()),
        ({"ts": 5}, 5.0, {"ts"}),
        ({"ts": 0}, 0.0, {"ts"}),
        ({"t": 99_999_999}, None, set()),
        ({"t": 100_000_000}, 1e8, {"t"}),
        ({"time": 99_999_999.5}, None, set()),
        ({"time": 100_000_000}, 1e8, {"time"}),
        ({"t": -100_000_000}, -1e8, {"t"}),
        ({"t": -99_999_999}, None, set()),
        ({"t": "100000000"}, 1e8, {"t"}),
        ({"t": "99999999"}, None, set()),
        ({"ts": "5"}, 5.0, {"ts"}),
    ],
)
def test_which_of_the_keys_for_a_time_counts(
    record: dict[str, Any], time: float | None, keys: set[str]
) -> None:
    found = take_time(record)
    assert (found.time, set(found.keys)) == (time, keys)


@pytest.mark.parametrize("key", ["ts", "timestamp", "TimeStamp", "measured_at", "t"])
@pytest.mark.parametrize("time", [10**20, -(10**20), 1e30, 10**300])
def test_a_number_that_no_calendar_holds_costs_the_time_and_is_named(key: str, time: float) -> None:
    assert list(problems("json", "a", {key: time, "v": 1})) == [key]
    assert values("json", "a", {key: time, "v": 1}) == {"v": 1.0}


TIME_KEYS = words(
    "ts tst TS Timestamp timeStamp time_stamp time-stamp measured_at measuredAt recorded_at UtcTime"
    " dateTime date_time unixtime epoch created_at sent_at eventTime device_time rtc Time t"
)


@pytest.mark.parametrize("key", TIME_KEYS)
@pytest.mark.parametrize(
    "time",
    [
        1_700_000_000,
        1_700_000_000_000,
        1_700_000_000_000_000,
        1_700_000_000_000_000_000,
        "1700000000",
        "2023-11-14T22:13:20Z",
        "2023-11-14T23:13:20+01:00",
        "2023-11-14 23:13:20 +0100",
        "2023-11-14 22:13:20 UTC",
        "Tue, 14 Nov 2023 22:13:20 GMT",
        "/Date(1700000000000)/",
        {"seconds": 1_700_000_000, "nanos": 0},
        {"$date": "2023-11-14T22:13:20Z"},
    ],
)
def test_every_form_of_time_under_every_key_for_one(
    key: str, time: dict[str, int | str] | int | str
) -> None:
    for record in ({key: time, "v": 1.5}, {"params": {key: time, "v": 1.5}}):
        (found,) = readings(facts("json", "a", record))
        assert (found.time, found.value) == (NOW, 1.5)


def test_a_local_time_is_believed_with_the_zone_of_the_site_only() -> None:
    for record in ({"Time": "2023-11-14T23:13:20"}, {"date": "2023-11-14", "time": "23:13:20"}):
        raw = json.dumps(record | {"v": 1}).encode()
        (unbelieved,) = readings(run(PARSERS["json"], Message("a", raw, NOW)))
        message = Message("a", raw, NOW, time_zone="Europe/Berlin")
        (believed,) = readings(run(PARSERS["json"], message))
        assert (unbelieved.time, believed.time) == (None, NOW)


def test_a_time_is_no_reading_and_a_duration_is_one() -> None:
    assert values("json", "a", {"time": 86, "v": 1}) == {"time": 86.0, "v": 1.0}
    assert values("json", "a", {"time": 1_700_000_000, "v": 1}) == {"v": 1.0}


def test_values_are_taken_out_of_their_wrapper_beside_a_time_only() -> None:
    assert values("json", "a", {"ts": 1_700_000_000_000, "values": {"v": 1}, "w": 2}) == {
        "v": 1.0,
        "w": 2.0,
    }
    assert values("json", "a", {"values": {"v": 1}}) == {"values.v": 1.0}
    assert values("json", "a", {"ts": 1_700_000_000_000, "values": [1]}) == {"values": 1.0}


# JSON: devices and shapes


@pytest.mark.parametrize(
    ("record", "device"),
    [
        ({"device": "c", "device_id": "a", "v": 1}, "plant/a"),
        ({"device": "c", "deviceId": "b", "v": 1}, "plant/b"),
        ({"dev_id": " d ", "v": 1}, "plant/d"),
        ({"device_id": " ", "device": "c", "v": 1}, "plant/c"),
        ({"device_id": 7, "v": 1}, "plant/7"),
        ({"device_id": "a/b", "v": 1}, "plant/a_b"),
        ({"device_id": "Plant", "v": 1}, "plant"),
        ({"device": "ESP32", "v": 1}, "plant"),
        ({"device": "BME280", "v": 1}, "plant"),
        ({"device": "temperature sensor", "v": 1}, "plant"),
        ({"sensor": "DHT22", "v": 1}, "plant"),
        ({"model": "ESP32", "location": "hall", "v": 1}, "plant"),
        ({"device": True, "v": 1}, "plant"),
        ({"mac": "a4c138112233", "v": 1}, "A4:C1:38:11:22:33"),
        ({"MAC": "A4-C1-38-11-22-33", "device_id": 1, "v": 1}, "A4:C1:38:11:22:33"),
        ({"id": "a4:c1:38:11:22:33", "v": 1}, "A4:C1:38:11:22:33"),
        ({"id": "a4c138112233", "v": 1}, "plant"),
        ({"id": 12, "v": 1}, "plant"),
        ({"devEui": "A8-40-41-FF-FF-12-34-56", "v": 1}, "a84041ffff123456"),
        ({"ieeeAddr": "0x00158d0001a2b3c4", "v": 1}, "00158d0001a2b3c4"),
        ({"imei": "356938035643809", "v": 1}, "356938035643809"),
        ({"serial": "AB123456", "v": 1}, "AB123456"),
        ({"serial": "L", "v": 1}, "plant/L"),
        ({"v": 1}, "plant"),
    ],
)
def test_which_of_the_keys_for_a_device_counts(record: dict[str, Any], device: str) -> None:
    found = facts("json", "plant/state", record)
    named = [fact for fact in found if isinstance(fact, (ReadingFact, DeviceDescription))]
    assert len(named) == len(found)
    assert {fact.device for fact in named} == {device}


def test_the_key_that_names_the_device_is_no_reading_and_the_others_are() -> None:
    assert values("json", "a", {"device_id": "x", "device": "y", "v": 1}) == {
        "device": "y",
        "v": 1.0,
    }


@pytest.mark.parametrize(
    ("topic", "device"),
    [
        ("a/b", "a/b"),
        ("a/STATE", "a"),
        ("a/telemetry/up", "a"),
        ("state", "state"),
        ("a/", "a/"),
        ("/a/json", "/a"),
        ("data/a", "data/a"),
        ("/", "/"),
        ("//", "//"),
        ("a//b", "a//b"),
        ("a//b/", "a//b/"),
        ("/state", "/state"),
        (" ", "␣"),
        ("a/ b ", "a/␣b␣"),
        ("a/b/values", "a/b"),
        ("state/data", "state"),
    ],
)
def test_the_device_is_the_topic_without_what_only_says_its_kind(topic: str, device: str) -> None:
    assert device_of_topic(topic) == device


def test_a_long_topic_makes_a_device_of_its_own() -> None:
    long = device_of_topic("x" * 600 + "/a")
    assert len(long) == 512
    assert long != device_of_topic("x" * 600 + "/b")
    assert device_of_topic("x" * 512) == "x" * 512


def test_one_identifier_on_two_topics_is_two_devices_and_two_on_one_topic_are_two() -> None:
    devices = {
        fact.device
        for topic in ("plant/a", "plant/b")
        for number in (1, 2)
        for fact in readings(facts("json", topic, {"device_id": number, "v": 1}))
    }
    assert devices == {"plant/a/1", "plant/a/2", "plant/b/1", "plant/b/2"}


def test_an_address_is_one_device_on_whatever_topic() -> None:
    for topic in ("gateway1/ble", "gateway2/ble"):
        (found,) = readings(facts("json", topic, {"mac": "A4:C1:38:11:22:33", "v": 1}))
        assert found.device == "A4:C1:38:11:22:33"


def test_an_identifier_that_the_topic_has_is_the_device_of_all_topics_below_it() -> None:
    topics = ("devices/th-1/temp", "devices/th-1/hum", "devices/th-1/telemetry", "devices/th-1")
    for topic in topics:
        (found,) = readings(facts("json", topic, {"device_id": "TH-1", "v": 1}))
        assert found.device == "devices/th-1"
