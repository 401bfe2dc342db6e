"""What is asked of a broker by what it allows, in what words, and which address comes first."""

import pytest

from mqtt_app.domain.link.answers.askable import is_aws, rules_for
from mqtt_app.domain.link.answers.broker_words import broker_words, plain, quoted
from mqtt_app.domain.link.answers.capabilities import BrokerCapabilities, sentence
from mqtt_app.domain.link.answers.reason_codes import REASON_CODES, RETURN_CODES, SUBACK_REFUSALS
from mqtt_app.domain.link.resolved import ipv6_first, patience_for
from mqtt_app.domain.link.stages import Stage, slow
from mqtt_app.domain.link.trouble.filter_trials import FilterTrials

CONNACK = "80 81 82 83 84 85 86 87 88 89 8A 8C 90 95 97 99 9A 9B 9C 9D 9F"
DISCONNECT = "00 80 81 82 83 87 89 8B 8D 8E 8F 90 93 94 95 96 97 98 99 9A 9B 9C 9D 9E 9F A0 A1 A2"
SUBACK = "80 83 87 8F 91 97 9E A1 A2"


def codes(text: str) -> set[int]:
    return {int(code, 16) for code in text.split()}


def test_every_code_of_the_specification_has_its_words() -> None:
    assert codes(CONNACK) | codes(DISCONNECT) <= REASON_CODES.keys()
    assert codes(SUBACK) <= SUBACK_REFUSALS.keys()
    assert RETURN_CODES.keys() == {1, 2, 3, 4, 5}
    assert all(found.words.endswith(".") for found in REASON_CODES.values())


@pytest.mark.parametrize(
    ("allows", "name", "code"),
    [
        (BrokerCapabilities(wildcards=False), "a/#", 0xA2),
        (BrokerCapabilities(wildcards=False), "a/+", 0xA2),
        (BrokerCapabilities(shared=False), "$share/g/a", 0x9E),
        (BrokerCapabilities(maximum_packet_size=20), "12345", 0x95),
    ],
)
def test_what_a_broker_has_not_is_not_asked_for(
    allows: BrokerCapabilities, name: str, code: int
) -> None:
    rules = rules_for([name, "a"], allows, FilterTrials(), "broker.example", 0.0)
    assert {name: found.code for name, found in rules.left_out.items()} == {name: code}


@pytest.mark.parametrize(
    ("host", "is_so"),
    [
        ("a1-ats.iot.eu-west-1.amazonaws.com", True),
        ("A1.IOT.us-east-1.AMAZONAWS.COM", True),
        ("a1.iot.cn-north-1.amazonaws.com.cn", True),
        ("iot.example.com", False),
        ("a.iot.eu-west-1.amazonaws.com.evil.example", False),
    ],
)
def test_aws_is_asked_for_eight_filters_at_a_time(host: str, is_so: bool) -> None:
    assert is_aws(host) is is_so
    rules = rules_for([], BrokerCapabilities(), FilterTrials(), host, 0.0)
    assert rules.per_packet == (8 if is_so else 100)


def test_words_are_short_and_on_one_line() -> None:
    assert plain("a\r\n\tb\x00c\u202ed", 80) == "a b c d"
    assert plain("x" * 81, 80) == "x" * 79 + "\u2026"
    assert plain("x" * 80, 80) == "x" * 80
    assert quoted(broker_words("", [])) == ""
    assert quoted(broker_words("no", [("a", "b")] * 9)).count("[a: b]") == 4


def test_the_issue_of_limits_is_one_sentence() -> None:
    allows = BrokerCapabilities(
        protocol="5", maximum_qos=1, retain=False, keepalive=60, asked_keepalive=30
    )
    expected = "this broker allows: QoS 1, no retained messages, keep alive 60 s (asked 30)"
    assert sentence(allows) == expected
    assert sentence(BrokerCapabilities()) == ""


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage])
def test_a_stage_is_named_from_five_seconds_on(stage: Stage) -> None:
    assert slow(stage, 4.9) == ""
    assert "since 5 s: " in slow(stage, 5.0)
    assert slow("", 60.0) == ""


def test_ipv6_comes_first_and_each_kind_soon() -> None:
    found = [(0, 0, 0, "", (host, 1)) for host in ("1.1.1.1", "2.2.2.2", "::1", "::2", "::3")]
    order = [answer[4][0] for answer in ipv6_first(found)]
    assert order == ["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"]
    assert (patience_for(10.0, 1), patience_for(10.0, 3), patience_for(10.0, 50)) == (
        10.0,
        5.0,
        2.0,
    )
