"""Times of devices at each of their limits, and one beyond it."""

import pytest

from mqtt_app.domain.ingest import times


@pytest.mark.parametrize(
    ("number", "seconds"),
    [
        (99_999_999_999, 99_999_999_999.0),
        (100_000_000_000, 1e8),
        (99_999_999_999_999, 99_999_999_999.999),
        (10**14, 1e8),
        (10**17 - 1, 1e11),
        (10**17, 1e8),
        (10**20 - 1, 1e11),
        (10**20, None),
        (-100_000_000_000, -1e8),
        (-62_135_510_400, -62_135_510_400.0),
        (-62_135_510_401, None),
        ("12345678901234567890", 12_345_678_901.234568),
        ("123456789012345678901", None),
        ("1700000000.123456789012", 1_700_000_000.123456789),
        ("1700000000.1234567890123", None),
        ("+1700000000", 1_700_000_000.0),
        ("-1", -1.0),
        (False, None),
        (1, 1.0),
    ],
)
def test_the_unit_of_a_number_changes_at_its_magnitude(
    number: bool | int | str, seconds: float | None
) -> None:
    assert times.parse_time(number) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("9999-12-30T00:00:00Z", 253_402_128_000.0),
        ("9999-12-30T00:00:01Z", None),
        ("0001-01-02T00:00:00Z", -62_135_510_400.0),
        ("0001-01-01T23:59:59Z", None),
        ("20231114T221320Z", 1_700_000_000.0),
        ("2023-11-14T22:13Z", 1_699_999_980.0),
        ("2023-11-14T22:13:20.00000000000000+00:00", 1_700_000_000.0),
        ("2023-11-14T22:13:20.000000000000000+00:00", None),
        ("2023-11-14T22:13:20+0100", 1_699_996_400.0),
    ],
)
def test_the_first_and_the_last_moment_that_iso_can_name(text: str, seconds: float | None) -> None:
    assert times.parse_time(text) == seconds
    assert times.looks_like_time(text) is (len(text) <= 40)


@pytest.mark.parametrize(
    ("off", "plausible"),
    [(86_400.0, True), (86_401.0, False), (-315_576_000.0, True), (-315_576_001.0, False)],
)
def test_a_clock_is_believed_up_to_a_day_ahead_and_ten_years_behind(
    off: float, plausible: bool
) -> None:
    assert times.is_plausible(1_700_000_000.0 + off, 1_700_000_000.0) is plausible
