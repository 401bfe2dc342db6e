"""LeaseStore and AckList without Redis, for tests of who uses them. tests/contracts holds them to
the real ones.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec

from mqtt_app.coordination.acks import BatchReport
from mqtt_app.coordination.leases import Lease, Renewal


class FakeLeaseStore:
    def __init__(self, ttl: float, clock: Callable[[], float]) -> None:
        self._ttl, self._clock = ttl, clock
        self._leases: dict[str, tuple[Lease, float]] = {}
        self._since: float | None = None
        self._held: float | None = None

    def acquire(self, lease: Lease, *, instead_of: str = "") -> bool:
        return self._set(lease, instead_of) is not Renewal.LOST

    def renew(self, lease: Lease) -> Renewal:
        return self._set(lease, "")

    def release(self, lease: Lease) -> bool:
        found = self.read(lease.instance_id)
        if found is None or found.incarnation != lease.incarnation:
            return False
        del self._leases[lease.instance_id]
        return True

    def read(self, instance_id: str) -> Lease | None:
        lease, until = self._leases.get(instance_id, (None, 0.0))
        return lease if self._clock() < until else None

    def read_all(self) -> dict[str, Lease]:
        self._note_silence()
        return {name: lease for name in self._leases if (lease := self.read(name)) is not None}

    def known_for(self) -> float:
        return 0.0 if self._since is None else self._clock() - self._since

    def wipe(self) -> None:
        self._leases, self._since, self._held = {}, None, None

    def _note_silence(self) -> None:
        now = self._clock()
        known, held = (
            now if self._since is None else self._since,
            now if self._held is None else self._held,
        )
        self._since = now if now - held > self._ttl / 2 and known <= held else known

    def _set(self, lease: Lease, instead_of: str) -> Renewal:
        found = self.read(lease.instance_id)
        if found is not None and found.incarnation not in {lease.incarnation, instead_of}:
            return Renewal.LOST
        stored = msgspec.structs.replace(lease, renewed_at=self._clock())
        self._leases[lease.instance_id] = (stored, self._clock() + self._ttl)
        self._note_silence()
        self._held = self._clock()
        return Renewal.ASSERTED if found is None else Renewal.HELD


class FakeAckList:
    def __init__(self) -> None:
        self._lists: defaultdict[tuple[str, str], list[BatchReport]] = defaultdict(list)

    def push(self, instance_id: str, incarnation: str, reports: Sequence[BatchReport]) -> None:
        self._lists[instance_id, incarnation] += reports

    def pop(self, instance_id: str, incarnation: str, timeout: float) -> list[BatchReport]:
        return self._lists.pop((instance_id, incarnation), [])
