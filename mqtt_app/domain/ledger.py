"""Batches on their way, until they are known to be committed. Pure: the caller brings the clock."""

from collections.abc import Callable, Iterable

import msgspec

from mqtt_app.domain.batching import Limits
from mqtt_app.domain.messages import Batch

HALVE_AFTER = 2  # tries of a batch of several messages before it is cut in two
PARTS = 8  # into which a batch is cut that killed its process: few deaths until the message is found that does it
FAILED_AGAIN = 2.0  # s until a batch is asked for that could not be stored because the database was away
RETRY_CAP = 300.0  # s between two tries while nothing at all is being committed


class _Entry(msgspec.Struct):
    batch: Batch
    size: int
    tries: int = 1
    counted: int = 1  # tries after which others were committed: the ones that speak against this batch
    registered_at: float = 0.0
    sent_at: float | None = None  # None while it waits to be sent
    asked: bool = False
    retry_at: float | None = None  # the task worker said that it failed: ask then
    deaths: int = 0  # of processes that had it, or the batch that it is a part of


class Ledger:
    """Batches handed over and not known to be committed. `new_id` gives 32 hex digits."""

    def __init__(self, limits: Limits, new_id: Callable[[], str]) -> None:
        self._limits, self._new_id = limits, new_id
        self._entries: dict[str, _Entry] = {}
        self._progress = 0.0  # when the latest of the committed batches was sent
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, batch_id: str) -> bool:
        return batch_id in self._entries

    def has_room(self) -> bool:
        """What waits beyond it waits per connection, so that shares stay fair."""
        return len(self._entries) < self._limits.in_flight

    def register(self, batch: Batch, now: float = 0.0) -> None:
        entry = self._entries[batch.id] = _Entry(batch, batch.size, registered_at=now)
        self.size += entry.size

    def oldest(self) -> float | None:
        """When the one that waits the longest, or what it was cut from, was handed over."""
        return min((entry.registered_at for entry in self._entries.values()), default=None)

    def sent(self, batch_id: str, now: float) -> Batch | None:
        """The batch, unless it was committed meanwhile, or cut in parts."""
        entry = self._entries.get(batch_id)
        if entry is None:
            return None
        entry.sent_at = now
        return entry.batch

    def committed(self, batch_id: str) -> Batch | None:
        """The batch to release; None when it was released before, or cut in two."""
        entry = self._entries.pop(batch_id, None)
        if entry is None:
            return None
        self.size -= entry.size
        self._progress = max(self._progress, entry.sent_at or 0.0)
        return entry.batch

    def overdue(self, now: float) -> list[str]:
        """Ids whose receipts should be asked for, each once per try."""
        found = [batch_id for batch_id, entry in self._entries.items() if self._is_overdue(entry, now)]
        for batch_id in found:
            self._entries[batch_id].asked = True
        return found

    def failed(self, batch_id: str, now: float) -> None:
        """It was not stored, for no fault of its own. Soon asked for, and sent again once the database answers."""
        entry = self._entries.get(batch_id)
        if entry is not None:
            entry.retry_at = now + FAILED_AGAIN

    def killed(self, batch_id: str) -> list[Batch]:
        """The process that was to store it died: what to send now, the same batch, its parts, or a message aside."""
        entry = self._entries.get(batch_id)
        if entry is None:
            return []
        entry.deaths += 1
        batch = entry.batch
        if batch.quarantine_reason or entry.deaths < HALVE_AFTER:
            return [self._same(entry, entry.counted)]
        if len(batch.messages) > 1:
            return self._parts(batch, PARTS, entry.deaths)
        if entry.deaths < self._limits.quarantine_after:
            return [self._same(entry, entry.counted)]
        return self._aside(batch, f"killed the process that parsed it, {entry.deaths} times")

    def all_sent(self) -> list[str]:
        """Ids of all that were sent and not asked for yet: the queue, or the acknowledgements, may have been lost."""
        found = [batch_id for batch_id, entry in self._entries.items() if entry.sent_at is not None and not entry.asked]
        for batch_id in found:
            self._entries[batch_id].asked = True
        return found

    def missing(self, batch_ids: Iterable[str]) -> list[Batch]:
        """No receipt for these: what to send now, the same batch, its halves, or a message to put aside."""
        entries = [self._entries[batch_id] for batch_id in batch_ids if batch_id in self._entries]
        return [batch for entry in entries for batch in self._again(entry)]

    def unanswered(self, batch_ids: Iterable[str]) -> None:
        """The receipts could not be asked for: ask again."""
        for batch_id in batch_ids:
            if batch_id in self._entries:
                self._entries[batch_id].asked = False

    def _is_overdue(self, entry: _Entry, now: float) -> bool:
        if entry.sent_at is None or entry.asked:
            return False
        if entry.retry_at is not None:
            return now >= entry.retry_at
        patience = self._limits.receipt_timeout
        if self._progress <= entry.sent_at:  # nothing later was committed: maybe no worker runs, so do not pile up
            patience = min(RETRY_CAP, patience * 2 ** min(entry.tries - 1, 10))
        return now - entry.sent_at >= patience

    def _again(self, entry: _Entry) -> list[Batch]:
        overtaken = entry.sent_at is not None and self._progress > entry.sent_at
        counted = entry.counted + overtaken
        batch = entry.batch
        if batch.quarantine_reason or counted <= HALVE_AFTER:
            return [self._same(entry, counted)]
        if len(batch.messages) > 1:
            return self._parts(batch, 2, entry.deaths)
        if counted <= self._limits.quarantine_after:
            return [self._same(entry, counted)]
        return self._aside(batch, f"not stored after {self._limits.quarantine_after} tries")

    def _same(self, entry: _Entry, counted: int) -> Batch:
        entry.tries, entry.counted = entry.tries + 1, counted
        entry.sent_at, entry.asked, entry.retry_at = None, False, None
        return entry.batch

    def _parts(self, batch: Batch, number: int, deaths: int) -> list[Batch]:
        step = -(-len(batch.messages) // number)
        parts = [
            msgspec.structs.replace(
                batch,
                id=self._new_id(),
                instead_of=(*batch.instead_of, batch.id),
                messages=batch.messages[start : start + step],
                drops=() if start else batch.drops,
            )
            for start in range(0, len(batch.messages), step)
        ]
        return self._instead(batch, parts, deaths)

    def _aside(self, batch: Batch, reason: str) -> list[Batch]:
        chain = (*batch.instead_of, batch.id)
        aside = msgspec.structs.replace(batch, id=self._new_id(), instead_of=chain, quarantine_reason=reason)
        return self._instead(batch, [aside], 0)

    def _instead(self, batch: Batch, others: list[Batch], deaths: int) -> list[Batch]:
        since = self._entries.pop(batch.id).registered_at
        self.size -= batch.size
        for other in others:
            self.register(other, since)
            self._entries[other.id].deaths = deaths
        return others
