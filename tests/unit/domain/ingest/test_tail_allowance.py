"""A tail is shown as much as a browser bears."""

from mqtt_app.domain.ingest.tail_allowance import A_SECOND, MOST, TailAllowance

NOW = 1_790_000_000.25


def test_a_second_has_a_bounded_number_and_the_next_begins_anew() -> None:
    allowance = TailAllowance()
    assert allowance.take("a", A_SECOND - 5, NOW) == A_SECOND - 5
    assert allowance.take("a", 50, NOW + 0.5) == 5
    assert allowance.take("a", 50, NOW + 0.6) == 0
    assert allowance.take("a", 3, NOW + 1) == 3


def test_tails_do_not_use_up_each_other() -> None:
    allowance = TailAllowance()
    allowance.take("a", 1_000, NOW)
    assert allowance.take("b", 1_000, NOW) == A_SECOND


def test_what_is_remembered_is_bounded() -> None:
    allowance = TailAllowance()
    for number in range(MOST + 10):
        allowance.take(number, 1, NOW)
    assert len(allowance._used) <= MOST + 1
