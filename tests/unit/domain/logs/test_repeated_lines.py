"""A line that was held back is let out again: nothing is swallowed for ever."""

from mqtt_app.domain.logs.repeats import EARLY, FREE, PERIOD, CountedLine, Repeats, format_counted

KEY = ("link 1", "gone")


def counts(told: list[CountedLine[str]]) -> list[int]:
    return [one.held for one in told]


def storm(
    repeats: Repeats[str], count: int, now: float, key: tuple[str, str] = KEY
) -> list[CountedLine[str]]:
    return [one for _ in range(count) for one in repeats.add(key, key[1], now)]


def test_as_many_as_are_free_go_out_and_the_next_one_is_held() -> None:
    repeats: Repeats[str] = Repeats()
    assert counts(storm(repeats, FREE, 0.0)) == [0] * FREE
    assert repeats.due_at() is None
    assert storm(repeats, 1, 0.0) == []
    assert repeats.due_at() == PERIOD


def test_what_is_held_is_told_at_its_time_and_not_before() -> None:
    repeats: Repeats[str] = Repeats()
    storm(repeats, FREE + 2, 0.0)
    assert repeats.due(PERIOD - 0.1) == []
    assert repeats.due(PERIOD) == [CountedLine("gone", 2, PERIOD)]


def test_after_a_quiet_period_an_equal_line_is_said_as_it_came_again() -> None:
    repeats: Repeats[str] = Repeats()
    storm(repeats, FREE + 1, 0.0)
    assert counts(repeats.due(PERIOD)) == [1]
    assert repeats.due(2 * PERIOD) == []
    assert repeats.due_at() is None
    assert counts(storm(repeats, FREE + 1, 2 * PERIOD)) == [0] * FREE
    assert repeats.due_at() == 3 * PERIOD
    assert counts(repeats.due(3 * PERIOD)) == [1]


def test_while_it_goes_on_a_count_is_told_every_period() -> None:
    repeats: Repeats[str] = Repeats()
    told = []
    for second in range(4 * int(PERIOD)):
        told += repeats.due(float(second)) + repeats.add(KEY, "gone", float(second))
    assert counts(told) == [0] * FREE + [60, 60, 60]


def test_a_line_that_went_out_a_whole_period_ago_is_free_again() -> None:
    repeats: Repeats[str] = Repeats()
    storm(repeats, FREE, 0.0)
    assert storm(repeats, 1, PERIOD - 0.1) == []
    other: Repeats[str] = Repeats()
    storm(other, FREE, 0.0)
    assert counts(storm(other, 1, PERIOD)) == [0]


def test_a_count_goes_before_another_line_of_its_subject_only_a_few_times() -> None:
    repeats: Repeats[str] = Repeats()
    storm(repeats, FREE, 0.0)
    early = []
    for number in range(EARLY + 3):
        storm(repeats, 1, 1.0)
        told = repeats.add(("link 1", f"other {number}"), f"other {number}", 1.0)
        early.append(counts(told))
    assert early == [[1, 0]] * EARLY + [[0]] * 3


def test_other_subjects_bring_out_nothing() -> None:
    repeats: Repeats[str] = Repeats()
    storm(repeats, FREE + 1, 0.0)
    assert counts(repeats.add(("link 2", "up"), "up", 1.0)) == [0]


def test_its_seconds_count_from_the_first_that_was_held() -> None:
    repeats: Repeats[str] = Repeats()
    storm(repeats, FREE, 0.0)
    storm(repeats, 1, 10.0)
    storm(repeats, 1, 20.0)
    assert repeats.add(("link 1", "other"), "other", 25.0)[0] == CountedLine("gone", 2, 15.0)
    storm(repeats, 1, 30.0)
    assert repeats.due(10.0 + PERIOD) == [CountedLine("gone", 1, PERIOD - 20.0)]


def test_who_is_forgotten_for_want_of_room_is_told_of_first() -> None:
    repeats: Repeats[str] = Repeats(remembered=1)
    storm(repeats, FREE + 2, 0.0)
    assert len(repeats) == 1
    told = repeats.add(("link 2", "up"), "up", 1.0)
    assert sorted(counts(told)) == [0, 2]
    assert len(repeats) == 1
    assert repeats.due(PERIOD) == []


def test_a_line_is_remembered_for_a_period_after_it_came_last() -> None:
    repeats: Repeats[str] = Repeats()
    storm(repeats, 1, 0.0)
    repeats.due(PERIOD - 0.1)
    assert len(repeats) == 1
    repeats.due(PERIOD)
    assert len(repeats) == 0


def test_words_for_each_span() -> None:
    table = {
        (0, 0.0): "gone",
        (1, 0.2): "gone (1 s ago)",
        (1, 55.0): "gone (55 s ago)",
        (1, 55.1): "gone (a minute ago)",
        (2, 0.2): "gone (2 times in the last 1 s)",
        (2, 55.0): "gone (2 times in the last 55 s)",
        (2, 60.0): "gone (2 times in the last minute)",
    }
    assert {spans: format_counted("gone", CountedLine("gone", *spans)) for spans in table} == table
