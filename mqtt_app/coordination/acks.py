"""What became of a batch, reported to the process start that waits for it.

A report that gets lost costs a question to the receipts, nothing more.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import msgspec
import redis

from mqtt_app.coordination import keys

_SKIPPED_SIGN = "!"
_POSTPONED_SIGN = "~"
_REFUSED_SIGN = "^"
LIST_TTL = 3_600  # s; the list of a process that died is never read
DRAIN = 1_000  # reports taken in one go


class BatchOutcome(StrEnum):
    """The values are what follows the batch id on the list."""

    COMMITTED = ""
    FAILED = "?"  # not committed, and not for anything in it: the database was away
    # not committed: the database answers and takes none of it, or ingest itself failed at all of it
    REFUSED = "#"
    KILLED = "*"  # the process that stored it died of it, or with it


class BatchReport(msgspec.Struct, frozen=True):
    """Connections of the batch: `skipped`, whose messages were left to a newer owner, so they must
    not be acknowledged; `postponed`, whose messages have to be brought again later; and `refused`,
    of which some messages were refused.
    """

    batch_id: str
    outcome: BatchOutcome = BatchOutcome.COMMITTED
    skipped: frozenset[int] = frozenset()
    postponed: frozenset[int] = frozenset()
    refused: frozenset[int] = frozenset()


def encode(report: BatchReport) -> str:
    """A report as it is on the list; `decode` reads it."""
    text = f"{report.batch_id}{report.outcome}"
    text += _numbers_text(_SKIPPED_SIGN, report.skipped)
    text += _numbers_text(_POSTPONED_SIGN, report.postponed)
    return text + _numbers_text(_REFUSED_SIGN, report.refused)


def decode(text: str) -> BatchReport:
    text, _, refused = text.partition(_REFUSED_SIGN)
    text, _, postponed = text.partition(_POSTPONED_SIGN)
    head, _, skipped = text.partition(_SKIPPED_SIGN)
    signs = [outcome for outcome in BatchOutcome if outcome and head.endswith(outcome)]
    if signs:
        outcome = signs[0]
    else:
        outcome = BatchOutcome.COMMITTED
    return BatchReport(
        head.removesuffix(outcome),
        outcome,
        _numbers(skipped),
        _numbers(postponed),
        _numbers(refused),
    )


def _numbers_text(sign: str, numbers: Iterable[int]) -> str:
    listed = ",".join(str(number) for number in sorted(numbers))
    if listed:
        return sign + listed
    return ""


def _numbers(text: str) -> frozenset[int]:
    return frozenset(int(number) for number in text.split(",") if number)


class AckList:
    """To `pop`, give it a `blocking_client` whose timeout is not below the one of `pop`. Raises
    redis.RedisError.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def push(self, instance_id: str, incarnation: str, reports: Sequence[BatchReport]) -> None:
        """For this start of the instance."""
        if not reports:
            return
        name = keys.acks(instance_id, incarnation)
        with self._client.pipeline(transaction=True) as pipe:
            pipe.rpush(name, *map(encode, reports))
            pipe.expire(name, LIST_TTL)
            pipe.execute()

    def pop(self, instance_id: str, incarnation: str, timeout: float) -> list[BatchReport]:
        """All that are there; if there is none, waits up to `timeout` seconds (above 0) for the
        next report.
        """
        name = keys.acks(instance_id, incarnation)
        found: Any = self._client.lpop(name, DRAIN)
        if not found:
            first: Any = self._client.blpop([name], timeout=timeout)
            if first:
                found = [first[1]]
            else:
                found = []
        return [decode(text.decode()) for text in found]
