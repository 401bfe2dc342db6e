"""Instance leases: who is alive. One key with a TTL per MQTT worker, however many connections it
owns.

A lease says nothing about who owns what (that is in PostgreSQL), so losing all of them loses
nothing.
"""

import time
from collections.abc import Callable
from enum import Enum
from typing import Any

import msgspec
import redis

from mqtt_app.coordination import keys
from mqtt_app.coordination.scripts import source
from mqtt_app.domain.health.vitals import Vitals


class Lease(msgspec.Struct, frozen=True):
    """One start of an MQTT worker. `incarnation` is random per start; times are unix seconds of the
    worker's clock.

    `vitals` are those at `renewed_at`; None in the lease of an older version.
    """

    instance_id: str
    incarnation: str
    capacity: int
    load: int = 0
    draining: bool = False
    pid: int = 0
    host: str = ""
    started_at: float = 0.0
    renewed_at: float = 0.0
    vitals: Vitals | None = None


class Renewal(Enum):
    HELD = "held"
    ASSERTED = "asserted"  # the key was gone and no other process had it: it is set again
    LOST = "lost"  # another incarnation holds it: stop acting


class LeaseStore:
    """Raises redis.RedisError when Redis does not answer. `ttl` in seconds."""

    def __init__(
        self, client: redis.Redis, ttl: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._ttl_ms = max(1, int(ttl * 1000))
        self._clock = clock
        self._hold = client.register_script(source("lease_hold"))
        self._release = client.register_script(source("lease_release"))
        self._read = client.register_script(source("lease_read"))

    def acquire(self, lease: Lease, *, instead_of: str = "") -> bool:
        """False while another incarnation's lease stands, unless it is `instead_of` (known to be
        dead).
        """
        return self._set(lease, instead_of) is not Renewal.LOST

    def renew(self, lease: Lease) -> Renewal:
        return self._set(lease, "")

    def release(self, lease: Lease) -> bool:
        """True when it was ours and is gone now."""
        names = [keys.instance(lease.instance_id), keys.INSTANCES]
        return bool(self._release(keys=names, args=[lease.incarnation, lease.instance_id]))

    def read(self, instance_id: str) -> Lease | None:
        stored: Any = self._client.get(keys.instance(instance_id))
        return _decoded(stored)

    def read_all(self) -> dict[str, Lease]:
        """Every lease that stands, by instance id; one round trip."""
        names = [keys.INSTANCES, keys.KNOWN_SINCE, keys.LAST_HOLD]
        found = self._read(keys=names, args=[keys.INSTANCE_PREFIX, self._ttl_ms])
        leases = (_decoded(stored) for stored in found)
        return {lease.instance_id: lease for lease in leases if lease is not None}

    def peek(self) -> dict[str, Lease]:
        """As `read_all`, from a Redis that takes no writes. For display only: a lease that is missing
        here may well stand.
        """
        names: Any = self._client.smembers(keys.INSTANCES)
        stored: Any = (
            self._client.mget([keys.instance(name.decode()) for name in names]) if names else []
        )
        leases = (_decoded(value) for value in stored)
        return {lease.instance_id: lease for lease in leases if lease is not None}

    def known_for(self) -> float:
        """Seconds for which every living instance has had the chance to be seen here: since the
        start, the last wipe, or the end of a time in which no instance could renew.

        Below a lease TTL, a missing lease means nothing. Ask after `read_all`, never before.
        """
        with self._client.pipeline(transaction=False) as pipe:
            pipe.get(keys.KNOWN_SINCE)
            pipe.time()
            pipe.info("server")
            answers: tuple[bytes | None, tuple[int, int], dict[str, Any]] = tuple(pipe.execute())
        since, (seconds, micros), server = answers
        if since is None:
            return 0.0
        return max(
            0.0, min(seconds + micros / 1e6 - float(since), float(server["uptime_in_seconds"]))
        )

    def _set(self, lease: Lease, instead_of: str) -> Renewal:
        names = [keys.instance(lease.instance_id), keys.INSTANCES, keys.KNOWN_SINCE, keys.LAST_HOLD]
        value = msgspec.json.encode(msgspec.structs.replace(lease, renewed_at=self._clock()))
        answer = self._hold(
            keys=names, args=[lease.incarnation, value, self._ttl_ms, lease.instance_id, instead_of]
        )
        return Renewal(answer.decode())


def _decoded(stored: bytes | None) -> Lease | None:
    """None for what is no lease of ours: a stranger's value must not stop the others from being
    read.
    """
    if stored is None:
        return None
    try:
        return msgspec.json.decode(stored, type=Lease)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
