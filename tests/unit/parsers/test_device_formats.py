"""How sure the general parsers are of a topic, and what single values say, by table."""

import json

import pytest

from mqtt_app.domain.facts import ParseError
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


# Confidence


@pytest.mark.parametrize(
    ("name", "topic", "sample", "confidence"),
    [
        ("json", "a", b'{"a":1}', 0.4),
        ("json", "a", b" [1]", 0.4),
        ("json", "a", b"\xef\xbb\xbf{", 0.4),
        ("json", "a", b"5", 0.0),
        ("json", "a", b"", 0.0),
        ("scalar", "a", b"21.5 C", 0.5),
        ("scalar", "a", b"ON", 0.5),
        ("scalar", "a", b"text", 0.2),
        ("scalar", "a", b"", 0.15),
        ("scalar", "a", b"{}", 0.0),
        ("scalar", "a", b"[1]", 0.0),
        ("scalar", "a", b"\xff", 0.0),
        ("scalar", "a", b"x" * 256, 0.2),
        ("scalar", "a", b"x" * 257, 0.0),
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
        (b"-3e2 mV", -300.0),
        (b"5%", 5.0),
        (b"1.", 1.0),
        (b"1" * 40, float("1" * 40)),
        (b"TRUE", True),
        (b"Off", False),
        (b"yes", True),
        (b"no", False),
        (b"Closed", False),
        (b"open", True),
        (b"online", "online"),
        (b'"on"', True),
        (b'""', '""'),
        (b'"a"', "a"),
        (b"1.2.3", "1.2.3"),
        (b"192.168.0.1", "192.168.0.1"),
        (b"x" * 256, "x" * 256),
        (b"21 abcdefgh", 21.0),
        (b"21 abcdefghi", "21 abcdefghi"),
        (b"12:30", "12:30"),
    ],
)
def test_the_value_of_a_payload(payload, value):
    assert values("scalar", "hall/a", payload) == {"a": value}


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", "VALIDATION_ERROR"),
        (b"21,5", "VALIDATION_ERROR"),
        (b"1_000", "VALIDATION_ERROR"),
        (b"1" * 41, "VALIDATION_ERROR"),
        (b"-", "VALIDATION_ERROR"),
        (b"NaN", "VALIDATION_ERROR"),
        (b"none", "VALIDATION_ERROR"),
        (b"1.2", ""),
        (b"{1}", "PARSE_ERROR"),
        (b"[1]", "PARSE_ERROR"),
        (b"x" * 257, "PARSE_ERROR"),
        (b"\xff", "PARSE_ERROR"),
        (b"a\x07", "PARSE_ERROR"),
        (b"1e400", "VALIDATION_ERROR"),
    ],
)
def test_what_is_no_value(payload, kind):
    if not kind:
        assert values("scalar", "a", payload) == {"value": 1.2}
        return
    assert str(error("scalar", "a", payload).kind) == kind


@pytest.mark.parametrize(
    ("topic", "device", "metric"),
    [
        ("a/b/c", "a/b", "c"),
        ("/a/b/", "a", "b"),
        ("a", "a", "value"),
        ("/", "/", "value"),
        ("//a", "a", "value"),
    ],
)
def test_device_and_metric_of_a_topic(topic, device, metric):
    (found,) = facts("scalar", topic, b"1")
    assert (found.device, found.metric) == (device, metric)
