"""JSON at its limits, and each choice between keys by table."""

import json

import pytest

from mqtt_app.domain.facts import ParseError
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.json_objects import device_of_topic, take_time
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


# JSON: times


@pytest.mark.parametrize(
    ("record", "time", "keys"),
    [
        ({"ts": 1_700_000_001, "timestamp": 1_700_000_002}, 1_700_000_001.0, {"ts", "timestamp"}),
        ({"timestamp": 1_700_000_002, "ts": 1_700_000_001}, 1_700_000_001.0, {"ts", "timestamp"}),
        ({"t": 1_700_000_001, "time": 1_700_000_002}, 1_700_000_002.0, {"t", "time"}),
        ({"time": 1_700_000_001, "Time": 1_700_000_002}, 1_700_000_002.0, {"time", "Time"}),
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
def test_which_of_the_keys_for_a_time_counts(record, time, keys):
    assert take_time(record) == (time, keys)


def test_a_number_that_no_calendar_holds_is_named():
    assert "'ts'" in str(error("json", "a", {"ts": 10**20}))
    assert "'timestamp'" in str(error("json", "a", {"timestamp": -(10**20), "v": 1}))


def test_a_time_is_no_reading_and_a_duration_is_one():
    assert values("json", "a", {"time": 86, "v": 1}) == {"time": 86.0, "v": 1.0}
    assert values("json", "a", {"time": 1_700_000_000, "v": 1}) == {"v": 1.0}


def test_values_are_taken_out_of_their_wrapper_beside_a_time_only():
    assert values("json", "a", {"ts": 1_700_000_000_000, "values": {"v": 1}, "w": 2}) == {
        "v": 1.0,
        "w": 2.0,
    }
    assert values("json", "a", {"values": {"v": 1}}) == {"values.v": 1.0}
    assert values("json", "a", {"ts": 1_700_000_000_000, "values": [1]}) == {"values.0": 1.0}


# JSON: devices and shapes


@pytest.mark.parametrize(
    ("record", "device"),
    [
        ({"deviceId": "b", "device_id": "a", "v": 1}, "a"),
        ({"dev_id": "d", "device": "c", "v": 1}, "c"),
        ({"device": "c", "deviceId": "b", "v": 1}, "b"),
        ({"dev_id": " d ", "v": 1}, "d"),
        ({"device_id": " ", "device": "c", "v": 1}, "c"),
        ({"device_id": 7, "v": 1}, "plant"),
        ({"v": 1}, "plant"),
    ],
)
def test_which_of_the_keys_for_a_device_counts(record, device):
    assert {fact.device for fact in facts("json", "plant/state", record)} == {device}


def test_the_key_that_names_the_device_is_no_reading_and_the_others_are():
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
        ("a/", "a"),
        ("/a/json", "a"),
        ("data/a", "data/a"),
        ("/", "/"),
        ("//", "//"),
        ("a/b/values", "a/b"),
        ("state/data", "state"),
    ],
)
def test_the_device_is_the_topic_without_what_only_says_its_kind(topic, device):
    assert device_of_topic(topic) == device


def test_each_object_of_an_array_is_a_record_and_any_other_array_is_one():
    assert values("json", "a", [1, [2, {"x": 3}]]) == {"0": 1.0, "1.0": 2.0, "1.1.x": 3.0}
    assert values("json", "a", [{"v": 1}, 5]) == {"v": 1.0, "1": 5.0}
    assert values("json", "a", {"": 1, "b": {"": 2}, "n": None}) == {"_": 1.0, "b._": 2.0}


@pytest.mark.parametrize(("count", "fits"), [(5_000, True), (5_001, False)])
def test_a_message_may_hold_five_thousand_values(count, fits):
    payload = json.dumps([{"v": 1}] * count).encode()
    if fits:
        assert len(facts("json", "a", payload)) == count
    else:
        assert "5,000" in str(error("json", "a", payload))


@pytest.mark.parametrize(("depth", "fits"), [(32, True), (33, False)])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_may_be_nested_thirty_two_levels_deep(depth, fits, opening, closing):
    payload = (opening * depth + "1" + closing * depth).encode()
    if fits:
        assert list(values("json", "a", payload).values()) == [1.0]
    else:
        assert "32 levels" in str(error("json", "a", payload))


@pytest.mark.parametrize(("depth", "fits"), [(32, True), (33, False)])
def test_brackets_beside_the_deepest_ones_make_nothing_deeper(depth, fits):
    payload = b"[" * depth + b"1" + b"]" * (depth - 1) + b",[2]]"
    if fits:
        assert list(values("json", "a", payload).values()) == [1.0, 2.0]
    else:
        assert "32 levels" in str(error("json", "a", payload))


def test_many_brackets_side_by_side_or_in_strings_are_no_depth():
    assert len(values("json", "a", b"[" + b",".join([b"[1]"] * 40) + b"]")) == 40
    assert (
        values("json", "a", b'{"a": "' + b"[" * 40 + b'", "b": "\\"' + b"{" * 40 + b'"}')["a"]
        == "[" * 40
    )


@pytest.mark.parametrize(("size", "fits"), [(1_048_576, True), (1_048_577, False)])
def test_a_payload_may_be_a_megabyte(size, fits):
    payload = b'{"v":1}' + b" " * (size - 7)
    if fits:
        assert values("json", "a", payload) == {"v": 1.0}
    else:
        assert "1,048,577 bytes" in str(error("json", "a", payload))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("123456789012345", 123_456_789_012_345.0),
        ("1234567890123456", "1234567890123456"),
        ("1234567890.123456", 1_234_567_890.123456),
        ("-12345678901234567", -12_345_678_901_234_567.0),
        ("-5", -5.0),
        ("1e3", 1_000.0),
        ("007", "007"),
        ("1.", "1."),
        ("+1", "+1"),
        ("x" * 4096, "x" * 4096),
    ],
)
def test_which_strings_are_numbers(text, value):
    assert values("json", "a", {"v": text}) == {"v": value}


@pytest.mark.parametrize(
    ("payload", "kind", "says"),
    [
        (b"", "VALIDATION_ERROR", "empty"),
        (b"  ", "VALIDATION_ERROR", "empty"),
        (b"5", "VALIDATION_ERROR", "single"),
        (json.dumps({"v": "x" * 4097}).encode(), "VALIDATION_ERROR", "4,097"),
        (b'{"v": 1e400}', "VALIDATION_ERROR", "too large"),
        (b'{"v": "1e400"}', "VALIDATION_ERROR", "too large"),
        (b'{"v": "a\\u0000"}', "VALIDATION_ERROR", "NUL"),
        (b'{"v": 1', "PARSE_ERROR", "breaks off after 7 bytes"),
        (b'{"v": NaN}', "PARSE_ERROR", "NaN and Infinity are no JSON numbers (byte 6)"),
        (b'{"v": -Infinity}', "PARSE_ERROR", "byte"),
        (b'{"v": "\xff"}', "PARSE_ERROR", "0xff"),
        (b'{"v": "\\ud800"}', "PARSE_ERROR", "surrogate"),
        (b'{"v" 1}', "PARSE_ERROR", "broken JSON: "),
    ],
)
def test_what_is_wrong_with_json_is_said(payload, kind, says):
    found = error("json", "a", payload)
    assert (str(found.kind), says in str(found)) == (kind, True), found
