from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.status.rates import WINDOW, Rates


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=60))
def test_a_rate_is_what_came_in_the_last_ten_seconds(arrivals: list[int]) -> None:
    rates, total = Rates(), 0
    for second, count in enumerate(arrivals):
        total += count
        rate = rates.rate(1, total, float(second))
    window = arrivals[1:][-int(WINDOW) :]
    assert rate == round(sum(window) / max(1, len(window)), 2)


def test_a_counter_that_begins_anew_is_no_negative_rate() -> None:
    rates = Rates()
    rates.rate(1, 500, 0.0)
    assert rates.rate(1, 3, 1.0) == 0.0
    assert rates.rate(1, 5, 2.0) == 2.0


def test_links_have_their_own_rates_and_are_forgotten_when_they_are_gone() -> None:
    rates = Rates()
    for link in (1, 2):
        rates.rate(link, 0, 0.0)
    assert (rates.rate(1, 10, 1.0), rates.rate(2, 0, 1.0)) == (10.0, 0.0)
    rates.keep({2})
    assert rates.rate(1, 30, 2.0) == 0.0


def test_after_a_silence_the_window_is_no_longer_than_it_should_be() -> None:
    rates, total = Rates(), 0
    for second, count in enumerate([0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]):
        total += count
        rate = rates.rate(1, total, float(second))
    assert rate == 0.2
