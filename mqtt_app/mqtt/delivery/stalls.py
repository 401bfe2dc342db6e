"""Which connections have messages that are not being stored, since when, and what they wait for."""

import time
from collections.abc import Iterable, Mapping
from operator import attrgetter

import msgspec

from mqtt_app.domain.delivery.batch_in_flight import InFlight
from mqtt_app.domain.delivery.batching import Batcher
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.delivery.stalls import WORTH_TELLING, WaitsFor
from mqtt_app.domain.delivery.suspicion import Suspicion

YOUNG = 1.0  # s; a batch in flight for less is not looked into


class Stall(msgspec.Struct, frozen=True):
    """`since`: unix seconds, when the oldest message that is not stored came, or the last one was
    stored.
    """

    since: float
    waits_for: str


class Stalls:
    """`clock` is the loop's. The messages themselves carry unix time."""

    def __init__(self, batcher: Batcher, suspicion: Suspicion) -> None:
        self._batcher = batcher
        self._suspicion = suspicion
        self._stored_at: dict[int, float] = {}  # connection id -> unix time of its last commit

    def stored(self, connection_ids: Iterable[int]) -> None:
        now = time.time()
        for connection_id in connection_ids:
            self._stored_at[connection_id] = now

    def forget(self, connection_id: int) -> None:
        self._stored_at.pop(connection_id, None)

    def find(
        self, entries: Iterable[InFlight], postponed: Mapping[int, list[Envelope]], clock: float
    ) -> dict[int, Stall]:
        """By connection id."""
        oldest: dict[int, Stall] = {}
        main_lane = ""
        for entry in sorted(entries, key=attrgetter("registered_at")):
            if clock - entry.registered_at < YOUNG:
                continue
            reason = _reason(entry)
            if not entry.aside:
                main_lane = main_lane or reason
            for message in entry.batch.messages:
                _keep_older(oldest, message, reason)
        for connection_id, messages in postponed.items():
            for message in messages[:1]:
                reason = self._reason_of_suspect(connection_id) or WaitsFor.PARSER
                _keep_older(oldest, message, reason)
        for connection_id, message in self._batcher.waiting():
            reason = self._reason_of_suspect(connection_id) or main_lane or WaitsFor.QUEUE
            _keep_older(oldest, message, reason)
        return self._long_enough(oldest)

    def _reason_of_suspect(self, connection_id: int) -> str:
        if connection_id in self._suspicion:
            return WaitsFor.REFUSED
        return ""

    def _long_enough(self, oldest: Mapping[int, Stall]) -> dict[int, Stall]:
        limit = time.time() - WORTH_TELLING
        found = {}
        for connection_id, stall in oldest.items():
            since = max(stall.since, self._stored_at.get(connection_id, 0.0))
            if since <= limit:
                found[connection_id] = Stall(since, stall.waits_for)
        return found


def _keep_older(oldest: dict[int, Stall], message: Envelope, reason: str) -> None:
    known = oldest.get(message.connection_id)
    if known is None or message.received_at < known.since:
        oldest[message.connection_id] = Stall(
            message.received_at, known.waits_for if known else reason
        )


def _reason(entry: InFlight) -> str:
    if entry.waits_for:
        return entry.waits_for
    if entry.aside:
        return WaitsFor.REFUSED
    if entry.sent_at is None:
        return WaitsFor.QUEUE
    return WaitsFor.TASK_WORKER
