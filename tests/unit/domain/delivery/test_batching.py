from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.delivery.ack_order import AckOrder
from mqtt_app.domain.delivery.batching import CROWD, Batcher, Limits
from mqtt_app.domain.delivery.memory_share import may_read
from mqtt_app.domain.delivery.messages import Envelope
from tests.narrowing import present


def message(connection_id: int, packet_id: int, payload: bytes = b"x") -> Envelope:
    return Envelope(
        connection_id, connection_id, 1, 1, packet_id, "a/b", payload, 1, False, False, 0.0
    )


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 500)), max_size=200), st.integers(1, 20)
)
def test_every_message_is_taken_once_and_in_the_order_of_its_connection(
    arrivals: list[tuple[int, int]], size: int
) -> None:
    batcher = Batcher(Limits(messages=size, size=1_000))
    sent = [
        message(connection_id, number, bytes(length))
        for number, (connection_id, length) in enumerate(arrivals)
    ]
    for one in sent:
        batcher.add(one, 0.0)
    taken: list[Envelope] = []
    while batcher.due_at() is not None:
        part, _ = batcher.take(0.0)
        assert 0 < len(part) <= size
        taken += part
    for connection_id in range(1, 6):
        assert [m for m in taken if m.connection_id == connection_id] == [
            m for m in sent if m.connection_id == connection_id
        ]
    assert (batcher.count, batcher.size) == (0, 0)


def test_a_noisy_connection_leaves_room_for_the_others() -> None:
    batcher = Batcher(Limits(messages=10))
    for number in range(1_000):
        batcher.add(message(1, number), 0.0)
    batcher.add(message(2, 1), 0.0)
    assert 2 in {one.connection_id for one in batcher.take(0.0)[0]}


def test_beside_a_flood_those_who_say_little_go_first_and_by_themselves() -> None:
    batcher = Batcher(Limits(linger=0.05))
    for number in range(CROWD):
        batcher.add(message(1, number), 0.0)
    batcher.add(message(2, 1), 0.01)
    batcher.drop(1, "too_large", 0.01)
    taken, drops = batcher.take(0.05)
    assert ([one.connection_id for one in taken], len(drops)) == ([2], 1)
    assert present(batcher.due_at()) <= 0.05, "the flood has waited long enough, too"
    assert len(batcher.take(0.05)[0]) == CROWD
    assert batcher.due_at() is None


def test_connections_that_say_as_much_as_each_other_share_their_batches() -> None:
    batcher = Batcher(Limits())
    for number in range(CROWD):
        batcher.add(message(number % 20, number), 0.0)
    assert len(batcher.take(0.0)[0]) == CROWD


def test_a_batch_is_due_when_full_urgent_or_old_enough() -> None:
    batcher = Batcher(Limits(messages=2, linger=0.05))
    batcher.add(message(1, 1), 10.0)
    assert batcher.due_at() == 10.05
    batcher.add(message(1, 2), 10.0)
    assert batcher.due_at() == 0.0
    batcher.take(10.0)
    batcher.add(message(1, 3), 10.0, urgent=True)
    assert batcher.due_at() == 0.0


def test_a_batch_grows_while_others_are_being_stored_but_not_without_end() -> None:
    batcher = Batcher(Limits(messages=3, linger=0.05, patience=0.2))
    batcher.add(message(1, 1), 10.0, urgent=True)
    assert [batcher.due_at(in_flight) for in_flight in (0, 1, 2, 3)] == [0.0, 0.0, 10.2, 10.2]
    batcher.add(message(1, 2), 10.0)
    batcher.add(message(1, 3), 10.0)
    assert batcher.due_at(3) == 0.0


@given(st.permutations(range(1, 30)))
def test_acknowledgements_are_in_order_and_never_before_the_commit(commits: list[int]) -> None:
    order, acknowledged = AckOrder(), []
    for packet_id in range(1, 30):
        order.received(packet_id)
    for done, packet_id in enumerate(commits, 1):
        order.mark_committed(packet_id)
        acknowledged += order.take_ready()
        assert set(acknowledged) <= set(commits[:done])
    assert acknowledged == list(range(1, 30))


@given(st.integers(0, 1_000), st.integers(0, 1_000), st.integers(1, 50))
def test_full_memory_stops_everybody_and_half_full_only_the_greedy(
    held: int, total: int, holders: int
) -> None:
    allowed = may_read(held, total, holders, 1_000)
    assert not allowed or total < 1_000
    assert allowed or total >= 500
