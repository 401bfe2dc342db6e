"""Which instance each connection is assigned to: wanted and present in, changes out. Nothing is
done here.

Level-triggered: the same situation gives the same plan, and once its assignments are written the
next plan is empty.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

BALANCE_SHARE = 10  # at most one in ten wanted connections is under way for balance at a time


class PlannedConnection(msgspec.Struct, frozen=True):
    """A connection: the instance that should have it (`assigned`) and the one that has it (`owner`);
    "" is none.
    """

    id: int
    wanted: bool
    owner: str
    assigned: str


class Instance(msgspec.Struct, frozen=True):
    """A living MQTT worker. `capacity` in connections, `started_at` in unix seconds."""

    id: str
    capacity: int
    draining: bool
    started_at: float


class Plan(msgspec.Struct, frozen=True):
    """`assign`: connection id -> new assigned instance ("" takes it away). The tuples name the
    sets, by id.
    """

    assign: dict[int, str]
    unwanted: tuple[int, ...] = ()  # switched off, yet assigned
    orphaned: tuple[int, ...] = ()  # their owner has no lease: no instance holds the link any more
    kept: tuple[int, ...] = ()
    unassigned: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()  # for balance only
    unplaced: tuple[int, ...] = ()  # unassigned, and no instance has room

    @property
    def is_empty(self) -> bool:
        return not (self.assign or self.orphaned)


def plan(
    rows: Iterable[PlannedConnection],
    instances: Iterable[Instance],
    now: float,
    *,
    complete: bool,
    rebalance_after: float,
) -> Plan:
    """The changes to make.

    `complete`: the instances are all there are. Otherwise a missing one may be alive, so only
    connections without owner and assignment are assigned, which harms no instance. `now` in unix seconds; connections
    move for balance once the youngest instance is `rebalance_after` seconds old.
    """
    everything = sorted(rows, key=_by_id)
    live = {instance.id: instance for instance in instances}
    takers = {name: instance for name, instance in live.items() if not instance.draining}
    if not complete:
        return _first_assignments(everything, takers)
    homes = {row.id: _home(row, takers) for row in everything if row.wanted}
    unwanted = [row for row in everything if not row.wanted and row.assigned]
    orphaned = [row for row in everything if row.owner and row.owner not in live]
    kept = [row for row in everything if homes.get(row.id)]
    unassigned = [row for row in everything if row.wanted and not homes[row.id]]
    load = _load(takers, (homes[row.id] for row in kept))
    placed = _place(unassigned, takers, load)
    budget = 0
    if _stable(live.values(), now, rebalance_after):
        budget = _budget(kept, homes, live)
    moved = _balance(kept, homes, takers, load, budget)
    targets = {row.id: homes[row.id] for row in kept} | placed | moved
    return Plan(
        assign={row.id: "" for row in unwanted} | _changes(everything, targets),
        unwanted=_ids(unwanted),
        orphaned=_ids(orphaned),
        kept=tuple(row.id for row in kept if row.id not in moved),
        unassigned=_ids(unassigned),
        moved=tuple(moved),
        unplaced=tuple(row.id for row in unassigned if row.id not in placed),
    )


def _by_id(row: PlannedConnection) -> int:
    return row.id


def _changes(rows: Iterable[PlannedConnection], targets: Mapping[int, str]) -> dict[int, str]:
    """Those targets that are not assigned yet."""
    return {
        row.id: targets[row.id] for row in rows if targets.get(row.id, row.assigned) != row.assigned
    }


def _first_assignments(rows: Sequence[PlannedConnection], takers: Mapping[str, Instance]) -> Plan:
    kept = [row for row in rows if row.wanted and row.assigned in takers]
    unassigned = [row for row in rows if row.wanted and not row.assigned and not row.owner]
    placed = _place(unassigned, takers, _load(takers, (row.assigned for row in kept)))
    return Plan(assign=placed, kept=_ids(kept), unassigned=_ids(unassigned))


def _home(row: PlannedConnection, takers: Mapping[str, Instance]) -> str:
    """The instance that the connection stays with, or "". A healthy owner keeps what was assigned to
    an instance that died.
    """
    if row.assigned in takers:
        return row.assigned
    if row.owner in takers:
        return row.owner
    return ""


def _load(takers: Iterable[str], homes: Iterable[str]) -> dict[str, int]:
    load = dict.fromkeys(sorted(takers), 0)
    for home in homes:
        load[home] += 1
    return load


def _place(
    unassigned: Iterable[PlannedConnection], takers: Mapping[str, Instance], load: dict[str, int]
) -> dict[int, str]:
    """Each to the emptiest instance that has room; counts them in `load`."""
    placed: dict[int, str] = {}
    for row in unassigned:
        open_ = [name for name in load if load[name] < takers[name].capacity]
        if not open_:
            break
        _, target = min((load[name], name) for name in open_)
        placed[row.id] = target
        load[target] += 1
    return placed


def _stable(instances: Iterable[Instance], now: float, rebalance_after: float) -> bool:
    return (
        now - max((instance.started_at for instance in instances), default=now) >= rebalance_after
    )


def _budget(
    kept: Iterable[PlannedConnection], homes: Mapping[int, str], live: Mapping[str, Instance]
) -> int:
    """Voluntary moves allowed now: a share of all, less those still on their way from one owner to
    the next.
    """
    under_way = sum(homes[row.id] != row.owner for row in kept if row.owner in live)
    return max(0, max(1, len(homes) // BALANCE_SHARE) - under_way)


def _balance(
    kept: Iterable[PlannedConnection],
    homes: Mapping[int, str],
    takers: Mapping[str, Instance],
    load: dict[str, int],
    budget: int,
) -> dict[int, str]:
    """From the fullest to the emptiest while that makes the spread smaller; only links that are
    settled.
    """
    settled: dict[str, list[int]] = {name: [] for name in load}
    for row in kept:
        if row.owner == homes[row.id]:
            settled[row.owner].append(row.id)
    moved: dict[int, str] = {}
    while len(moved) < budget:
        donors = [name for name in load if settled[name]]
        receivers = [name for name in load if load[name] < takers[name].capacity]
        if not donors or not receivers:
            break
        # names as second key: planners that see the same plan the same
        _, donor = max((load[name], name) for name in donors)
        _, receiver = min((load[name], name) for name in receivers)
        if load[donor] - load[receiver] < 2:  # a move would only swap their places
            break
        moved[settled[donor].pop()] = receiver
        load[donor] -= 1
        load[receiver] += 1
    return moved


def _ids(rows: Iterable[PlannedConnection]) -> tuple[int, ...]:
    return tuple(row.id for row in rows)
