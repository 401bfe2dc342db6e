from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.batching import CROWD, AckOrder, Batcher, Limits, may_read
from mqtt_app.domain.ledger import Ledger
from mqtt_app.domain.messages import Batch, Envelope


def message(connection_id, packet_id, payload=b"x"):
    return Envelope(connection_id, connection_id, 1, 1, packet_id, "a/b", payload, 1, False, False, 0.0)


def ledger(**limits):
    numbers = iter(range(1, 10_000))
    return Ledger(Limits(**limits), lambda: f"{next(numbers):032x}")


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 500)), max_size=200), st.integers(1, 20))
def test_every_message_is_taken_once_and_in_the_order_of_its_connection(arrivals, size):
    batcher = Batcher(Limits(messages=size, size=1_000))
    sent = [message(connection_id, number, bytes(length)) for number, (connection_id, length) in enumerate(arrivals)]
    for one in sent:
        batcher.add(one, 0.0)
    taken = []
    while batcher.due_at() is not None:
        part, _ = batcher.take(0.0)
        assert 0 < len(part) <= size
        taken += part
    for connection_id in range(1, 6):
        assert [m for m in taken if m.connection_id == connection_id] == [
            m for m in sent if m.connection_id == connection_id
        ]
    assert (batcher.count, batcher.size) == (0, 0)


def test_a_noisy_connection_leaves_room_for_the_others():
    batcher = Batcher(Limits(messages=10))
    for number in range(1_000):
        batcher.add(message(1, number), 0.0)
    batcher.add(message(2, 1), 0.0)
    assert 2 in {one.connection_id for one in batcher.take(0.0)[0]}


def test_beside_a_flood_those_who_say_little_go_first_and_by_themselves():
    batcher = Batcher(Limits(linger=0.05))
    for number in range(CROWD):
        batcher.add(message(1, number), 0.0)
    batcher.add(message(2, 1), 0.01)
    batcher.drop(1, "too_large", 0.01)
    taken, drops = batcher.take(0.05)
    assert ([one.connection_id for one in taken], len(drops)) == ([2], 1)
    assert batcher.due_at() <= 0.05, "the flood has waited long enough, too"
    assert len(batcher.take(0.05)[0]) == CROWD
    assert batcher.due_at() is None


def test_connections_that_say_as_much_as_each_other_share_their_batches():
    batcher = Batcher(Limits())
    for number in range(CROWD):
        batcher.add(message(number % 20, number), 0.0)
    assert len(batcher.take(0.0)[0]) == CROWD


def test_a_batch_is_due_when_full_urgent_or_old_enough():
    batcher = Batcher(Limits(messages=2, linger=0.05))
    batcher.add(message(1, 1), 10.0)
    assert batcher.due_at() == 10.05
    batcher.add(message(1, 2), 10.0)
    assert batcher.due_at() == 0.0
    batcher.take(10.0)
    batcher.add(message(1, 3), 10.0, urgent=True)
    assert batcher.due_at() == 0.0


def test_a_batch_grows_while_others_are_being_stored_but_not_without_end():
    batcher = Batcher(Limits(messages=3, linger=0.05, patience=0.2))
    batcher.add(message(1, 1), 10.0, urgent=True)
    assert [batcher.due_at(in_flight) for in_flight in (0, 1, 2, 3)] == [0.0, 0.0, 10.2, 10.2]
    batcher.add(message(1, 2), 10.0)
    batcher.add(message(1, 3), 10.0)
    assert batcher.due_at(3) == 0.0


@given(st.permutations(range(1, 30)))
def test_acknowledgements_are_in_order_and_never_before_the_commit(commits):
    order, acknowledged = AckOrder(), []
    for packet_id in range(1, 30):
        order.received(packet_id)
    for done, packet_id in enumerate(commits, 1):
        order.committed(packet_id)
        acknowledged += order.ready()
        assert set(acknowledged) <= set(commits[:done])
    assert acknowledged == list(range(1, 30))


@given(st.lists(st.sampled_from(["commit", "ask", "send"]), max_size=60))
def test_a_ledger_never_loses_a_message(steps):
    book = ledger(quarantine_after=3)
    book.register(Batch("f" * 32, "i", "s", tuple(message(1, number) for number in range(8))))
    known, now, released = ["f" * 32], 0.0, []
    for step in steps:
        now += 400.0
        if step == "send":
            for batch_id in known:
                book.sent(batch_id, now)
        elif step == "ask":
            known += [batch.id for batch in book.missing(book.overdue(now)) if batch.id not in known]
        elif known:
            released += [one.packet_id for one in getattr(book.committed(known.pop()), "messages", ())]
    for batch_id in known:
        released += [one.packet_id for one in getattr(book.committed(batch_id), "messages", ())]
    assert sorted(released) == list(range(8))
    assert (len(book), book.size) == (0, 0)


def _overtaken(book, batches, now):
    """Send these, then see a later batch committed, then let them be overdue."""
    for batch in batches:
        book.sent(batch.id, now)
    book.register(Batch(f"later-{now}", "i", "s", ()))
    book.sent(f"later-{now}", now + 1)
    book.committed(f"later-{now}")
    return book.missing(book.overdue(now + 100))


def test_a_batch_that_others_overtake_is_halved_until_its_poison_is_put_aside():
    book = ledger(quarantine_after=3)
    batches = [Batch("f" * 32, "i", "s", tuple(message(1, number) for number in range(2)))]
    book.register(batches[0])
    seen = []
    for turn in range(8):
        batches = _overtaken(book, batches, turn * 1_000.0)
        seen.append([(len(batch.messages), bool(batch.quarantine_reason)) for batch in batches])
    assert seen[0] == [(2, False)]
    assert seen[1] == [(1, False), (1, False)]
    assert seen[-1] == [(1, True), (1, True)]
    chains = [batch.instead_of for batch in batches]
    assert {chain[0] for chain in chains} == {"f" * 32}, "whoever stores a part has to know what it is a part of"
    assert {len(chain) for chain in chains} == {2}


def test_nothing_is_halved_or_put_aside_while_nobody_commits_anything():
    book = ledger(receipt_timeout=30.0)
    batch = Batch("f" * 32, "i", "s", (message(1, 1), message(1, 2)))
    book.register(batch)
    for turn in range(20):
        book.sent(batch.id, turn * 1_000.0)
        assert book.missing(book.overdue(turn * 1_000.0 + 999)) == [batch]


@given(st.integers(0, 1_000), st.integers(0, 1_000), st.integers(1, 50))
def test_full_memory_stops_everybody_and_half_full_only_the_greedy(held, total, holders):
    allowed = may_read(held, total, holders, 1_000)
    assert not allowed or total < 1_000
    assert allowed or total >= 500


def test_a_message_that_kills_its_process_is_found_in_few_deaths_and_its_neighbours_are_all_stored():
    book = ledger(quarantine_after=3)
    first = Batch("f" * 32, "i", "s", tuple(message(1, number) for number in range(2_000)))
    book.register(first)
    waiting, stored, aside, deaths = [first], set(), set(), 0
    while waiting:
        batch = waiting.pop()
        book.sent(batch.id, 0.0)
        numbers = {one.packet_id for one in batch.messages}
        if batch.quarantine_reason:
            aside |= numbers
            book.committed(batch.id)
        elif 1_234 in numbers:
            deaths += 1
            waiting += book.killed(batch.id)
        else:
            stored |= numbers
            book.committed(batch.id)
    assert (aside, stored) == ({1_234}, set(range(2_000)) - {1_234})
    assert deaths <= 12
    assert (len(book), book.size) == (0, 0)


def test_a_batch_that_failed_for_no_fault_of_its_own_is_asked_for_soon_and_sent_whole():
    book = ledger(receipt_timeout=30.0)
    batch = Batch("f" * 32, "i", "s", (message(1, 1), message(1, 2)))
    book.register(batch)
    for turn in range(20):
        book.sent(batch.id, turn * 10.0)
        book.failed(batch.id, turn * 10.0)
        assert book.overdue(turn * 10.0 + 1.0) == []
        assert book.missing(book.overdue(turn * 10.0 + 2.5)) == [batch]
