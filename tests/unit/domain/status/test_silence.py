"""How long a site is usually silent, and when its silence is news."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.status.silence import (
    ENOUGH,
    HOUR,
    LONGEST,
    MONDAY,
    WEEK,
    Rhythm,
    hour_of_week,
    learned_hour,
    observe,
    silence,
    usual_gap,
)

NOW = MONDAY + 9 * HOUR
LONG_AGO = NOW - 30 * 86_400


def heard(*moments: float, since: float | None = LONG_AGO) -> tuple[Rhythm, dict[int, float]]:
    rhythm = Rhythm(moments[0])
    hours: dict[int, float] = {}
    for moment in moments[1:]:
        seen = observe(rhythm, moment, since)
        rhythm = seen.rhythm
        hours |= seen.hours
    return rhythm, hours


def test_hours_are_counted_from_monday() -> None:
    assert hour_of_week(MONDAY) == 0
    assert hour_of_week(MONDAY - 1) == WEEK - 1
    assert hour_of_week(NOW + 7 * 86_400) == 9


def test_gaps_are_counted_and_the_longest_is_kept() -> None:
    rhythm, hours = heard(NOW, NOW + 30, NOW + 90, NOW + 100)
    assert (rhythm.gaps, rhythm.hour_longest, hours) == (3, 60.0, {})
    assert 59 < rhythm.longest <= 60


def test_the_same_message_seen_twice_teaches_nothing() -> None:
    rhythm = Rhythm(NOW, 5, 10.0, 10.0)
    assert observe(rhythm, NOW, LONG_AGO).rhythm == rhythm
    assert observe(rhythm, NOW - 5, LONG_AGO).rhythm == rhythm


def test_a_gap_in_which_the_link_was_down_teaches_nothing() -> None:
    rhythm = Rhythm(NOW, 5, 10.0, 10.0)
    for since in (NOW + 1, None):
        after = observe(rhythm, NOW + 900, since).rhythm
        assert (after.last, after.gaps, after.longest) == (NOW + 900, 5, 10.0)


def test_an_hour_that_is_over_is_learned_with_its_longest_gap() -> None:
    rhythm, hours = heard(NOW, NOW + 200, NOW + HOUR - 10, NOW + HOUR + 5)
    assert hours == {9: HOUR - 210}
    assert rhythm.hour_longest == 15


def test_a_night_is_learned_in_each_of_its_hours() -> None:
    evening = MONDAY + 20 * HOUR + 60
    _, hours = heard(evening, evening + 9 * HOUR)
    assert hours == dict.fromkeys(range(20, 29), 9 * HOUR)


def test_a_gap_of_months_is_learned_once_for_each_hour_of_the_week() -> None:
    _, hours = heard(NOW, NOW + 100 * 86_400)
    assert len(hours) == WEEK


def test_an_hour_changes_by_a_factor_of_two_in_a_week_at_most() -> None:
    assert learned_hour(0.0, 500.0) == 500.0
    assert learned_hour(60.0, 7_200.0) == 120.0
    assert learned_hour(600.0, 10.0) == 300.0
    assert learned_hour(60.0, 70.0) == 70.0


def test_too_little_is_known_before_some_gaps() -> None:
    assert usual_gap(None, ()) is None
    assert usual_gap(Rhythm(NOW, ENOUGH - 1, 30.0), (30.0,)) is None
    assert usual_gap(Rhythm(NOW, ENOUGH, 30.0), (0.0, 0.0)) == 30.0
    assert usual_gap(Rhythm(NOW, ENOUGH, 30.0), (0.0, 90.0)) == 90.0


def test_silence_is_news_after_three_usual_gaps_and_five_minutes_at_least() -> None:
    assert silence(NOW - 299, LONG_AGO, 30.0, NOW) == ""
    assert silence(NOW - 840, LONG_AGO, 30.0, NOW) == "no data for 14 min (usual gap 30 s)"
    assert silence(NOW - 1_799, LONG_AGO, 600.0, NOW) == ""
    assert silence(NOW - 1_800, LONG_AGO, 600.0, NOW) == "no data for 30 min (usual gap 10 min)"


def test_a_link_that_just_came_up_gets_its_time() -> None:
    assert silence(NOW - 7_200, NOW - 60, 30.0, NOW) == ""
    assert silence(NOW - 7_200, NOW - 300, 30.0, NOW) == "no data for 2 h (usual gap 30 s)"


def test_a_day_without_data_is_never_usual() -> None:
    assert silence(NOW - LONGEST, LONG_AGO, 5 * LONGEST, NOW).startswith("no data for 24 h")
    assert silence(NOW - LONGEST, LONG_AGO, None, NOW) == "no data for 24 h"
    assert silence(NOW - LONGEST + 1, LONG_AGO, None, NOW) == ""


def test_a_site_that_never_spoke_is_said_to_after_a_day() -> None:
    assert silence(None, NOW - 3_600, None, NOW) == ""
    said = silence(None, NOW - 90_000, None, NOW)
    assert said == "no message has ever come; the link is up for 25 h"


@given(st.lists(st.floats(1.0, 200_000.0), min_size=1, max_size=60))
def test_any_gaps_give_hours_within_the_week_and_none_longer_than_the_longest(
    gaps: list[float],
) -> None:
    moments = [NOW]
    for gap in gaps:
        moments.append(moments[-1] + gap)
    rhythm, hours = heard(*moments)
    longest = max(later - earlier for earlier, later in pairwise(moments))
    assert rhythm.gaps == len(gaps)
    assert all(0 <= hour < WEEK and 0 < gap <= longest for hour, gap in hours.items())
    assert rhythm.longest <= longest
