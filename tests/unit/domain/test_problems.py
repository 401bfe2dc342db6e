"""Which errors are the same problem, and when one is open."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from mqtt_app.domain.problems import (
    TREND_HOURS,
    expiry_sentence,
    hour_of,
    is_open,
    parsing_fingerprint,
    pattern_for,
    trend,
    without_values,
)

NOW = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("not JSON: Expecting value (char 12)", "not JSON: Expecting value (char 1,204)"),
        ("the payload is 1,048,577 bytes long", "the payload is 9 bytes long"),
        ("no key 'temp'", "no key 'hum'"),
        ('no key "temp"', 'no key ""'),
        ("device 70B3D57ED0000001 is unknown", "device 70b3d57ed00000ff is unknown"),
        ("-3.5 is below 0", "-12,75 is below 0"),
    ],
)
def test_words_that_differ_in_values_only_are_one_problem(left: str, right: str) -> None:
    assert parsing_fingerprint("json", "PARSE_ERROR", left) == parsing_fingerprint(
        "json", "PARSE_ERROR", right
    )
    assert re.match(pattern_for(left), right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("json", "PARSE_ERROR", "not JSON"), ("json", "PARSE_ERROR", "not CBOR")),
        (("json", "PARSE_ERROR", "not JSON"), ("tasmota", "PARSE_ERROR", "not JSON")),
        (("json", "PARSE_ERROR", "not JSON"), ("json", "VALIDATION_ERROR", "not JSON")),
        (("json", "PARSE_ERROR", "bad deadbeef"), ("json", "PARSE_ERROR", "bad facade")),
    ],
)
def test_other_words_another_parser_or_kind_are_another_problem(
    left: tuple[str, str, str], right: tuple[str, str, str]
) -> None:
    assert parsing_fingerprint(*left) != parsing_fingerprint(*right)


def test_a_pattern_reaches_no_other_words() -> None:
    pattern = pattern_for("no key 'temp' (of 3)")
    assert re.match(pattern, "no key 'hum' (of 12)")
    assert not re.match(pattern, "there is no key 'hum' (of 12)")
    assert not re.match(pattern, "no key Xhum (in 12)")


def test_very_long_words_are_cut_before_they_are_compared() -> None:
    assert without_values("x" * 10_000) == "x" * 300


def test_an_ignored_one_is_open_again_when_its_time_is_over() -> None:
    second = timedelta(seconds=1)
    assert is_open("open", None, NOW)
    assert not is_open("resolved", None, NOW)
    assert not is_open("ignored", None, NOW)
    assert not is_open("ignored", NOW + second, NOW)
    assert is_open("ignored", NOW, NOW)


def test_a_trend_is_of_the_last_two_days_and_ends_with_this_hour() -> None:
    last = hour_of(NOW)
    hours = {str(last): 7, str(last - TREND_HOURS + 1): 3, str(last - TREND_HOURS): 99}
    found = trend(hours, NOW)
    assert (len(found), found[-1], found[0], sum(found)) == (TREND_HOURS, 7, 3, 10)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=30, seconds=1), ""),
        (timedelta(days=30), "within 30 days"),
        (timedelta(days=7, seconds=1), "within 30 days"),
        (timedelta(days=7), "within 7 days"),
        (timedelta(days=1), "within 1 day,"),
        (timedelta(0), "has expired"),
        (-timedelta(days=400), "has expired"),
    ],
)
def test_the_end_of_a_certificate_is_told_at_30_7_and_1_days(left: timedelta, said: str) -> None:
    sentence = expiry_sentence("client certificate", NOW + left, NOW)
    assert said in sentence
    assert bool(sentence) == bool(said)
