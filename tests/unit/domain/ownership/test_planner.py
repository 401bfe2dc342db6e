"""The planner, on thousands of random situations and on the few that have a name."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies._internal.random import ArtificialRandom

from mqtt_app.domain.ownership.planner import BALANCE_SHARE, Instance, Plan, PlannedConnection, plan

NOW = 1_000_000.0
NAMES = ("a", "b", "c", "d")
STABLE = NOW - 600


def instance(
    name: str, capacity: int = 100, draining: bool = False, started_at: float = STABLE
) -> Instance:
    return Instance(name, capacity, draining, started_at)


def decide(rows: list[PlannedConnection], instances: list[Instance], complete: bool = True) -> Plan:
    return plan(rows, instances, NOW, complete=complete, rebalance_after=60)


def written(rows: list[PlannedConnection], made: Plan) -> list[PlannedConnection]:
    """What reconcile writes: assignments, and no owner where the owner is gone."""
    return [
        PlannedConnection(
            row.id,
            row.wanted,
            "" if row.id in made.orphaned else row.owner,
            made.assign.get(row.id, row.assigned),
        )
        for row in rows
    ]


def obeyed(rows: list[PlannedConnection]) -> list[PlannedConnection]:
    """What the workers make of it: whoever is assigned a wanted connection owns it."""
    return [
        PlannedConnection(row.id, row.wanted, row.assigned if row.wanted else "", row.assigned)
        for row in rows
    ]


def load(rows: list[PlannedConnection]) -> dict[str, int]:
    return {name: sum(row.wanted and row.assigned == name for row in rows) for name in NAMES}


somebody = st.sampled_from(("", *NAMES))
fleets = st.lists(
    st.builds(
        Instance,
        st.sampled_from(NAMES),
        st.integers(0, 12),
        st.booleans(),
        st.sampled_from((STABLE, NOW - 5)),
    ),
    max_size=4,
    unique_by=lambda one: one.id,
)
situations = st.lists(st.tuples(st.booleans(), somebody, somebody), max_size=30).map(
    lambda found: [PlannedConnection(number, *values) for number, values in enumerate(found)]
)
many = settings(max_examples=400, deadline=None)


@many
@example(
    [PlannedConnection(0, True, "", "c"), PlannedConnection(1, True, "c", "")],
    [instance("a", 1), instance("c", 0)],
    True,
)
@given(situations, fleets, st.booleans())
def test_once_a_plan_is_written_the_next_one_is_empty(
    rows: list[PlannedConnection], fleet: list[Instance], complete: bool
) -> None:
    after = written(rows, decide(rows, fleet, complete))
    assert decide(after, fleet, complete).is_empty


@many
@given(situations, fleets, st.booleans(), st.randoms())
def test_the_order_of_what_it_is_told_changes_nothing(
    rows: list[PlannedConnection], fleet: list[Instance], complete: bool, random: ArtificialRandom
) -> None:
    expected = decide(rows, fleet, complete)
    random.shuffle(rows)
    random.shuffle(fleet)
    assert decide(rows, fleet, complete) == expected


@many
@given(situations, fleets, st.booleans())
def test_nobody_is_given_more_than_there_is_room_for(
    rows: list[PlannedConnection], fleet: list[Instance], complete: bool
) -> None:
    before, after = load(rows), load(written(rows, decide(rows, fleet, complete)))
    adopted = {one.id: sum(row.wanted and row.owner == one.id for row in rows) for one in fleet}
    for one in fleet:
        assert after[one.id] <= max(one.capacity, before[one.id] + adopted[one.id])


@many
@given(situations, fleets, st.booleans())
def test_the_dead_and_the_draining_are_given_nothing(
    rows: list[PlannedConnection], fleet: list[Instance], complete: bool
) -> None:
    takers = {one.id for one in fleet if not one.draining} | {""}
    assert set(decide(rows, fleet, complete).assign.values()) <= takers


@many
@given(situations, fleets)
def test_a_healthy_settled_owner_is_disturbed_only_for_balance_and_for_few(
    rows: list[PlannedConnection], fleet: list[Instance]
) -> None:
    takers = {one.id for one in fleet if not one.draining}
    made = decide(rows, fleet)
    settled = {
        row.id for row in rows if row.wanted and row.owner == row.assigned and row.owner in takers
    }
    assert settled & set(made.assign) <= set(made.moved)
    assert len(made.moved) <= max(1, sum(row.wanted for row in rows) // BALANCE_SHARE)


@many
@given(situations, fleets)
def test_it_converges_to_an_even_spread_with_everyone_at_home_if_there_is_room(
    rows: list[PlannedConnection], fleet: list[Instance]
) -> None:
    fleet = [Instance(one.id, 100, one.draining, STABLE) for one in fleet]
    takers = [one.id for one in fleet if not one.draining]
    for _ in range(60):
        before, rows = rows, written(rows, decide(rows, fleet))
        rows = obeyed(rows) if takers else rows
        if rows == before:
            break
    assert decide(rows, fleet).is_empty
    if takers:
        spread = [load(rows)[name] for name in takers]
        assert max(spread) - min(spread) <= 1
        assert all(row.owner in takers for row in rows if row.wanted)


@many
@given(situations, fleets)
def test_as_long_as_someone_may_be_missing_only_what_is_nobodys_is_given_out(
    rows: list[PlannedConnection], fleet: list[Instance]
) -> None:
    made = decide(rows, fleet, complete=False)
    nobodys = {row.id for row in rows if row.wanted and not row.owner and not row.assigned}
    assert set(made.assign) <= nobodys
    assert not made.orphaned


def test_the_connections_of_a_dead_instance_move_at_once_and_evenly() -> None:
    rows = [PlannedConnection(number, True, "dead", "dead") for number in range(6)]
    made = decide(rows, [instance("a", started_at=NOW), instance("b", started_at=NOW)])
    assert made.orphaned == made.unassigned == (0, 1, 2, 3, 4, 5)
    assert load(written(rows, made)) == {"a": 3, "b": 3, "c": 0, "d": 0}


def test_a_newcomer_gets_nothing_from_healthy_owners_before_the_fleet_is_stable() -> None:
    rows = [PlannedConnection(number, True, "a", "a") for number in range(20)]
    assert decide(rows, [instance("a"), instance("b", started_at=NOW - 59)]).is_empty
    assert len(decide(rows, [instance("a"), instance("b", started_at=NOW - 60)]).moved) == 2


def test_moves_that_are_still_under_way_count_against_the_next_ones() -> None:
    rows = [
        PlannedConnection(number, True, "a", "b" if number < 2 else "a") for number in range(20)
    ]
    assert decide(rows, [instance("a"), instance("b")]).is_empty


def test_a_draining_instance_gives_up_its_connections_unless_there_is_nowhere_to_go() -> None:
    rows = [PlannedConnection(1, True, "a", "a"), PlannedConnection(2, True, "a", "a")]
    assert decide(rows, [instance("a", draining=True), instance("b")]).assign == {1: "b", 2: "b"}
    alone = decide(rows, [instance("a", draining=True)])
    assert alone.is_empty
    assert alone.unplaced == (1, 2)


def test_what_was_promised_to_an_instance_that_died_stays_with_its_healthy_owner() -> None:
    assert decide(
        [PlannedConnection(1, True, "a", "dead")], [instance("a"), instance("b")]
    ).assign == {1: "a"}


def test_a_stopped_connection_loses_its_assignment() -> None:
    made = decide(
        [PlannedConnection(1, False, "a", "a"), PlannedConnection(2, False, "", "")],
        [instance("a")],
    )
    assert made.assign == {1: ""}
    assert made.unwanted == (1,)


def test_what_does_not_fit_is_named() -> None:
    rows = [PlannedConnection(number, True, "", "") for number in range(3)]
    made = decide(rows, [instance("a", capacity=2)])
    assert made.assign == {0: "a", 1: "a"}
    assert made.unplaced == (2,)
