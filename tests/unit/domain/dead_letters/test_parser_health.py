"""When a parser is paused and when it is resumed."""

from hypothesis import given
from hypothesis import strategies as st

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

RULE = HealthRule()
counts = st.integers(0, 1_000)
times = st.floats(0, 1e9)
windows = st.builds(Window, started=times, parsed=counts, failed=counts)


def test_a_parser_that_fails_on_everything_is_paused_with_the_two_hundredth_message() -> None:
    window = None
    for number in range(1, 201):
        window = extended(window, 0, 1, number * 0.25, RULE)
        assert (judged(window, RULE) is Health.FAILING) == (number == 200)


def test_slower_than_two_hundred_a_minute_is_never_decided() -> None:
    window = None
    for number in range(1_000):
        window = extended(window, 0, 1, number * 0.31, RULE)
        assert judged(window, RULE) is Health.UNDECIDED


@given(windows)
def test_a_parser_is_failing_only_when_more_than_half_of_enough_messages_fail(
    window: Window,
) -> None:
    if judged(window, RULE) is Health.FAILING:
        assert window.parsed + window.failed >= RULE.enough
        assert window.failed * 2 > window.parsed + window.failed


@given(windows)
def test_nobody_is_failing_and_recovered_at_once(window: Window) -> None:
    assert not (judged(window, RULE) is Health.FAILING and has_recovered(window, RULE))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.floats(0, 100)), max_size=60))
def test_a_window_holds_no_message_older_than_its_length(
    steps: list[tuple[int, int, float]],
) -> None:
    window, now, seen = None, 0.0, []
    for parsed, failed, pause in steps:
        now += pause
        window = extended(window, parsed, failed, now, RULE)
        seen.append((now, parsed, failed))
        assert is_open(window, now, RULE)
        recent = [(p, f) for at, p, f in seen if at >= window.started]
        assert (window.parsed, window.failed) == (
            sum(p for p, _ in recent),
            sum(f for _, f in recent),
        )


def test_a_clock_that_was_set_back_begins_a_new_window() -> None:
    assert extended(Window(1_000.0, 5, 5), 1, 0, 10.0, RULE) == Window(10.0, 1, 0)


@given(st.lists(windows, max_size=30), times)
def test_sites_are_judged_together_by_what_is_recent(found: list[Window], now: float) -> None:
    recent = [one for one in found if is_open(one, now, RULE)]
    failed, parsed = sum(one.failed for one in recent), sum(one.parsed for one in recent)
    assert failing_everywhere(found, now, RULE) == (
        failed + parsed >= RULE.enough and failed > parsed
    )


@given(windows)
def test_a_site_with_a_bad_message_or_two_takes_no_part(window: Window) -> None:
    if window.failed < RULE.few or window.failed <= window.parsed:
        assert not takes_part(window, RULE)


@given(counts, counts)
def test_a_trial_passes_with_more_successes_than_failures(parsed: int, failed: int) -> None:
    assert passes(parsed, failed) == (parsed > failed)
