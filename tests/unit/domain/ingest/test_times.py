from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.ingest.times import is_plausible, looks_like_time, parse_time

NOW = 1_700_000_000.0


@pytest.mark.parametrize("scale", [1, 10**3, 10**6, 10**9])
@given(seconds=st.integers(1_000_000_000, 4_000_000_000))
def test_units_are_told_by_magnitude(scale: int, seconds: int) -> None:
    assert parse_time(seconds * scale) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0.0),
        (-1, -1.0),
        ("1700000000", NOW),
        ("1700000000.5", NOW + 0.5),
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14 22:13:20.000+00:00", NOW),
        ("2023-11-14T23:13:20+01:00", NOW),
        (9_223_372_036, 9_223_372_036.0),
        ("2023-11-14T22:13:20", None),
        ("2023-13-14T22:13:20Z", None),
        ("soon", None),
        ("", None),
        (True, None),
        (None, None),
        ([], None),
        (1e30, None),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        ("٣", None),
        ("2023-11-14 23:13:20 +0100", NOW),
        ("2023-11-14 22:13:20 UTC", NOW),
        ("2023/11/14 22:13:20Z", NOW),
        ("20231114T221320Z", NOW),
        ("2023-11-14T22:13:20.5000001Z", NOW + 0.5),
        ("Tue, 14 Nov 2023 22:13:20 GMT", NOW),
        ("14 Nov 2023 22:13:20 +0000", NOW),
        ("Tue Nov 14 22:13:20 UTC 2023", NOW),
        ("14.11.2023 22:13:20 UTC", NOW),
        ("/Date(1700000000000)/", NOW),
        ("/Date(1700000000000+0100)/", NOW),
        ({"seconds": 1_700_000_000, "nanos": 500_000_000}, NOW + 0.5),
        ({"seconds": "1700000000"}, NOW),
        ({"$date": "2023-11-14T22:13:20Z"}, NOW),
        ({"$date": 1_700_000_000_000}, NOW),
        ({"$date": {"$numberLong": "1700000000000"}}, NOW),
        ({"$date": 10**400}, None),
        ({"seconds": float("nan")}, None),
        ({"seconds": True}, None),
        ({}, None),
        ("Tue, 14 Foo 2023 22:13:20 GMT", None),
        ("14.13.2023 22:13:20 UTC", None),
    ],
)
def test_times_of_many_forms(value: object, expected: float | None) -> None:
    assert parse_time(value) == expected


@pytest.mark.parametrize(
    "local",
    [
        "2023-11-14T22:13:20",
        "2023-11-14 22:13:20",
        "2023/11/14 22:13:20",
        "2023.11.14 22:13:20",
        "14.11.2023 22:13:20",
        "Tue Nov 14 22:13:20 2023",
        "20231114221320",
        20231114221320,
        "231114221320",
        231114221320,
    ],
)
def test_a_local_time_is_believed_only_with_the_zone_of_the_site(local: int | str) -> None:
    assert parse_time(local) is None
    assert parse_time(local, "No/Where") is None
    assert parse_time(local, "../../etc/passwd") is None
    assert parse_time(local, "Europe/Berlin") == NOW - 3600
    assert parse_time(local, "UTC") == NOW


@given(
    st.integers()
    | st.floats()
    | st.text()
    | st.datetimes().map(lambda time: time.isoformat() + "Z")
)
def test_every_time_is_one_that_a_calendar_holds(value: float | str) -> None:
    time = parse_time(value)
    assert time is None or datetime.fromtimestamp(time, UTC)


@pytest.mark.parametrize(
    "digits",
    ["231314221320", "231132221320", "231114251320", "991231235959", "171717171717", "23111422132"],
)
def test_digits_that_no_clock_shows_are_no_compact_time(digits: str) -> None:
    assert parse_time(digits, "UTC") != NOW
    assert parse_time(int(digits), "UTC") == parse_time(digits, "UTC")


def test_a_short_compact_time_is_not_taken_for_milliseconds_of_today() -> None:
    assert parse_time(1_700_000_000_000) == NOW
    assert parse_time("240229120000", "UTC") == datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp()
    assert parse_time("230229120000", "UTC") is None


def test_a_local_time_is_recognised_though_not_believed() -> None:
    assert looks_like_time("2023-11-14T22:13:20")
    assert not looks_like_time("2023")


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (NOW, True),
        (NOW + 14 * 3600, True),
        (NOW + 25 * 3600, False),
        (NOW - 9 * 366 * 86400, True),
        (0.0, False),
        (946_684_800.0, False),
        (9_223_372_036.0, False),
    ],
)
def test_only_clocks_near_our_own_are_believed(time: float, expected: bool) -> None:
    assert is_plausible(time, NOW) is expected
