"""How sure the general parsers are of a topic, and what single values say, by table."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from mqtt_app.domain.facts import Fact, FieldProblem, ParseError, ReadingFact, Remark
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.built_in import built_ins
from mqtt_app.parsers.registry import run
from tests.narrowing import kind_of, readings

NOW = 1_700_000_000.0
PARSERS = {parser.name: parser for parser in built_ins()}


def facts(name: str, topic: str, payload: object) -> Sequence[Fact]:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return run(PARSERS[name], Message(topic, raw, NOW))


def values(name: str, topic: str, payload: object) -> dict[str, Any]:
    """{metric: value} of what is read."""
    return {fact.metric: fact.value for fact in readings(facts(name, topic, payload))}


def error(name: str, topic: str, payload: object) -> ParseError:
    with pytest.raises(ParseError) as caught:
        facts(name, topic, payload)
    return caught.value


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
    ],
)
def test_how_sure_each_parser_is(name: str, topic: str, sample: bytes, confidence: float) -> None:
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
def test_the_value_of_a_payload(payload: bytes, value: bool | float | str) -> None:
    assert values("scalar", "hall/a", payload) == {"a": value}


@pytest.mark.parametrize(
    "payload", [b"{1}", b"[1]", b"x" * 257, b"\xff", b"a\x07", b"\x01\x02", b"a\x00b"]
)
def test_what_is_no_single_value(payload: object) -> None:
    assert str(error("scalar", "a", payload).kind) == "PARSE_ERROR"


@pytest.mark.parametrize("payload", [b"", b" \r\n", b"\x00", b"-", b"null", b"None", b'""'])
def test_what_says_nothing_is_no_reading_and_no_error(payload: object) -> None:
    assert facts("scalar", "a", payload) == []


@pytest.mark.parametrize(
    ("payload", "value", "unit"), [(b"21.5 \xb0C", 21.5, "°C"), (b"K\xfcche", "Küche", "")]
)
def test_text_in_windows_1252_is_read_and_said(
    payload: bytes, value: float | str, unit: str
) -> None:
    first, second = facts("scalar", "hall/a", payload)
    found, remark = kind_of(ReadingFact, first), kind_of(Remark, second)
    assert (found.value, found.unit, "1252" in remark.text) == (value, unit, True)


@pytest.mark.parametrize("payload", [b"NaN", b"-nan", b"inf", b"1.5e400"])
def test_a_number_that_is_none_is_named(payload: object) -> None:
    (found,) = facts("scalar", "hall/a", payload)
    assert kind_of(FieldProblem, found).field == "a"


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
def test_device_and_metric_of_a_topic(topic: str, device: str, metric: str) -> None:
    (found,) = readings(facts("scalar", topic, b"1"))
    assert (found.device, found.metric) == (device, metric)
