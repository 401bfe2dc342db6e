"""Batches in flight, from their hand-over until they are known to be committed. Pure: the caller
brings the clock.
"""

from collections.abc import Callable, Collection, Iterable

import msgspec

from mqtt_app.domain.delivery.batch_in_flight import InFlight
from mqtt_app.domain.delivery.batching import Limits
from mqtt_app.domain.delivery.messages import Batch, Envelope
from mqtt_app.domain.delivery.register import InFlightRegister
from mqtt_app.domain.delivery.resending import DOUBLINGS, HALVE_AFTER, PARTS, Resending
from mqtt_app.domain.delivery.suspicion import Suspicion

# tries of the oldest batch before it is cut although nothing at all is being committed
PROBE_AFTER = 3
FAILED_AGAIN = 2.0  # s until a batch is asked for that was reported to have failed
RETRY_CAP = 300.0  # s between two tries while nothing at all is being committed
ENDED = "its link was ended before it could be stored"  # why messages are put aside


class InFlightBatches:
    """`new_id` gives 32 hex digits. `register` has the batches and their places.

    What is to be sent (again) comes from `take_due`; call it after everything that may have changed
    something.
    """

    def __init__(
        self, limits: Limits, new_id: Callable[[], str], suspicion: Suspicion | None = None
    ) -> None:
        self._limits = limits
        if suspicion is None:
            self._suspicion = Suspicion()
        else:
            self._suspicion = suspicion
        self.register = InFlightRegister(limits)
        self._resending = Resending(self.register, self._suspicion, new_id)
        self._progress = 0.0  # when the latest of the committed batches was sent

    def __len__(self) -> int:
        return len(self.register)

    def __contains__(self, batch_id: str) -> bool:
        return batch_id in self.register

    def add(self, batch: Batch, now: float = 0.0, *, aside: bool = False) -> None:
        """It was handed over; `aside`: on the side lane."""
        self.register.add(batch, now, aside=aside)

    def mark_sent(self, batch_id: str, now: float) -> Batch | None:
        """The batch, unless it was committed meanwhile, or cut in parts."""
        entry = self.register.find(batch_id)
        if entry is None:
            return None
        entry.sent_at = now
        return entry.batch

    def take_committed(self, batch_id: str) -> Batch | None:
        """The batch, which is not in flight any more; None when it was taken before, or cut."""
        entry = self.register.find(batch_id)
        if entry is None:
            return None
        self.register.remove(entry)
        self._progress = max(self._progress, entry.sent_at or 0.0)
        return entry.batch

    def take_due(self, now: float) -> list[Batch]:
        """What is to be sent again now, and the parts whose turn has come."""
        for entry in self.register.parked():
            if self._is_mixed(entry):
                self._resending.cut(entry, PARTS, now)
        due = self._resending.again
        self._resending.again = []
        for entry in sorted(self.register.parked(), key=self._turn):
            is_due = entry.parked_until is not None and entry.parked_until <= now
            if is_due and self.register.has_side_room():
                entry.parked_until = None
                due.append(entry.batch)
        return due

    def _turn(self, entry: InFlight) -> tuple[bool, int, float]:
        """Those that may well be healthy first."""
        all_convicted = all(map(self._suspicion.is_convicted, entry.connections))
        return all_convicted, entry.tries, entry.registered_at

    def take_overdue(self, now: float) -> list[str]:
        """Ids whose receipts should be asked for, each once per try."""
        overdue = [entry for entry in self.register.entries() if self._is_overdue(entry, now)]
        return _asked(overdue)

    def take_unconfirmed(self) -> list[str]:
        """Ids of all that were sent and not asked for yet: the queue, or the acknowledgements, may
        have been lost.
        """
        sent = [entry for entry in self.register.entries() if entry.sent_at is not None]
        return _asked([entry for entry in sent if not entry.asked])

    def mark_failed(self, batch_id: str, now: float, waits_for: str = "") -> None:
        """It was not stored. Soon asked for, and sent again."""
        entry = self.register.find(batch_id)
        if entry is not None:
            entry.retry_at = now + FAILED_AGAIN
            entry.waits_for = waits_for

    def mark_killed(self, batch_id: str, now: float) -> None:
        """The process that was to store it died: it is sent again, or its parts, or its only
        message is put aside.
        """
        entry = self.register.find(batch_id)
        if entry is None:
            return
        entry.deaths += 1
        if entry.batch.dead_letter_reason or entry.deaths < HALVE_AFTER:
            self._resending.repeat(entry, entry.counted, now)
        elif len(entry.batch.messages) > 1:
            self._resending.cut(entry, PARTS, now)
        elif entry.deaths < self._limits.quarantine_after:
            self._resending.repeat(entry, entry.counted, now)
        else:
            reason = f"killed the process that parsed it, {entry.deaths} times"
            self._resending.put_aside(entry, reason, now)

    def mark_unsendable(
        self, batch_id: str, plain: Callable[[Envelope], Envelope], now: float
    ) -> Batch | None:
        """It cannot be packed, or is never taken while others are. Gives it back when nothing can
        be made of it. `plain` gives a message in a form that can be packed.
        """
        entry = self.register.find(batch_id)
        if entry is None:
            return None
        if len(entry.batch.messages) > 1:
            self._resending.cut(entry, PARTS, now)
        elif entry.batch.dead_letter_reason:
            self.register.remove(entry)
            return entry.batch
        else:
            escaped = tuple(plain(message) for message in entry.batch.messages)
            entry.batch = msgspec.structs.replace(entry.batch, messages=escaped)
            self._resending.put_aside(entry, "could not be handed over as it came", now)
        return None

    def retry_missing(self, batch_ids: Iterable[str], now: float) -> int:
        """No receipt for these: they are sent again, or their parts, or a message is put aside.
        Gives how many of them were still in flight.
        """
        entries = self.register.find_all(batch_ids)
        for entry in entries:
            self._try_again(entry, now)
        return len(entries)

    def ask_again(self, batch_ids: Iterable[str]) -> None:
        """The receipts could not be asked for."""
        for entry in self.register.find_all(batch_ids):
            entry.asked = False

    def end_link(self, connection_id: int, now: float, *, suspect: bool) -> list[Envelope]:
        """The link of this connection was ended. Gives the messages that are dropped here: those
        that the broker still has, in batches that failed. Others stay in flight; those of a
        `suspect` as dead letters, because nothing else is known to end.
        """
        dropped: list[Envelope] = []
        for entry in self.register.with_connection(connection_id):
            entry.released |= {connection_id}
            if not (suspect or entry.tries > 1 or entry.waits_for):
                continue
            dropped += self._drop(entry, connection_id)
            is_left_alone = entry.batch.id in self and entry.connections == {connection_id}
            if suspect and is_left_alone:
                self._resending.put_aside(entry, ENDED, now)
        return dropped

    def _drop(self, entry: InFlight, connection_id: int) -> list[Envelope]:
        self.register.size -= entry.size
        dropped = entry.drop_what_broker_has(connection_id)
        self.register.size += entry.size
        if dropped and not (entry.batch.messages or entry.batch.drops):
            self.register.remove(entry)
        return dropped

    def _is_overdue(self, entry: InFlight, now: float) -> bool:
        if entry.sent_at is None or entry.asked:
            return False
        if entry.retry_at is not None:
            return now >= entry.retry_at
        patience = self._limits.receipt_timeout
        if self._progress <= entry.sent_at and entry.tries >= PROBE_AFTER:
            # Nothing later was committed: maybe no worker runs, so do not pile up.
            doublings = min(entry.tries - PROBE_AFTER + 1, DOUBLINGS)
            patience = min(RETRY_CAP, patience * 2**doublings)
        return now - entry.sent_at >= patience

    def _try_again(self, entry: InFlight, now: float) -> None:
        counted = entry.counted + self._was_overtaken(entry)
        is_probed = len(entry.connections) > 1 and self._is_probe(entry)
        if self._is_mixed(entry) or is_probed:
            self._resending.cut(entry, 2, now)
        elif entry.batch.dead_letter_reason or counted <= HALVE_AFTER:
            self._resending.repeat(entry, counted, now)
        elif len(entry.batch.messages) > 1:
            self._resending.cut(entry, 2, now)
        elif counted <= self._limits.quarantine_after:
            self._resending.repeat(entry, counted, now)
        else:
            reason = f"not stored after {self._limits.quarantine_after} tries"
            self._resending.put_aside(entry, reason, now)

    def _was_overtaken(self, entry: InFlight) -> bool:
        """A batch that was sent later is committed, so this try speaks against the batch."""
        if entry.sent_at is None:
            return False
        return self._progress > (entry.tried_at if entry.aside else entry.sent_at)

    def _is_mixed(self, entry: InFlight) -> bool:
        """Some of its connections are known to fail, and the others would not without them."""
        return len(set(map(self._suspicion.is_convicted, entry.connections))) > 1

    def _is_probe(self, entry: InFlight) -> bool:
        """Nothing is being committed. That may be the database, or something in each of the batches
        in flight: the oldest of them is cut to find out, and its parts.
        """
        if entry.tries < PROBE_AFTER:
            return False
        if entry.aside:
            return True
        return not any(self._is_probed_before(other, entry) for other in self.register.entries())

    def _is_probed_before(self, other: InFlight, entry: InFlight) -> bool:
        if not other.aside:
            return other.registered_at < entry.registered_at
        # a part of an earlier one that may still be healthy
        return not all(map(self._suspicion.is_convicted, other.connections))


def _asked(entries: Collection[InFlight]) -> list[str]:
    for entry in entries:
        entry.asked = True
    return [entry.batch.id for entry in entries]
