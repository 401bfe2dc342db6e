"""What Redis says right now about workers and links. Redis away is an answer, not an error."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import redis

from mqtt_app.conf import config
from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.evidence import EvidenceStore, LinkEvidence
from mqtt_app.coordination.leases import Lease, LeaseStore


@dataclass(frozen=True, slots=True)
class Live:
    """`reachable` False: Redis did not answer, and the rest is empty for that reason only. `at` is unix seconds."""

    reachable: bool
    at: float
    leases: Mapping[str, Lease] = field(default_factory=dict)
    links: Mapping[int, LinkEvidence] = field(default_factory=dict)

    @property
    def workers(self) -> int:
        """Live MQTT workers that accept connections."""
        return sum(not lease.draining for lease in self.leases.values())

    def lease_age(self, instance_id: str) -> float | None:
        lease = self.leases.get(instance_id)
        return None if lease is None else max(0.0, self.at - lease.renewed_at)


def live(owned: Iterable[tuple[str, int]] = ()) -> Live:
    """Leases of all instances and evidence of the (owner, connection id) pairs: two round trips, one second each."""
    pairs = [pair for pair in owned if pair[0]]
    client = quick_client()
    try:
        leases = LeaseStore(client, config().lease_ttl).read_all()
        links = EvidenceStore(client).read_many(pairs) if pairs else {}
    except redis.RedisError:
        return Live(False, time.time())
    finally:
        client.close()
    return Live(True, time.time(), leases, links)
