from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.delivery.batching import Limits
from mqtt_app.domain.delivery.in_flight import InFlightBatches
from mqtt_app.domain.delivery.messages import Batch
from tests.unit.domain.delivery.test_batching import message


def ledger(**limits: Any) -> InFlightBatches:
    numbers = iter(range(1, 100_000))
    return InFlightBatches(Limits(**limits), lambda: f"{next(numbers):032x}")


def without_tries(batches: list[Batch]) -> list[Batch]:
    return [msgspec.structs.replace(batch, tries=0) for batch in batches]


@given(st.lists(st.sampled_from(["commit", "ask", "send"]), max_size=60))
def test_a_ledger_never_loses_a_message(steps: list[str]) -> None:
    book = ledger(quarantine_after=3)
    book.add(Batch("f" * 32, "i", "s", tuple(message(1, number) for number in range(8))))
    known, now, released = ["f" * 32], 0.0, []
    for step in steps:
        now += 400.0
        if step == "send":
            for batch_id in known:
                book.mark_sent(batch_id, now)
        elif step == "ask":
            book.retry_missing(book.take_overdue(now), now)
            known += [batch.id for batch in book.take_due(now + 20) if batch.id not in known]
        elif known:
            released += [
                one.packet_id for one in getattr(book.take_committed(known.pop()), "messages", ())
            ]
    for batch_id in [*known, *(entry.batch.id for entry in book.register.entries())]:
        released += [
            one.packet_id for one in getattr(book.take_committed(batch_id), "messages", ())
        ]
    assert sorted(released) == list(range(8))
    assert (len(book), book.register.size) == (0, 0)


def _overtaken(book: InFlightBatches, batches: list[Batch], now: float) -> list[Batch]:
    """Send these, then see a later batch committed, then let them be overdue."""
    for batch in batches:
        book.mark_sent(batch.id, now)
    book.add(Batch(f"later-{now}", "i", "s", ()))
    book.mark_sent(f"later-{now}", now + 1)
    book.take_committed(f"later-{now}")
    book.retry_missing(book.take_overdue(now + 100), now + 100)
    return book.take_due(now + 200)


def test_a_batch_that_others_overtake_is_halved_until_its_poison_is_put_aside() -> None:
    book = ledger(quarantine_after=3)
    batches = [Batch("f" * 32, "i", "s", tuple(message(1, number) for number in range(2)))]
    book.add(batches[0])
    seen = []
    for turn in range(8):
        batches = _overtaken(book, batches, turn * 1_000.0)
        seen.append([(len(batch.messages), bool(batch.dead_letter_reason)) for batch in batches])
    assert seen[0] == [(2, False)]
    assert seen[1] == [(1, False), (1, False)]
    assert seen[-1] == [(1, True), (1, True)]
    chains = [batch.instead_of for batch in batches]
    assert {chain[0] for chain in chains} == {"f" * 32}, (
        "whoever stores a part has to know what it is a part of"
    )
    assert {len(chain) for chain in chains} == {2}


def test_nothing_is_halved_or_put_aside_while_nobody_commits_anything() -> None:
    book = ledger(receipt_timeout=30.0)
    batch = Batch("f" * 32, "i", "s", (message(1, 1), message(1, 2)))
    book.add(batch)
    for turn in range(20):
        book.mark_sent(batch.id, turn * 1_000.0)
        assert book.retry_missing(book.take_overdue(turn * 1_000.0 + 999), turn * 1_000.0) == 1
        assert without_tries(book.take_due(turn * 1_000.0 + 999)) == [batch]


def test_a_message_that_kills_its_process_is_found_in_few_deaths_and_its_neighbours_are_all_stored() -> (
    None
):
    book = ledger(quarantine_after=3)
    first = Batch("f" * 32, "i", "s", tuple(message(1, number) for number in range(2_000)))
    book.add(first)
    waiting, stored, aside, deaths = [first], set(), set(), 0
    while waiting:
        batch = waiting.pop()
        book.mark_sent(batch.id, 0.0)
        numbers = {one.packet_id for one in batch.messages}
        if batch.dead_letter_reason:
            aside |= numbers
            book.take_committed(batch.id)
        elif 1_234 in numbers:
            deaths += 1
            book.mark_killed(batch.id, 0.0)
        else:
            stored |= numbers
            book.take_committed(batch.id)
        waiting += book.take_due(100.0)
    assert (aside, stored) == ({1_234}, set(range(2_000)) - {1_234})
    assert deaths <= 12
    assert (len(book), book.register.size) == (0, 0)


def test_a_batch_that_failed_for_no_fault_of_its_own_is_asked_for_soon_and_sent_whole() -> None:
    book = ledger(receipt_timeout=30.0)
    batch = Batch("f" * 32, "i", "s", (message(1, 1), message(1, 2)))
    book.add(batch)
    for turn in range(20):
        book.mark_sent(batch.id, turn * 10.0)
        book.mark_failed(batch.id, turn * 10.0)
        assert book.take_overdue(turn * 10.0 + 1.0) == []
        book.retry_missing(book.take_overdue(turn * 10.0 + 2.5), turn * 10.0)
        assert without_tries(book.take_due(turn * 10.0 + 2.5)) == [batch]
