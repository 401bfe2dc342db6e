"""What Redis says right now about workers and links. Redis away is an answer, not an error."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import redis

from mqtt_app.conf import config
from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.evidence import EvidenceStore, LinkEvidence
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.domain.delivery.stalls import sentence
from mqtt_app.domain.health.vitals import stores_nothing

NO_ANSWER = "Redis does not answer"
TOO_YOUNG = "Redis has just started, and not every worker had time to report"


@dataclass(frozen=True, slots=True)
class Live:
    """`blind` says why nothing is known, and is empty when all of it is. `at` is unix seconds."""

    at: float
    blind: str = ""
    leases: Mapping[str, Lease] = field(default_factory=dict)
    links: Mapping[int, LinkEvidence] = field(default_factory=dict)

    @property
    def workers(self) -> int:
        """Live MQTT workers that accept connections."""
        return sum(not lease.draining for lease in self.leases.values())

    @property
    def nothing_stored(self) -> str:
        """Why no message of any site is being stored, "" when some are, or none waits."""
        stalled = stores_nothing(
            lease.vitals for lease in self.leases.values() if lease.vitals is not None
        )
        if stalled:
            return sentence(stalled.waits_for)
        return ""

    def lease_age(self, instance_id: str) -> float | None:
        lease = self.leases.get(instance_id)
        if lease is None:
            return None
        return max(0.0, self.at - lease.renewed_at)


def live(owned: Iterable[tuple[str, int]] = ()) -> Live:
    """Leases of all instances and evidence of the (owner, connection id) pairs: a few round trips,
    at most 1 s each.
    """
    pairs = [pair for pair in owned if pair[0]]
    try:
        return _ask(pairs)
    except redis.RedisError:
        return Live(time.time(), NO_ANSWER)


def _ask(pairs: list[tuple[str, int]]) -> Live:
    store = LeaseStore(quick_client(), config().lease_ttl)
    leases = store.read_all()
    missing = {owner for owner, _ in pairs} - leases.keys()
    if missing and store.known_for() < config().lease_ttl:
        return Live(time.time(), TOO_YOUNG, leases)
    links = EvidenceStore(quick_client(), config().evidence_ttl).read_many(pairs)
    return Live(time.time(), "", leases, links)
