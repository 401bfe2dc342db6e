from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.logs.repeats import FREE, PERIOD, CountedLine, Repeats, format_counted

MOST = 10  # equal lines in a minute

STORMS = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 3), st.sampled_from([0.0, 0.1, 1.0, 7.0, 20.0, 61.0])
    ),
    max_size=400,
)
"""(subject, text, seconds since the line before)"""


class Book:
    """A worker's use of it: asked when something is due, not only when a line comes."""

    def __init__(self, remembered: int = 1_000) -> None:
        self.repeats: Repeats[tuple[int, int]] = Repeats(remembered)
        self.written: list[tuple[float, CountedLine[tuple[int, int]]]] = []
        self.now = 0.0

    def came(self, key: tuple[int, int], later: float) -> None:
        self.pass_until(self.now + later)
        self._write(self.repeats.add(key, key, self.now))

    def pass_until(self, moment: float) -> None:
        while (due := self.repeats.due_at()) is not None and due <= moment:
            self.now = due
            self._write(self.repeats.due(due))
        self.now = moment

    def end(self) -> None:
        self._write(self.repeats.rest(self.now))

    def _write(self, told: list[CountedLine[tuple[int, int]]]) -> None:
        self.written += [(self.now, one) for one in told]

    def times(self, key: tuple[int, int]) -> list[float]:
        return [at for at, told in self.written if told.line == key]


def storm(lines: list[tuple[int, int, float]], remembered: int = 1_000) -> Book:
    book = Book(remembered)
    for subject, text, later in lines:
        book.came((subject, text), later)
    return book


@given(STORMS)
def test_no_equal_line_goes_out_more_than_ten_times_in_a_minute(
    lines: list[tuple[int, int, float]],
) -> None:
    book = storm(lines)
    for key in {(subject, text) for subject, text, _ in lines}:
        times = book.times(key)
        assert all(
            later - earlier >= PERIOD for earlier, later in zip(times, times[MOST:], strict=False)
        )


@given(STORMS, st.integers(1, 1_000))
def test_every_line_is_told_of_exactly_once(
    lines: list[tuple[int, int, float]], remembered: int
) -> None:
    book = storm(lines, remembered)
    book.end()
    told: Counter[tuple[int, int]] = Counter()
    for _, one in book.written:
        told[one.line] += one.held or 1
    assert told == Counter((subject, text) for subject, text, _ in lines)


@given(STORMS)
def test_what_is_held_back_is_told_within_a_minute(lines: list[tuple[int, int, float]]) -> None:
    book = storm(lines)
    assert all(told.seconds <= PERIOD for _, told in book.written)
    book.pass_until(book.now + PERIOD)
    assert book.repeats.rest(book.now) == []


@given(STORMS)
def test_after_two_quiet_minutes_nothing_is_remembered(lines: list[tuple[int, int, float]]) -> None:
    book = storm(lines)
    book.pass_until(book.now + 2 * PERIOD)
    assert book.repeats.due(book.now) == []
    assert len(book.repeats) == 0


@given(STORMS, st.integers(1, 5))
def test_no_more_is_remembered_than_allowed(
    lines: list[tuple[int, int, float]], remembered: int
) -> None:
    assert len(storm(lines, remembered).repeats) <= remembered


def test_one_a_second_for_three_minutes_is_the_first_five_and_one_a_minute() -> None:
    book = storm([(1, 1, 1.0)] * 180)
    assert [told.held for _, told in book.written] == [0] * FREE + [60, 60]


def test_one_a_minute_is_said_each_time() -> None:
    book = storm([(1, 1, 60.0)] * 20)
    assert [told.held for _, told in book.written] == [0] * 20


def test_what_was_held_is_told_before_another_line_of_the_same_subject() -> None:
    book = storm([(1, 1, 0.0)] * 8 + [(2, 2, 0.0), (1, 2, 0.0)])
    assert [(told.line, told.held) for _, told in book.written[FREE:]] == [
        ((2, 2), 0),
        ((1, 1), 3),
        ((1, 2), 0),
    ]


def test_the_count_is_part_of_the_text() -> None:
    assert format_counted("gone", CountedLine("gone")) == "gone"
    assert (
        format_counted("gone", CountedLine("gone", 23, 60.0))
        == "gone (23 times in the last minute)"
    )
    assert format_counted("gone", CountedLine("gone", 7, 12.3)) == "gone (7 times in the last 12 s)"
    assert format_counted("gone", CountedLine("gone", 1, 12.3)) == "gone (12 s ago)"
    assert format_counted("gone", CountedLine("gone", 1, 60.0)) == "gone (a minute ago)"
