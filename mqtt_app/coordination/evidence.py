"""What each owner sees of its links right now, for status pages. Volatile: it informs, it never
decides.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import redis

from mqtt_app.coordination import keys


class LinkEvidence(msgspec.Struct, frozen=True):
    """One link as its owner sees it. Times are unix seconds of the owner's clock."""

    connection_id: int
    generation: int
    state: str
    since: float
    at: float  # when this was taken
    protocol: str = ""
    connected_since: float | None = None
    last_packet_at: float | None = None
    last_message_at: float | None = None
    rate: float = 0.0  # messages a second over about the last 10 s
    messages: int = 0  # since the link is up
    unacked: int = 0
    paused: bool = False
    not_stored_since: float | None = (
        None  # unix time since when nothing of it was stored although messages wait
    )
    waits_for: str = ""  # what they wait for, see domain/delivery/stalls.py
    matched: dict[str, float] = {}  # filter -> when a message last matched it
    config_version: int = 0  # whose filters it has asked for; 0: not reported
    opened_by: str = ""  # the entry of the allow-list without which its address would be refused
    stage: str = ""  # of the connect, see domain/link/stages.py
    stage_since: float | None = None


class EvidenceStore:
    """Raises redis.RedisError when Redis does not answer. `ttl` in seconds."""

    def __init__(self, client: redis.Redis, ttl: float) -> None:
        self._client = client
        self._ttl_ms = max(1, int(ttl * 1000))

    def publish(self, instance_id: str, items: Iterable[LinkEvidence]) -> None:
        """Replaces all evidence of this instance, in one round trip."""
        name = keys.evidence(instance_id)
        fields = _fields(items)
        with self._client.pipeline(transaction=True) as pipe:
            pipe.delete(name)
            if fields:
                pipe.hset(name, mapping=fields)
                pipe.pexpire(name, self._ttl_ms)
            pipe.execute()

    def update(self, instance_id: str, items: Iterable[LinkEvidence]) -> bool:
        """Replaces the evidence of these links. False, and nothing written, when there is nothing to
        be put right: Redis was wiped, or the instance was silent for long. `publish` then.
        """
        name = keys.evidence(instance_id)
        fields = _fields(items)
        if not self._client.pexpire(name, self._ttl_ms):
            return False
        if fields:
            self._client.hset(name, mapping=fields)
        return True

    def read(self, owner: str, connection_id: int) -> LinkEvidence | None:
        return self.read_many([(owner, connection_id)]).get(connection_id)

    def read_many(self, wanted: Sequence[tuple[str, int]]) -> dict[int, LinkEvidence]:
        """By connection id; one round trip however many owners. What is missing is not in the
        answer.
        """
        by_owner: defaultdict[str, list[int]] = defaultdict(list)
        for owner, connection_id in wanted:
            if owner:
                by_owner[owner].append(connection_id)
        if not by_owner:
            return {}
        with self._client.pipeline(transaction=False) as pipe:
            for owner, ids in by_owner.items():
                pipe.hmget(keys.evidence(owner), [str(number) for number in ids])
            answers: list[list[Any]] = pipe.execute()
        items = (_decoded(stored) for answer in answers for stored in answer if stored is not None)
        return {item.connection_id: item for item in items if item is not None}


def _fields(items: Iterable[LinkEvidence]) -> dict[Any, Any]:
    return {str(item.connection_id): msgspec.json.encode(item) for item in items}


def _decoded(stored: bytes) -> LinkEvidence | None:
    try:
        return msgspec.json.decode(stored, type=LinkEvidence)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # written by another version during a rolling deploy
