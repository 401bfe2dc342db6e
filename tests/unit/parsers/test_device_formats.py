"""How sure each parser is of a topic, and what single values, Tasmota and Zigbee2MQTT say, by
table.
"""

import json

import pytest

from mqtt_app.domain.facts import Availability, FieldProblem, Liveness, ParseError, ReadingFact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.registry import built_ins, run

NOW = 1_700_000_000.0
PARSERS = {parser.name: parser for parser in built_ins()}


def facts(name, topic, payload):
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return run(PARSERS[name], Message(topic, raw, NOW))


def values(name, topic, payload):
    """{metric: value} of what is read."""
    return {fact.metric: fact.value for fact in facts(name, topic, payload)}


def error(name, topic, payload):
    with pytest.raises(ParseError) as caught:
        facts(name, topic, payload)
    return caught.value


def reading(**changes):
    return ReadingFact(**{"device": "d", "metric": "m", "value": 1.0} | changes)


# Confidence


@pytest.mark.parametrize(
    ("name", "topic", "sample", "confidence"),
    [
        ("json", "a", b'{"a":1}', 0.4),
        ("json", "a", b" [1]", 0.4),
        ("json", "a", b"\xef\xbb\xbf{", 0.4),
        ("json", "a", b'"{\\"a\\":1}"', 0.4),
        ("json", "a", '{"a":1}'.encode("utf-16"), 0.4),
        ("json", "a", b"5", 0.0),
        ("json", "a", b"", 0.0),
        ("scalar", "a", b"21.5 C", 0.5),
        ("scalar", "a", b"nan", 0.0),
        ("scalar", "a", b"null", 0.0),
        ("scalar", "a", b"ON", 0.5),
        ("scalar", "a", b"text", 0.2),
        ("scalar", "a", b"", 0.0),
        ("scalar", "a", b"{}", 0.0),
        ("scalar", "a", b"[1]", 0.0),
        ("scalar", "a", b"\xff", 0.0),
        ("scalar", "a", b"x" * 256, 0.2),
        ("scalar", "a", b"x" * 257, 0.0),
        ("tasmota", "tele/x/SENSOR", b"", 0.8),
        ("tasmota", "x/stat/POWER1", b"", 0.8),
        ("tasmota", "tele/x/LWT", b"", 0.8),
        ("tasmota", "stat/x/STATUS10", b"", 0.8),
        ("tasmota", "stat/x/STATUS100", b"", 0.0),
        ("tasmota", "stat/x/POWER100", b"", 0.0),
        ("tasmota", "tele/x/OTHER", b"", 0.0),
        ("tasmota", "tele/SENSOR", b"", 0.0),
        ("tasmota", "a/b/tele/SENSOR", b"", 0.0),
        ("tasmota", "tele//SENSOR", b"", 0.0),
        ("tasmota", "cmnd/x/POWER", b"", 0.8),
        ("tasmota", "a/b/SENSOR", b"", 0.0),
        ("zigbee2mqtt", "zigbee2mqtt/x", b"", 0.9),
        ("zigbee2mqtt", "zigbee2mqtt-2/x", b"", 0.9),
        ("zigbee2mqtt", "zigbee2mqtt", b"", 0.0),
        ("zigbee2mqtt", "zigbee2mqtt/", b"", 0.0),
        ("zigbee2mqtt", "zigbee/x", b"", 0.0),
    ],
)
def test_how_sure_each_parser_is(name, topic, sample, confidence):
    assert PARSERS[name].matches(topic, sample) == confidence


# Scalar


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"21.5", 21.5),
        (b" 21.5 \xc2\xb0C\n", 21.5),
        (b"-3.5e2 mV", -350.0),
        (b"5%", 5.0),
        (b"1.", "1."),
        (b"1" * 15, float("1" * 15)),
        (b"1" * 16, "1" * 16),
        (b"21,5", 21.5),
        (b"1_000", "1_000"),
        (b"260E1234", "260E1234"),
        (b"21.5\x00\x00", 21.5),
        (b"TRUE", True),
        (b"Off", False),
        (b"yes", "yes"),
        (b"no", "no"),
        (b"Closed", "Closed"),
        (b"online", "online"),
        (b'"on"', True),
        (b'"a"', "a"),
        (b"1.2.3", "1.2.3"),
        (b"192.168.0.1", "192.168.0.1"),
        (b"x" * 256, "x" * 256),
        (b"21 abcdefgh", "21 abcdefgh"),
        (b"12:30", "12:30"),
    ],
)
def test_the_value_of_a_payload(payload, value):
    assert values("scalar", "hall/a", payload) == {"a": value}


@pytest.mark.parametrize(
    "payload", [b"{1}", b"[1]", b"x" * 257, b"\xff", b"a\x07", b"\x01\x02", b"a\x00b"]
)
def test_what_is_no_single_value(payload):
    assert str(error("scalar", "a", payload).kind) == "PARSE_ERROR"


@pytest.mark.parametrize("payload", [b"", b" \r\n", b"\x00", b"-", b"null", b"None", b'""'])
def test_what_says_nothing_is_no_reading_and_no_error(payload):
    assert facts("scalar", "a", payload) == []


@pytest.mark.parametrize(
    ("payload", "value", "unit"), [(b"21.5 \xb0C", 21.5, "°C"), (b"K\xfcche", "Küche", "")]
)
def test_text_in_windows_1252_is_read_and_said(payload, value, unit):
    found, remark = facts("scalar", "hall/a", payload)
    assert (found.value, found.unit, "1252" in remark.text) == (value, unit, True)


@pytest.mark.parametrize("payload", [b"NaN", b"-nan", b"inf", b"1.5e400"])
def test_a_number_that_is_none_is_named(payload):
    (found,) = facts("scalar", "hall/a", payload)
    assert (type(found), found.field) == (FieldProblem, "a")


@pytest.mark.parametrize(
    ("topic", "device", "metric"),
    [
        ("a/b/c", "a/b", "c"),
        ("/a/b/", "/a/b/", "value"),
        ("a//b/", "a//b/", "value"),
        ("a//b", "a/", "b"),
        ("a/b", "a", "b"),
        ("a", "a", "value"),
        ("/a", "/a", "value"),
        ("/", "/", "value"),
        ("//", "//", "value"),
        (" ", "␣", "value"),
        ("a /b", "a␣", "b"),
        ("x" * 60 + "/y", "x" * 60, "y"),
    ],
)
def test_device_and_metric_of_a_topic(topic, device, metric):
    (found,) = facts("scalar", topic, b"1")
    assert (found.device, found.metric) == (device, metric)


# Tasmota and Zigbee2MQTT


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("cmnd/x/POWER", b"ON", []),
        ("tele/x/OTHER", b"{}", []),
        ("tele/a/b/LWT", b"Online ", [("a/b", True)]),
        ("x/tele/LWT", b"Offline", [("x", False)]),
        ("stat/x/POWER12", b"OFF", [("x", "POWER12", False)]),
        (
            "tele/x/SENSOR",
            {
                "Time": "2023-11-14T22:13:20",
                "TempUnit": "C",
                "PressureUnit": "hPa",
                "SpeedUnit": "m/s",
                "UptimeSec": 5,
                "AM": {"Temperature": 21},
            },
            [("x", "AM.Temperature", 21.0)],
        ),
        ("stat/x/STATUS8", {"StatusSNS": {"Time": "x", "A": 1}, "B": 2}, [("x", "A", 1.0)]),
        ("stat/x/STATUS", {"B": 2}, []),
        ("stat/x/RESULT", {"B": 2}, [("x", "B", 2.0)]),
        ("tele/x/STATE", {"B": 2}, [("x", "B", 2.0)]),
    ],
)
def test_what_tasmota_says(topic, payload, expected):
    found = facts("tasmota", topic, payload)
    said = [
        (fact.identifier, fact.online)
        if isinstance(fact, Availability)
        else (fact.device, fact.metric, fact.value)
        for fact in found
    ]
    assert said == expected
    assert all(not isinstance(fact, ReadingFact) or fact.time is None for fact in found)


@pytest.mark.parametrize(
    ("topic", "payload", "kind"),
    [
        ("tele/x/LWT", b"online", "VALIDATION_ERROR"),
        ("a/b/SENSOR", b"{}", "PARSE_ERROR"),
        ("tele/x/SENSOR", b"[]", "VALIDATION_ERROR"),
        ("stat/x/STATUS8", b'{"StatusSNS": 5}', "VALIDATION_ERROR"),
    ],
)
def test_what_tasmota_never_says(topic, payload, kind):
    assert str(error("tasmota", topic, payload).kind) == kind


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        (
            "zigbee2mqtt/bridge/state",
            b"offline",
            Availability(identifier="zigbee2mqtt", state=Liveness.OFFLINE, is_gateway=True),
        ),
        (
            "zigbee2mqtt/a/b/availability",
            {"state": "online"},
            Availability(identifier="a/b", state=Liveness.ONLINE, gateway="zigbee2mqtt"),
        ),
        (
            "zigbee2mqtt/availability",
            {"v": 1},
            reading(device="availability", metric="v", gateway="zigbee2mqtt"),
        ),
        ("zigbee2mqtt/set", {"v": 1}, reading(device="set", metric="v", gateway="zigbee2mqtt")),
        (
            "zigbee2mqtt/lamp",
            {
                "v": 1,
                "last_seen": 1_700_000_000_500,
                "device": {},
                "update": {"a": 1},
                "update_available": True,
            },
            reading(device="lamp", metric="v", time=1_700_000_000.5, gateway="zigbee2mqtt"),
        ),
        ("zigbee2mqtt/lamp/set", {"v": 1}, None),
        ("zigbee2mqtt/lamp/get", b"", None),
        ("zigbee2mqtt/lamp/get/state", b"", None),
        ("zigbee2mqtt/bridge", b"", None),
        ("zigbee2mqtt/bridge/logging", b"x", None),
        (
            "zigbee2mqtt/bridges",
            {"v": 1},
            reading(device="bridges", metric="v", gateway="zigbee2mqtt"),
        ),
    ],
)
def test_what_zigbee2mqtt_says(topic, payload, expected):
    assert list(facts("zigbee2mqtt", topic, payload)) == ([] if expected is None else [expected])


def test_names_of_zigbee_devices():
    listed = [
        {"friendly_name": "lamp", "definition": {"vendor": "V", "model": "M"}},
        {"friendly_name": "half", "definition": {"vendor": "V", "model": 5}},
        {"friendly_name": "bare", "definition": None},
        {"friendly_name": "hub", "type": "Coordinator"},
        {"friendly_name": ""},
        {"friendly_name": 5},
        7,
        {"friendly_name": "x" * 250},
    ]
    found = facts("zigbee2mqtt", "zigbee2mqtt/bridge/devices", listed)
    assert [(fact.device[:4], fact.name) for fact in found] == [
        ("lamp", "lamp (V M)"),
        ("half", "half (V)"),
        ("bare", "bare"),
        ("xxxx", "x" * 200),
    ]
    assert {fact.gateway for fact in found} == {"zigbee2mqtt"}
