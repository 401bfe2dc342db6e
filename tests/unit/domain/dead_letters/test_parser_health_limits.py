"""When a parser is paused and resumed, at each of its limits."""

from mqtt_app.domain.dead_letters.parser_health import (
    Health,
    HealthRule,
    Window,
    extended,
    failing_everywhere,
    has_recovered,
    is_open,
    judged,
    passes,
    takes_part,
)


def window(parsed: int, failed: int) -> Window:
    return Window(0.0, parsed, failed)


def test_more_than_half_of_two_hundred_is_failing() -> None:
    table = {
        (99, 100): "undecided",
        (100, 100): "working",
        (99, 101): "failing",
        (0, 199): "undecided",
        (0, 200): "failing",
    }
    assert {counts: str(judged(window(*counts), HealthRule())) for counts in table} == table


def test_no_more_than_a_quarter_of_two_hundred_is_recovered() -> None:
    table = {(149, 50): False, (150, 50): True, (149, 51): False, (199, 0): False, (200, 0): True}
    assert {counts: has_recovered(window(*counts), HealthRule()) for counts in table} == table


def test_ten_failures_make_a_site_one_of_those_that_fail() -> None:
    table = {(0, 9): False, (0, 10): True, (10, 10): False, (10, 11): True}
    assert {counts: takes_part(window(*counts), HealthRule()) for counts in table} == table


def test_a_window_is_open_for_less_than_a_minute_of_its_own_clock() -> None:
    table = {-0.1: False, 0.0: True, 59.9: True, 60.0: False}
    assert {now: is_open(window(1, 1), now, HealthRule()) for now in table} == table
    assert extended(window(1, 2), 3, 4, 59.9, HealthRule()) == Window(0.0, 4, 6)
    assert extended(window(1, 2), 3, 4, 60.0, HealthRule()) == Window(60.0, 3, 4)
    assert extended(None, 3, 4, 7.0, HealthRule()) == Window(7.0, 3, 4)


def test_sites_are_counted_together_while_their_windows_are_open() -> None:
    half = [Window(0.0, 20, 80), Window(10.0, 0, 100)]
    assert failing_everywhere(half, 59.9, HealthRule())
    assert not failing_everywhere(half, 60.0, HealthRule()), "what is left is too little to decide"
    assert not failing_everywhere([Window(0.0, 100, 0), Window(0.0, 0, 100)], 1.0, HealthRule())


def test_a_trial_goes_well_when_more_than_half_parses() -> None:
    assert [passes(10, 10), passes(11, 10), passes(0, 0)] == [False, True, False]
    assert judged(Window(0.0, 100, 100), HealthRule()) is Health.WORKING
