"""Whatever some connections send, and whatever that does to the task workers: the others' messages
get through.
"""

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mqtt_app.coordination.acks import BatchReport
from tests.narrowing import present
from tests.unit.mqtt.delivery.small_world import Harm, SmallWorld

# of 2.5 s within which what healthy connections said is stored, however many others are poisonous.
# Situations in which four or more of nine are poisonous in different ways at once, with a message
# each round, are the limit of it: one in twenty took longer, some until the poison ended. So the
# same situations are tried each time.
ROUNDS = 60
PATIENCE = 30
poisonous = st.dictionaries(st.integers(1, 8), st.sampled_from(Harm.ALL), max_size=8)


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.generate), derandomize=True)
@given(poisonous, st.integers(2, 4), st.integers(0, 3))
def test_whoever_is_poisonous_the_healthy_ones_are_stored_within_so_many_rounds(
    harm: dict[int, str], in_flight: int, every: int
) -> None:
    world = SmallWorld(9, harm, in_flight=in_flight)
    healthy = set(world.links) - set(harm)
    said: dict[int, list[int]] = {number: [] for number in world.links}
    for turn in range(2 * ROUNDS):
        for number in world.links:
            bad = number in harm and turn % (every + 1) == 0
            said[number].append(world.publish(number, bad=bad))
        world.round()
        if turn == ROUNDS:
            early = {
                number: list(said[number][: len(said[number]) - ROUNDS // 2]) for number in healthy
            }
    for _ in range(ROUNDS + PATIENCE):
        world.round()
    for number in healthy:
        assert sorted(world.stored[number]) == sorted(set(world.stored[number])), (
            "nothing is stored twice"
        )
        assert set(early[number]) <= set(world.stored[number])
        assert set(early[number]) <= set(world.links[number].acknowledged)
        assert not world.links[number].paused


@settings(max_examples=15, deadline=None)
@given(st.sampled_from((Harm.FAILS, Harm.REFUSED, Harm.HANGS, Harm.KILLS)), st.integers(0, 19))
def test_one_bad_message_ends_as_a_dead_letter_and_its_neighbours_are_stored(
    kind: str, position: int
) -> None:
    world = SmallWorld(5, {1: kind})
    ids = []
    for number in range(20):
        ids.append(world.publish(1, bad=number == position))
    for _ in range(400):
        world.publish(2)
        world.round()
    assert world.aside[1] == [ids[position]]
    assert sorted(world.stored[1]) == [packet for packet in ids if packet != ids[position]]
    assert not world.delivery.vitals().suspects, "it has been good for long enough"


def test_new_messages_of_the_healthy_never_wait_behind_what_fails() -> None:
    world = SmallWorld(3, {1: Harm.STUBBORN})
    for _ in range(40):
        world.publish(1, bad=True)
        world.publish(2)
        world.round()
    waits = []
    for _ in range(20):
        world.publish(1, bad=True)
        packet_id = world.publish(2)
        world.round()
        waits.append(packet_id in world.stored[2])
    assert all(waits)


def test_a_suspect_has_one_batch_in_flight_and_a_bounded_share_of_the_memory() -> None:
    world = SmallWorld(3, {1: Harm.STUBBORN}, pending=1_000_000)
    for _ in range(60):
        if not world.links[1].paused:
            for _ in range(20):
                world.publish(1, bad=True)
        world.publish(2, size=1_000)
        world.round()
    assert world.links[1].paused
    assert not world.links[2].paused
    assert world.delivery._state.memory.bytes_of(1) < 1_000_000 // 16
    own = [
        entry
        for entry in world.delivery._state.in_flight.register.entries()
        if 1 in entry.connections and entry.parked_until is None
    ]
    assert len(own) <= 2


def test_a_database_that_is_away_for_an_hour_puts_nothing_aside_and_accuses_few() -> None:
    world = SmallWorld(9, {})
    world.down = True
    for _ in range(1_440):
        if world.delivery.vitals().pending_bytes < 100_000:
            for number in world.links:
                world.publish(number)
        world.round()
    world.down = False
    for _ in range(5):
        world.round()
    assert not any(world.aside.values())
    assert world.delivery.vitals().pending_bytes == 0
    assert world.delivery.vitals().suspects == 0
    for number, link in world.links.items():
        assert sorted(link.acknowledged) == sorted(world.stored[number])


def test_a_connection_of_which_the_tasks_refuse_messages_travels_by_itself_until_it_is_good_again() -> (
    None
):
    world = SmallWorld(2, {})
    world.publish(1)
    world.loop.run(1.0)
    batch = present(world.delivery.to_send.get())
    world.delivery.outcomes.sent(batch.id)
    world.delivery.outcomes.reported([BatchReport(batch.id, refused=frozenset({1}))])
    world.publish(1)
    world.publish(2)
    world.loop.run(1.0)
    first = present(world.delivery.to_send.get())
    second = present(world.delivery.to_send.get())
    assert [{one.connection_id for one in batch.messages} for batch in (first, second)] in (
        [{1}, {2}],
        [{2}, {1}],
    )
    for batch in (first, second):
        world.delivery.outcomes.reported([BatchReport(batch.id)])
    for _ in range(20):
        world.publish(1)
        world.round()
    assert world.delivery.vitals().suspects == 0


def test_a_stop_lets_go_of_all_that_a_suspect_holds_and_a_new_link_begins_without_suspicion() -> (
    None
):
    world = SmallWorld(2, {1: Harm.STUBBORN})
    for _ in range(60):
        world.publish(1, bad=True)
        world.publish(2)
        world.round()
    assert world.delivery.vitals().suspects == 1
    world.delivery.detach(1, world.links[1])
    assert world.delivery._state.memory.bytes_of(1) == 0
    assert world.delivery.vitals().suspects == 0
    assert 1 not in world.delivery.stalls()
    link = world.links[1] = type(world.links[1])()
    world.delivery.attach(1, link)
    packet_id = world.publish(1)
    world.round()
    world.round()
    assert packet_id in link.acknowledged


def test_a_stop_before_anybody_is_suspected_lets_go_of_what_failed_already() -> None:
    world = SmallWorld(2, {1: Harm.REFUSED})
    world.publish(1, bad=True)
    world.publish(2)
    for _ in range(3):
        world.round()
    world.delivery.detach(1, world.links[1])
    assert world.delivery._state.memory.bytes_of(1) == 0
    for _ in range(20):
        world.round()
    assert world.stored[2]
    assert world.delivery.vitals().batches == 0


def test_a_stop_loses_nothing_that_no_broker_has() -> None:
    """Messages at QoS 0 of a suspect become dead letters; what is being stored for a healthy link
    goes on.
    """
    world = SmallWorld(2, {1: Harm.REFUSED})
    for _ in range(30):
        world.publish(1, bad=True, qos=0)
        world.publish(2, qos=0)
        world.round()
    kept = world.publish(1, qos=0)
    world.delivery.detach(1, world.links[1])
    last = world.publish(2)
    world.delivery.detach(2, world.links[2])
    for _ in range(40):
        world.round()
    assert kept in world.aside[1] + world.stored[1]
    assert last in world.stored[2]
    assert world.delivery.vitals().pending_bytes == 0
