"""The way of an acknowledgement back: ids of committed batches, to the process start that waits for them.

An id that gets lost costs a question to the receipts, nothing more.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import redis

from mqtt_app.coordination import keys

SKIPPED = "!"  # between a batch id and the connections whose messages must not be acknowledged
LIST_TTL = 3_600  # s; nobody will come for the list of a process that died
DRAIN = 1_000  # ids taken in one go


def note(batch_id: str, skipped: Iterable[int] = ()) -> str:
    """What goes on the list: the id, and the connections that were left to a newer owner."""
    numbers = ",".join(str(number) for number in sorted(skipped))
    return f"{batch_id}{SKIPPED}{numbers}" if numbers else batch_id


def read_note(text: str) -> tuple[str, frozenset[int]]:
    """(batch id, skipped connections)."""
    batch_id, _, numbers = text.partition(SKIPPED)
    return batch_id, frozenset(int(number) for number in numbers.split(",") if number)


class AckList:
    """To `pop`, give it a `blocking_client` whose timeout is not below the one of `pop`. Raises redis.RedisError."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def push(self, instance_id: str, incarnation: str, batch_ids: Sequence[str]) -> None:
        if not batch_ids:
            return
        name = keys.acks(instance_id, incarnation)
        with self._client.pipeline(transaction=True) as pipe:
            pipe.rpush(name, *batch_ids)
            pipe.expire(name, LIST_TTL)
            pipe.execute()

    def pop(self, instance_id: str, incarnation: str, timeout: float) -> list[str]:
        """All that are there; if there is none, waits up to `timeout` seconds (above 0) for the next one."""
        name = keys.acks(instance_id, incarnation)
        found: Any = self._client.lpop(name, DRAIN)
        if not found:
            first: Any = self._client.blpop([name], timeout=timeout)
            found = [first[1]] if first else []
        return [batch_id.decode() for batch_id in found]
