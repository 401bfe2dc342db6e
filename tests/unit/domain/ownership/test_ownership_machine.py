"""The ownership protocol in a small world: any order of crashes, pauses, wipes, partitions and
reconciles.

The planner and the rules of leases are the real ones (the lease store is the fake that
tests/contracts hold to the real one); a worker's scan and the conditional writes of the database
are modelled, in steps of half a second.
"""

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mqtt_app.coordination.leases import Lease, Renewal
from mqtt_app.domain.ownership.planner import BALANCE_SHARE, Instance, PlannedConnection, plan
from tests.fakes.leases import FakeLeaseStore
from tests.unit.domain.ownership.small_world import (
    CAPACITY,
    KNOBS,
    MOST,
    NAMES,
    SETTLING,
    STEP,
    TROUBLE,
    Stored,
    Worker,
)


class OwnershipMachine(RuleBasedStateMachine):
    @initialize(count=st.integers(1, MOST), seconds=st.sampled_from((5, 40)))
    def world(self, count: int, seconds: int) -> None:
        self.now, self.redis_up, self.beating, self.beat_at = 1_000.0, True, True, 1_000.0
        self.store = FakeLeaseStore(KNOBS.lease_ttl, lambda: self.now)
        self.workers = {name: Worker(name, started_at=self.now) for name in NAMES}
        self.rows = {number: Stored() for number in range(1, count + 1)}
        self.highest: dict[int, int] = {}
        self.pass_time(seconds)

    # What happens

    @rule(choice=st.integers(0, MOST - 1), wanted=st.booleans())
    def an_operator_switches(self, choice: int, wanted: bool) -> None:
        self.rows[1 + choice % len(self.rows)].wanted = wanted

    @rule(troubles=st.lists(TROUBLE, min_size=1, max_size=3))
    def things_break_and_are_mended(self, troubles: list[tuple[str, str, float, float]]) -> None:
        """Each after a while and for a while; several at once."""
        steps = [(at, kind, name, True) for kind, name, at, _ in troubles]
        steps += [(at + lasts, kind, name, False) for kind, name, at, lasts in troubles]
        begun = self.now
        for at, kind, name, breaks in sorted(steps):
            self.pass_time(begun + at - self.now)
            getattr(self, kind)(self.workers[name], breaks)

    @rule(seconds=st.sampled_from((0.5, 5.0, 31.0, 70.0)))
    def nothing_happens(self, seconds: float) -> None:
        self.pass_time(seconds)

    def death(self, worker: Worker, breaks: bool) -> None:
        if breaks:
            worker.alive = False
        elif not worker.alive:
            self.workers[worker.name] = Worker(
                worker.name, started_at=self.now, incarnation=worker.incarnation + 1
            )

    def sleep(self, worker: Worker, breaks: bool) -> None:
        worker.awake = not breaks

    def drain(self, worker: Worker, breaks: bool) -> None:
        worker.draining = breaks

    def cut_from_redis(self, worker: Worker, breaks: bool) -> None:
        worker.redis = not breaks

    def cut_from_database(self, worker: Worker, breaks: bool) -> None:
        worker.database = not breaks

    def cut_off(self, worker: Worker, breaks: bool) -> None:
        worker.redis = worker.database = not breaks

    def redis_down(self, _: Worker, breaks: bool) -> None:
        self.redis_up = not breaks

    def redis_wiped(self, _: Worker, breaks: bool) -> None:
        if breaks:
            self.store.wipe()

    def beat_dead(self, _: Worker, breaks: bool) -> None:
        self.beating = not breaks

    def beat_twice(self, _: Worker, __: bool) -> None:
        self.reconcile()
        self.reconcile()

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds / STEP)):
            self.now += STEP
            for worker in list(self.workers.values()):
                self.turn(worker)
            if self.beating and self.now >= self.beat_at:
                self.beat_at = self.now + KNOBS.reconcile_interval
                self.reconcile()

    # How the parts answer

    def acts(self, worker: Worker) -> bool:
        return (
            worker.alive
            and worker.awake
            and worker.leased
            and worker.looked
            and self.now < worker.good_until
        )

    def turn(self, worker: Worker) -> None:
        if not (worker.alive and worker.awake):
            return
        if self.now >= worker.next_renewal:
            worker.next_renewal = self.now + KNOBS.lease_renew
            if worker.redis and self.redis_up:
                self.renew(worker)
        if self.now >= worker.next_scan and worker.database:
            worker.next_scan = self.now + KNOBS.scan_interval
            self.scan(worker)

    def renew(self, worker: Worker) -> None:
        lease = Lease(
            worker.name,
            str(worker.incarnation),
            CAPACITY,
            draining=worker.draining,
            started_at=worker.started_at,
        )
        if worker.leased:
            worker.leased = self.store.renew(lease) is not Renewal.LOST
        else:
            worker.leased = self.store.acquire(lease)
        if self.now >= worker.good_until:
            worker.looked, worker.next_scan = False, self.now
        if worker.leased:
            worker.good_until = self.now + KNOBS.lease_act

    def scan(self, worker: Worker) -> None:
        for number, generation in list(worker.held.items()):
            row = self.rows[number]
            if not worker.leased or (row.owner, row.generation) != (worker.name, generation):
                del worker.held[number]
        worker.looked, worker.looked_at = True, self.now
        if not self.acts(worker):
            return
        for number, row in self.rows.items():
            here = row.wanted and row.assigned == worker.name and not worker.draining
            if not here and (number in worker.held or row.owner == worker.name):
                worker.held.pop(number, None)
                row.owner = ""
            elif here and number not in worker.held:
                self.take(worker, number, row)
        self.reconcile(only_if_needed=True)

    def take(self, worker: Worker, number: int, row: Stored) -> None:
        overdue = self.now - row.assigned_at >= KNOBS.force_after
        if row.owner in ("", worker.name) or overdue:
            self.nobody_else_acts(worker, number)
            row.owner, row.generation = worker.name, row.generation + 1
            worker.held[number] = row.generation

    def reconcile(self, *, only_if_needed: bool = False) -> None:
        if not self.redis_up:
            return
        leases = self.store.read_all()
        complete = self.store.known_for() >= KNOBS.lease_ttl
        live = [
            Instance(one.instance_id, one.capacity, one.draining, one.started_at)
            for one in leases.values()
        ]
        rows = [
            PlannedConnection(number, row.wanted, row.owner, row.assigned)
            for number, row in self.rows.items()
        ]
        found = plan(rows, live, self.now, complete=complete, rebalance_after=KNOBS.rebalance_after)
        if only_if_needed and not (found.orphaned or found.unassigned):
            return
        self.moved_for_balance(found.moved)
        for number, target in found.assign.items():
            self.rows[number].assigned, self.rows[number].assigned_at = target, self.now
        for number in found.orphaned:
            self.rows[number].owner = ""
        if found.assign or found.orphaned:
            self.nudge()
        self.nobody_is_overfull({one.id for one in live})

    def nudge(self) -> None:
        for worker in self.workers.values():
            if worker.redis:
                worker.next_scan = self.now

    # What holds

    def moved_for_balance(self, moved: tuple[int, ...]) -> None:
        assert len(moved) <= max(1, sum(row.wanted for row in self.rows.values()) // BALANCE_SHARE)

    def nobody_is_overfull(self, live: set[str]) -> None:
        for name in live:
            assert (
                sum(row.wanted and row.assigned == name for row in self.rows.values()) <= CAPACITY
            )

    def nobody_else_acts(self, taker: Worker, number: int) -> None:
        """Whoever had it lets go, or stopped acting before its lease ran out; by force it is taken
        only from one that has not seen its row since that was assigned away (it may reach the
        database again from this very step on). Who holds an older generation was judged when that
        one was followed, and is fenced off.
        """
        present = self.rows[number].generation
        for other in self.workers.values():
            if other is not taker and other.held.get(number) == present and self.acts(other):
                unseen = other.looked_at <= self.rows[number].assigned_at
                assert unseen, f"{taker.name} takes {number} while {other.name} acts on it"
                assert self.now - self.rows[number].assigned_at >= KNOBS.force_after

    @invariant()
    def nobody_holds_the_same_generation(self) -> None:
        for number in getattr(self, "rows", {}):
            held = [
                worker.held[number] for worker in self.workers.values() if number in worker.held
            ]
            assert len(held) == len(set(held))

    @invariant()
    def generations_only_grow(self) -> None:
        for number, row in getattr(self, "rows", {}).items():
            assert row.generation >= self.highest.get(number, 0)
            self.highest[number] = row.generation

    def teardown(self) -> None:
        if not hasattr(self, "rows"):
            return
        self.redis_up = self.beating = True
        for worker in list(self.workers.values()):
            worker.redis = worker.database = worker.awake = True
            worker.draining = False
            self.death(worker, breaks=False)
        self.pass_time(SETTLING)
        wanted = {number for number, row in self.rows.items() if row.wanted}
        held = [number for worker in self.workers.values() for number in worker.held]
        assert sorted(held) == sorted(wanted), "everything wanted is held once, and nothing else"
        loads = [len(worker.held) for worker in self.workers.values()]
        assert max(loads) - min(loads) <= 1, f"unevenly spread: {loads}"
        for number in self.rows:
            assert self.rows[number].owner == (
                self.rows[number].assigned if number in wanted else ""
            )


OwnershipMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=12, deadline=None
)
TestOwnership = OwnershipMachine.TestCase


def test_who_follows_a_successor_at_once_is_not_blamed_for_the_one_before() -> None:
    """`a` does not see the rows, so `b` takes by force; `b` drains in good order, so `c` need not
    wait.
    """
    world = OwnershipMachine()
    world.world(count=3, seconds=40)
    number = next(number for number, row in world.rows.items() if row.owner == "a")
    world.cut_from_database(world.workers["a"], True)
    world.drain(world.workers["a"], True)
    world.workers["c"].draining = True
    world.pass_time(2 * KNOBS.force_after + KNOBS.reconcile_interval)
    assert world.rows[number].owner == "b"
    world.workers["c"].draining = False
    world.drain(world.workers["b"], True)
    world.pass_time(KNOBS.reconcile_interval + KNOBS.scan_interval)
    assert (world.rows[number].owner, world.workers["a"].held[number]) == ("c", 1)


class LongOwnershipMachine(OwnershipMachine):
    """The same, explored at length."""


LongOwnershipMachine.TestCase.settings = settings(
    max_examples=1_500, stateful_step_count=25, deadline=None
)
TestOwnershipAtLength = pytest.mark.timeout(900)(pytest.mark.chaos(LongOwnershipMachine.TestCase))
