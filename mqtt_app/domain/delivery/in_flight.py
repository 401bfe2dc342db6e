"""Batches on their way, until they are known to be committed. Pure: the caller brings the clock.

Two lanes lead to the database. New batches mix all connections and take at most `in_flight` places.
A batch that fails again and again leaves that lane: it is cut, by connection first and then by
message, and its parts take turns on the few places of the side lane, as do the batches of suspects
(see suspicion.py). So what fails never holds up what is healthy.
"""

from collections.abc import Callable, Collection, Iterable

import msgspec

from mqtt_app.domain.delivery.batch_in_flight import InFlight
from mqtt_app.domain.delivery.batching import Limits
from mqtt_app.domain.delivery.cutting import by_connection, by_message
from mqtt_app.domain.delivery.messages import Batch, Envelope
from mqtt_app.domain.delivery.suspicion import Suspicion

HALVE_AFTER = 2  # tries that speak against a batch before it is cut
PROBE_AFTER = (
    3  # tries of the oldest batch before it is cut although nothing at all is being committed
)
# into which a batch is cut that killed its process: few deaths until the message is found that does
# it
PARTS = 8
FAILED_AGAIN = 2.0  # s until a batch is asked for that was told to have failed
RETRY_CAP = 300.0  # s between two tries while nothing at all is being committed
TURN_CAP = 10.0  # s for which a part that failed leaves its place to others


class InFlightBatches:
    """Batches handed over and not known to be committed. `new_id` gives 32 hex digits.

    What is to be sent (again) comes from `to_send`; call it after everything that may have changed
    something.
    """

    def __init__(
        self, limits: Limits, new_id: Callable[[], str], suspicion: Suspicion | None = None
    ) -> None:
        self._limits, self._new_id = limits, new_id
        self._suspicion = Suspicion() if suspicion is None else suspicion
        self._entries: dict[str, InFlight] = {}
        self._again: list[Batch] = []  # on the main lane, to be sent again
        self._progress = 0.0  # when the latest of the committed batches was sent
        self._side_places = max(1, limits.in_flight // 2)
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, batch_id: str) -> bool:
        return batch_id in self._entries

    def in_flight(self) -> int:
        """Places taken on the main lane."""
        return sum(not entry.aside for entry in self._entries.values())

    def has_room(self) -> bool:
        """What waits beyond it waits per connection, so that shares stay fair."""
        return self.in_flight() < self._limits.in_flight

    def has_side_room(self) -> bool:
        busy = sum(entry.aside and entry.parked_until is None for entry in self._entries.values())
        return busy < self._side_places

    def holds(self, connection_id: int) -> bool:
        """A batch with messages of its present link is on its way."""
        return any(
            connection_id in entry.connections and connection_id not in entry.released
            for entry in self._entries.values()
        )

    def entries(self) -> Collection[InFlight]:
        return self._entries.values()

    def register(self, batch: Batch, now: float = 0.0, *, aside: bool = False) -> None:
        connections = frozenset(message.connection_id for message in batch.messages)
        self._entries[batch.id] = InFlight(
            batch, batch.size, connections, registered_at=now, aside=aside
        )
        self.size += batch.size

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
        entry = self._entries.get(batch_id)
        if entry is None:
            return None
        self._remove(entry)
        self._progress = max(self._progress, entry.sent_at or 0.0)
        return entry.batch

    def to_send(self, now: float) -> list[Batch]:
        """What is to be sent again now, and the parts whose turn has come."""
        found, self._again = self._again, []
        for entry in [entry for entry in self._entries.values() if entry.parked_until is not None]:
            if self._is_mixed(entry):
                self._cut(entry, PARTS, now)
        parked = [entry for entry in self._entries.values() if entry.parked_until is not None]
        for entry in sorted(parked, key=self._turn):
            if (
                entry.parked_until is not None
                and entry.parked_until <= now
                and self.has_side_room()
            ):
                entry.parked_until = None
                found.append(entry.batch)
        return found

    def _turn(self, entry: InFlight) -> tuple[bool, int, float]:
        """Those that may well be healthy first."""
        return (
            all(map(self._suspicion.is_convicted, entry.connections)),
            entry.tries,
            entry.registered_at,
        )

    def overdue(self, now: float) -> list[str]:
        """Ids whose receipts should be asked for, each once per try."""
        found = [
            batch_id for batch_id, entry in self._entries.items() if self._is_overdue(entry, now)
        ]
        for batch_id in found:
            self._entries[batch_id].asked = True
        return found

    def failed(self, batch_id: str, now: float, waits_for: str = "") -> None:
        """It was not stored. Soon asked for, and sent again."""
        entry = self._entries.get(batch_id)
        if entry is not None:
            entry.retry_at, entry.waits_for = now + FAILED_AGAIN, waits_for

    def killed(self, batch_id: str, now: float) -> None:
        """The process that was to store it died: it is sent again, or its parts, or its only
        message aside.
        """
        entry = self._entries.get(batch_id)
        if entry is None:
            return
        entry.deaths += 1
        if entry.batch.quarantine_reason or entry.deaths < HALVE_AFTER:
            self._same(entry, entry.counted, now)
        elif len(entry.batch.messages) > 1:
            self._cut(entry, PARTS, now)
        elif entry.deaths < self._limits.quarantine_after:
            self._same(entry, entry.counted, now)
        else:
            self._put_aside(entry, f"killed the process that parsed it, {entry.deaths} times", now)

    def unsendable(
        self, batch_id: str, plain: Callable[[Envelope], Envelope], now: float
    ) -> Batch | None:
        """It cannot be packed or is never taken, while others are. Gives it back when nothing can
        be made of it.
        """
        entry = self._entries.get(batch_id)
        if entry is None:
            return None
        if len(entry.batch.messages) > 1:
            self._cut(entry, PARTS, now)
        elif entry.batch.quarantine_reason:
            self._remove(entry)
            return entry.batch
        else:
            escaped = tuple(plain(message) for message in entry.batch.messages)
            entry.batch = msgspec.structs.replace(entry.batch, messages=escaped)
            self._put_aside(entry, "could not be handed over as it came", now)
        return None

    def all_sent(self) -> list[str]:
        """Ids of all that were sent and not asked for yet: the queue, or the acknowledgements, may
        have been lost.
        """
        found = [
            batch_id
            for batch_id, entry in self._entries.items()
            if entry.sent_at is not None and not entry.asked
        ]
        for batch_id in found:
            self._entries[batch_id].asked = True
        return found

    def missing(self, batch_ids: Iterable[str], now: float) -> int:
        """No receipt for these: they are sent again, or their parts, or a message aside. Gives how
        many there are.
        """
        entries = [self._entries[batch_id] for batch_id in batch_ids if batch_id in self._entries]
        for entry in entries:
            self._try_again(entry, now)
        return len(entries)

    def unanswered(self, batch_ids: Iterable[str]) -> None:
        """The receipts could not be asked for: ask again."""
        for batch_id in batch_ids:
            if batch_id in self._entries:
                self._entries[batch_id].asked = False

    def release(self, connection_id: int, now: float, *, suspect: bool) -> list[Envelope]:
        """The link of this connection was ended. Gives the messages that are let go of: those that
        the broker still has, in batches that failed. Others go on; those of a suspect as dead
        letters, for nothing else is known to end.
        """
        let_go: list[Envelope] = []
        for entry in [
            entry for entry in self._entries.values() if connection_id in entry.connections
        ]:
            entry.released |= {connection_id}
            if suspect or entry.tries > 1 or entry.waits_for:
                let_go += self._let_go(entry, connection_id)
                if (
                    suspect
                    and entry.batch.id in self._entries
                    and entry.connections == {connection_id}
                ):
                    self._put_aside(entry, "its link was ended before it could be stored", now)
        return let_go

    def _let_go(self, entry: InFlight, connection_id: int) -> list[Envelope]:
        self.size -= entry.size
        gone = entry.let_go(connection_id)
        self.size += entry.size
        if gone and not (entry.batch.messages or entry.batch.drops):
            self._remove(entry)
        return gone

    def _is_overdue(self, entry: InFlight, now: float) -> bool:
        if entry.sent_at is None or entry.asked:
            return False
        if entry.retry_at is not None:
            return now >= entry.retry_at
        patience = self._limits.receipt_timeout
        if self._progress <= entry.sent_at and entry.tries >= PROBE_AFTER:
            # Nothing later was committed: maybe no worker runs, so do not pile up.
            patience = min(RETRY_CAP, patience * 2 ** min(entry.tries - PROBE_AFTER + 1, 10))
        return now - entry.sent_at >= patience

    def _try_again(self, entry: InFlight, now: float) -> None:
        overtaken = entry.sent_at is not None and self._progress > (
            entry.tried_at if entry.aside else entry.sent_at
        )
        counted = entry.counted + overtaken
        if self._is_mixed(entry) or (len(entry.connections) > 1 and self._is_probe(entry)):
            self._cut(entry, 2, now)
        elif entry.batch.quarantine_reason or counted <= HALVE_AFTER:
            self._same(entry, counted, now)
        elif len(entry.batch.messages) > 1:
            self._cut(entry, 2, now)
        elif counted <= self._limits.quarantine_after:
            self._same(entry, counted, now)
        else:
            self._put_aside(entry, f"not stored after {self._limits.quarantine_after} tries", now)

    def _is_mixed(self, entry: InFlight) -> bool:
        """Some of its connections are known to fail, and the others would not without them."""
        return (
            len(
                {self._suspicion.is_convicted(connection_id) for connection_id in entry.connections}
            )
            > 1
        )

    def _is_probe(self, entry: InFlight) -> bool:
        """Nothing is being committed. That may be the database, or something in each of the batches
        on their way: one of them is cut to find out, the oldest, and its parts.
        """
        if entry.tries < PROBE_AFTER:
            return False
        if entry.aside:
            return True
        is_convicted = self._suspicion.is_convicted
        for other in self._entries.values():
            tells = other.aside and not all(
                map(is_convicted, other.connections)
            )  # the parts of an earlier one
            if tells or (not other.aside and other.registered_at < entry.registered_at):
                return False
        return True

    def _same(self, entry: InFlight, counted: int, now: float) -> None:
        if entry.aside and counted > entry.counted:
            self._convict_alone(entry, now)
        entry.tries, entry.counted = entry.tries + 1, counted
        entry.tried_at = entry.sent_at or now
        entry.sent_at, entry.asked, entry.retry_at = None, False, None
        entry.batch = msgspec.structs.replace(entry.batch, tries=entry.batch.tries + 1)
        if entry.aside:
            entry.parked_until = now + min(TURN_CAP, 2.0 ** min(entry.tries - 2, 10))
        else:
            self._again.append(entry.batch)

    def _cut(self, entry: InFlight, number: int, now: float) -> None:
        messages = entry.batch.messages
        if len(entry.connections) > 1:
            parts = by_connection(messages, PARTS, self._suspicion.is_convicted)
            self._suspicion.accuse(entry.connections - entry.released, now)
        else:
            parts = by_message(messages, number)
            self._convict_alone(entry, now)
        chain = (*entry.batch.instead_of, entry.batch.id)
        batches = [
            msgspec.structs.replace(
                entry.batch,
                id=self._new_id(),
                instead_of=chain,
                messages=part,
                drops=() if position else entry.batch.drops,
                tries=0,
            )
            for position, part in enumerate(parts)
        ]
        self._instead(entry, batches, entry.deaths, now)

    def _put_aside(self, entry: InFlight, reason: str, now: float) -> None:
        chain = (*entry.batch.instead_of, entry.batch.id)
        changes = {
            "id": self._new_id(),
            "instead_of": chain,
            "quarantine_reason": reason,
            "tries": 0,
        }
        self._convict_alone(entry, now)
        self._instead(entry, [msgspec.structs.replace(entry.batch, **changes)], 0, now)

    def _instead(self, entry: InFlight, batches: list[Batch], deaths: int, now: float) -> None:
        self._remove(entry)
        for batch in batches:
            self.register(batch, entry.registered_at, aside=True)
            part = self._entries[batch.id]
            part.deaths, part.parked_until, part.released = (
                deaths,
                now,
                entry.released & part.connections,
            )
            part.waits_for, part.tried_at = entry.waits_for, now
            part.counted = (
                HALVE_AFTER if len(batch.messages) > 1 else 1
            )  # they have failed together already

    def _convict_alone(self, entry: InFlight, now: float) -> None:
        if len(entry.connections) == 1:
            for connection_id in entry.connections - entry.released:
                self._suspicion.convict(connection_id, now)

    def _remove(self, entry: InFlight) -> None:
        del self._entries[entry.batch.id]
        self.size -= entry.size
