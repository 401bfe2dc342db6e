"""What becomes of a batch, told to the process start that waits for it.

A word that gets lost costs a question to the receipts, nothing more.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import msgspec
import redis

from mqtt_app.coordination import keys

SKIPPED = "!"  # before the connections whose messages must not be acknowledged
POSTPONED = "~"  # before the connections whose messages were not taken yet
REFUSED = "^"  # before the connections of which messages were refused
LIST_TTL = 3_600  # s; nobody will come for the list of a process that died
DRAIN = 1_000  # notes taken in one go


class Fate(StrEnum):
    """The values are what follows the batch id on the list."""

    COMMITTED = ""
    FAILED = "?"  # not committed, and not for anything in it: the database was away
    # not committed: the database answers and takes none of it, or ingest itself failed at all of it
    REFUSED = "#"
    KILLED = "*"  # the process that stored it died of it, or with it


class Note(msgspec.Struct, frozen=True):
    """Connections of the batch: `skipped`, whose messages were left to a newer owner, `postponed`,
    whose messages have to be brought again later, and `refused`, of which some messages were
    refused.
    """

    batch_id: str
    fate: Fate = Fate.COMMITTED
    skipped: frozenset[int] = frozenset()
    postponed: frozenset[int] = frozenset()
    refused: frozenset[int] = frozenset()


def note(
    batch_id: str,
    skipped: Iterable[int] = (),
    postponed: Iterable[int] = (),
    fate: Fate = Fate.COMMITTED,
    *,
    refused: Iterable[int] = (),
) -> str:
    """A note as it is on the list."""
    lists = ((SKIPPED, skipped), (POSTPONED, postponed), (REFUSED, refused))
    texts = [
        sign + ",".join(str(number) for number in sorted(numbers))
        for sign, numbers in lists
        if numbers
    ]
    return f"{batch_id}{fate}{''.join(texts)}"


def read_note(text: str) -> Note:
    text, _, refused = text.partition(REFUSED)
    text, _, postponed = text.partition(POSTPONED)
    head, _, skipped = text.partition(SKIPPED)
    fate = next((fate for fate in Fate if fate and head.endswith(fate)), Fate.COMMITTED)
    return Note(
        head.removesuffix(fate), fate, _numbers(skipped), _numbers(postponed), _numbers(refused)
    )


def _numbers(text: str) -> frozenset[int]:
    return frozenset(int(number) for number in text.split(",") if number)


class AckList:
    """To `pop`, give it a `blocking_client` whose timeout is not below the one of `pop`. Raises
    redis.RedisError.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def push(self, instance_id: str, incarnation: str, notes: Sequence[str]) -> None:
        if not notes:
            return
        name = keys.acks(instance_id, incarnation)
        with self._client.pipeline(transaction=True) as pipe:
            pipe.rpush(name, *notes)
            pipe.expire(name, LIST_TTL)
            pipe.execute()

    def pop(self, instance_id: str, incarnation: str, timeout: float) -> list[str]:
        """All that are there; if there is none, waits up to `timeout` seconds (above 0) for the
        next one.
        """
        name = keys.acks(instance_id, incarnation)
        found: Any = self._client.lpop(name, DRAIN)
        if not found:
            first: Any = self._client.blpop([name], timeout=timeout)
            found = [first[1]] if first else []
        return [text.decode() for text in found]
