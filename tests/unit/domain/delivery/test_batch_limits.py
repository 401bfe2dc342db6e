"""When a batch leaves, whose messages are in it, and what its wire form refuses: each limit from
both sides.
"""

from typing import Any

import pytest

from mqtt_app.domain.delivery import batching, messages
from mqtt_app.domain.delivery.ack_order import AckOrder
from mqtt_app.domain.delivery.batching import Batcher, Limits
from mqtt_app.domain.delivery.memory_share import may_read
from mqtt_app.domain.delivery.messages import Batch, Envelope, WireError, pack, unpack


def envelope(
    connection_id: int = 1, number: int = 1, payload: bytes = b"x", topic: str = "a/b"
) -> Envelope:
    return Envelope(
        connection_id, connection_id, 1, 1, number, topic, payload, 1, False, False, 0.0
    )


# Batches


def filled(count: int, **limits: Any) -> Batcher:
    batcher = Batcher(Limits(**limits))
    for number in range(count):
        batcher.add(envelope(number=number), 10.0)
    return batcher


def test_a_batch_is_full_at_its_last_message_or_byte() -> None:
    assert filled(2, messages=3, linger=1.0).due_at() == 11.0
    assert filled(3, messages=3, linger=1.0).due_at() == 0.0
    size = envelope().size
    assert size == 104
    assert filled(2, size=3 * size, linger=1.0).due_at() == 11.0
    assert filled(3, size=3 * size, linger=1.0).due_at() == 0.0


def test_a_batch_takes_no_more_bytes_once_it_is_full() -> None:
    batcher = filled(5, size=2 * envelope().size)
    assert [len(batcher.take(11.0)[0]) for _ in range(3)] == [2, 2, 1]
    assert (batcher.count, batcher.size) == (0, 0)
    little_more = filled(5, size=2 * envelope().size + 1)
    assert len(little_more.take(11.0)[0]) == 3


def test_what_stays_behind_is_due_from_the_moment_of_the_take() -> None:
    batcher = filled(5, messages=4, linger=1.0)
    batcher.take(20.0)
    assert batcher.due_at() == 21.0
    batcher.take(30.0)
    assert batcher.due_at() is None


def test_urgency_is_over_when_the_batch_has_left() -> None:
    batcher = Batcher(Limits(messages=1_000, linger=1.0))
    batcher.add(envelope(), 10.0, urgent=True)
    batcher.add(envelope(), 10.0)
    assert batcher.due_at() == 0.0
    batcher.take(10.0)
    batcher.add(envelope(), 12.0)
    assert batcher.due_at() == 13.0


def test_drops_are_counted_by_site_and_reason_and_leave_once() -> None:
    batcher = Batcher(Limits(linger=1.0))
    for site, reason in ((1, "a"), (1, "a"), (1, "b"), (2, "a")):
        batcher.drop(site, reason, 10.0)
    batcher.drop(2, "a", 15.0)
    assert batcher.due_at() == 11.0
    taken, drops = batcher.take(20.0)
    assert (taken, sorted((one.site_id, one.reason, one.count) for one in drops)) == (
        (),
        [(1, "a", 2), (1, "b", 1), (2, "a", 2)],
    )
    assert (batcher.due_at(), batcher.take(30.0)) == (None, ((), ()))


@pytest.mark.parametrize(
    ("flood", "quiet", "taken"),
    [
        (198, 1, 199),
        (199, 1, 1),  # a crowd is two hundred
        (175, 25, 25),
        (174, 26, 200),  # an eighth of two hundred, of two, is little
    ],
)
def test_who_has_little_beside_a_crowd_goes_first(flood: int, quiet: int, taken: int) -> None:
    batcher = Batcher(Limits())
    for connection_id, count in ((1, flood), (2, quiet)):
        for number in range(count):
            batcher.add(envelope(connection_id, number), 10.0)
    assert len(batcher.take(11.0)[0]) == taken


def test_a_share_is_an_equal_part_of_the_batch_in_turn() -> None:
    batcher = Batcher(Limits(messages=4))
    for connection_id in (1, 2):
        for number in range(4):
            batcher.add(envelope(connection_id, number), 10.0)
    turns = [
        [(one.connection_id, one.packet_id) for one in batcher.take(11.0)[0]] for _ in range(2)
    ]
    assert turns == [[(1, 0), (1, 1), (2, 0), (2, 1)], [(1, 2), (1, 3), (2, 2), (2, 3)]]
    assert (batching.CROWD, batching.EAGER) == (200, 2)


@pytest.mark.parametrize(
    ("held", "total", "holders", "allowed"),
    [
        (400, 499, 2, True),
        (249, 500, 2, True),
        (250, 500, 2, False),
        (0, 999, 2, True),
        (0, 1_000, 2, False),
        (499, 500, 1, True),
        (500, 500, 1, False),
        (499, 500, 0, True),
    ],
)
def test_beyond_half_of_the_memory_only_who_holds_less_than_a_share_reads_on(
    held: int, total: int, holders: int, allowed: bool
) -> None:
    assert may_read(held, total, holders, 1_000) is allowed


def test_acknowledgements_stop_at_the_first_that_waits() -> None:
    order = AckOrder()
    for packet_id, done in ((1, True), (2, False), (3, True)):
        order.received(packet_id, done=done)
    assert (order.take_ready(), len(order), 1 in order, 3 in order) == ([1], 2, False, True)
    order.mark_committed(9)
    assert order.take_ready() == []
    order.mark_committed(2)
    assert (order.take_ready(), len(order)) == ([2, 3], 0)


# Wire


def test_a_batch_of_another_version_or_damaged_is_refused_by_name() -> None:
    blob = pack(Batch("f" * 32, "i", "s", (envelope(),)))
    assert unpack(blob).messages == (envelope(),)
    assert blob[0] == messages.WIRE_VERSION
    for wrong, says in ((b"", "none"), (b"\x02" + blob[1:], "version 2"), (blob[:-1], "damaged")):
        with pytest.raises(WireError, match=says):
            unpack(wrong)


def test_a_batch_is_as_large_as_its_messages() -> None:
    parts = (envelope(payload=b"12345"), envelope(topic="t"))
    assert Batch("f" * 32, "i", "s", parts).size == (100 + 5 + 3) + (100 + 1 + 1)


def test_the_limits_where_nobody_sets_any() -> None:
    expected = Limits(
        messages=2_000,
        size=1_048_576,
        linger=0.05,
        patience=0.2,
        in_flight=4,
        pending=134_217_728,
        receipt_timeout=30.0,
        quarantine_after=3,
    )
    assert Limits() == expected
