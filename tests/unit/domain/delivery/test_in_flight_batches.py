"""When a batch in flight is asked for, sent again, cut, or put aside: each limit from both sides."""

import itertools
from collections.abc import Iterable
from typing import Any

import pytest

from mqtt_app.domain.delivery.batching import Limits
from mqtt_app.domain.delivery.in_flight import InFlightBatches
from mqtt_app.domain.delivery.messages import Batch, Envelope

FIRST = "f" * 32


class Book(InFlightBatches):
    """With the time of the last event, and what is to be sent after each."""

    now = 0.0

    def mark_sent(self, batch_id: str, now: float) -> Batch | None:
        self.now = now
        return super().mark_sent(batch_id, now)

    def take_overdue(self, now: float) -> list[str]:
        self.now = now
        return super().take_overdue(now)

    def retry(self, batch_ids: Iterable[str]) -> list[Batch]:
        self.retry_missing(batch_ids, self.now)
        return self.take_due(self.now)

    def killed(self, batch_id: str) -> list[Batch]:
        self.mark_killed(batch_id, self.now)
        return self.take_due(self.now)


def book_of(**limits: Any) -> Book:
    numbers = itertools.count(1)
    return Book(Limits(**limits), lambda: f"{next(numbers):032x}")


def batch_of(count: int, name: str = FIRST, **changes: Any) -> Batch:
    messages = tuple(
        Envelope(1, 1, 1, 1, n + 1, "a/b", b"x", 1, False, False, 0.0) for n in range(count)
    )
    return Batch(name, "mqtt-1", "start", messages, **changes)


def wait_of(book: Book, batch: Batch, sent_at: float) -> int:
    """Whole seconds after which its receipt is asked for."""
    book.mark_sent(batch.id, sent_at)
    return next(wait for wait in range(1_000) if book.take_overdue(sent_at + wait))


def commit_later(book: Book, sent_at: float) -> None:
    """Another batch, sent at `sent_at`, is committed."""
    other = batch_of(1, f"later {sent_at}")
    book.add(other)
    book.mark_sent(other.id, sent_at)
    book.take_committed(other.id)


def test_while_nothing_is_committed_it_is_sent_at_ever_longer_intervals_up_to_five_minutes() -> (
    None
):
    book, batch, now, waits = book_of(receipt_timeout=30.0), batch_of(2), 1_000.0, []
    book.add(batch)
    for _ in range(7):
        waits.append(wait_of(book, batch, now))
        assert [again.id for again in book.retry([batch.id])] == [batch.id]
        now += 10_000.0
    assert waits == [30, 30, 60, 120, 240, 300, 300]


def test_once_a_later_batch_is_committed_its_patience_is_the_plain_one() -> None:
    book, batch = book_of(receipt_timeout=30.0), batch_of(2)
    book.add(batch)
    for now in (1_000.0, 2_000.0):
        book.mark_sent(batch.id, now)
        book.retry(book.take_overdue(now + 500))
    book.mark_sent(batch.id, 3_000.0)
    commit_later(book, 3_001.0)
    assert book.take_overdue(3_029.9) == []
    assert book.take_overdue(3_030.0) == [batch.id]


def test_one_that_was_sent_at_the_same_moment_says_nothing_against_it() -> None:
    book, batch = book_of(receipt_timeout=30.0), batch_of(2)
    book.add(batch)
    for now in (1_000.0, 2_000.0, 3_000.0, 4_000.0):
        book.mark_sent(batch.id, now)
        commit_later(book, now)
        assert [again.id for again in book.retry(book.take_overdue(now + 500))] == [batch.id]


def deaths_until_alone(count: int, poison: int) -> tuple[int, str]:
    """How often a process dies of the message `poison` among `count`, and what is said of it."""
    book, waiting, deaths = book_of(quarantine_after=3), [batch_of(count)], 0
    book.add(waiting[0])
    while waiting:
        batch = waiting.pop()
        book.mark_sent(batch.id, 0.0)
        if batch.dead_letter_reason:
            assert [message.packet_id for message in batch.messages] == [poison]
            return deaths, batch.dead_letter_reason
        if any(message.packet_id == poison for message in batch.messages):
            deaths += 1
            waiting += book.killed(batch.id)
        else:
            book.take_committed(batch.id)
        waiting += book.take_due(0.0)
    raise AssertionError("never put aside")


@pytest.mark.parametrize(
    ("count", "deaths"),
    [(1, 3), (2, 3), (8, 3), (9, 4), (64, 4), (65, 5), (512, 5), (513, 6), (2_000, 6)],
)
def test_its_parts_inherit_its_deaths_so_each_cut_costs_one_more(count: int, deaths: int) -> None:
    """The first part of each cut is the largest."""
    assert deaths_until_alone(count, 1) == (
        deaths,
        f"killed the process that parsed it, {deaths} times",
    )


def test_one_death_is_no_reason_to_cut() -> None:
    book, batch = book_of(), batch_of(16)
    book.add(batch)
    book.mark_sent(batch.id, 0.0)
    assert [again.id for again in book.killed(batch.id)] == [batch.id]
    book.mark_sent(batch.id, 1.0)
    assert {len(part.messages) for part in book.killed(batch.id)} == {2}
    assert batch.id not in book


def test_a_message_put_aside_is_never_cut_or_put_aside_again() -> None:
    book, aside = book_of(), batch_of(3, dead_letter_reason="before")
    book.add(aside)
    for turn in range(5):
        book.mark_sent(aside.id, turn * 1_000.0)
        assert [again.id for again in book.killed(aside.id)] == [aside.id]
        book.mark_sent(aside.id, turn * 1_000.0 + 1)
        commit_later(book, turn * 1_000.0 + 2)
        again = book.retry(book.take_overdue(turn * 1_000.0 + 500))
        assert [batch.id for batch in again] == [aside.id]


def test_a_death_changes_nothing_of_what_speaks_against_a_batch() -> None:
    """Its process died for another reason: only tries that others overtook count for halving."""
    book, batch = book_of(), batch_of(4)
    book.add(batch)
    book.mark_sent(batch.id, 0.0)
    book.killed(batch.id)
    book.mark_sent(batch.id, 10.0)
    commit_later(book, 11.0)
    assert [again.id for again in book.retry(book.take_overdue(100.0))] == [batch.id]


def test_one_that_failed_is_asked_for_after_two_seconds_each_time() -> None:
    book, batch = book_of(receipt_timeout=30.0), batch_of(1)
    book.add(batch)
    for now in (100.0, 200.0):
        book.mark_sent(batch.id, now)
        book.mark_failed(batch.id, now + 1.0)
        assert book.take_overdue(now + 2.9) == []
        assert book.take_overdue(now + 3.0) == [batch.id]
        book.retry([batch.id])
    book.mark_sent(batch.id, 1_000.0)
    assert book.take_overdue(1_020.0) == [], "the last failure is over"


def test_each_is_asked_for_once_until_there_was_no_answer() -> None:
    book, batch = book_of(receipt_timeout=30.0), batch_of(1)
    book.add(batch)
    assert book.take_overdue(1e6) == [], "it was not sent yet"
    assert book.take_unconfirmed() == []
    book.mark_sent(batch.id, 0.0)
    assert book.take_unconfirmed() == [batch.id]
    assert (book.take_unconfirmed(), book.take_overdue(1e6)) == ([], [])
    book.ask_again([batch.id, "unknown"])
    assert book.take_overdue(1e6) == [batch.id]
    book.ask_again([batch.id])
    assert book.take_unconfirmed() == [batch.id]


def test_there_is_room_up_to_the_limit_and_none_at_it() -> None:
    book = book_of(in_flight=2)
    assert book.register.oldest() is None
    for number, has_room in ((1, True), (2, False), (3, False)):
        book.add(batch_of(1, f"{number}"), float(number))
        assert book.register.has_room() is has_room
    assert (len(book), book.register.oldest()) == (3, 1.0)
    book.take_committed("1")
    assert (len(book), book.register.oldest(), book.register.has_room()) == (2, 2.0, False)


def test_word_of_a_batch_that_is_not_waited_for_changes_nothing() -> None:
    book = book_of()
    assert (
        book.mark_sent("x", 1.0),
        book.take_committed("x"),
        book.killed("x"),
        book.retry(["x"]),
    ) == (
        None,
        None,
        [],
        [],
    )
    book.mark_failed("x", 1.0)
    assert (len(book), book.register.size) == (0, 0)


def test_a_commit_gives_the_batch_back_once() -> None:
    book, batch = book_of(), batch_of(2)
    book.add(batch)
    assert book.mark_sent(batch.id, 1.0) is batch
    assert (book.take_committed(batch.id), book.take_committed(batch.id), book.register.size) == (
        batch,
        None,
        0,
    )


def test_an_early_batch_that_is_committed_late_does_not_take_progress_back() -> None:
    book, batch, shapes = book_of(receipt_timeout=30.0), batch_of(2), []
    book.add(batch)
    for now in (1_000.0, 2_000.0):
        book.mark_sent(batch.id, now)
        commit_later(book, now + 1)
        commit_later(book, now - 500)
        shapes.append([len(part.messages) for part in book.retry(book.take_overdue(now + 30))])
    assert shapes == [[2], [1, 1]]
