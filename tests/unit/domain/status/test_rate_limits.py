"""Rates at the limits of their window."""

from mqtt_app.domain.status.rates import Rates


def test_a_rate_is_per_second_over_the_last_ten_seconds() -> None:
    rates = Rates()
    assert rates.rate(1, 0, 0.0) == 0.0
    assert rates.rate(1, 30, 10.0) == 3.0
    assert rates.rate(1, 130, 20.0) == 10.0
    assert rates.rate(1, 131, 22.0) == 8.42, "over the last 12 s, because nobody looked 10 s ago"


def test_a_rate_after_a_long_silence_counts_ten_seconds_at_most() -> None:
    rates = Rates()
    rates.rate(1, 5, 0.0)
    assert rates.rate(1, 5, 1_000.0) == 0.0
    assert rates.rate(1, 25, 1_000.0) == 2.0


def test_a_rate_of_two_looks_at_the_same_moment_is_none() -> None:
    rates = Rates()
    rates.rate(1, 1, 5.0)
    assert rates.rate(1, 2, 5.0) == 0.0
    assert rates.rate(1, 2, 5.0) == 0.0


def test_rates_come_to_two_places() -> None:
    rates = Rates()
    rates.rate(1, 0, 0.0)
    assert rates.rate(1, 1, 3.0) == 0.33
