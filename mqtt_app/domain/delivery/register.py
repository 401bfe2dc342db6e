"""The batches in flight, and the places that they take. Pure.

Two lanes lead to the database. New batches mix all connections and take at most `in_flight` places
on the main lane. A batch that fails again and again is cut, and its parts take turns on the few
places of the side lane, as do the batches of suspects (see suspicion.py). So what fails never holds
up what is healthy.
"""

from collections.abc import Collection, Iterable

from mqtt_app.domain.delivery.batch_in_flight import InFlight
from mqtt_app.domain.delivery.batching import Limits
from mqtt_app.domain.delivery.messages import Batch


class InFlightRegister:
    """`size`: bytes of all messages in it. Times are seconds of the caller's clock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._entries: dict[str, InFlight] = {}
        self._side_places = max(1, limits.in_flight // 2)
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, batch_id: str) -> bool:
        return batch_id in self._entries

    def find(self, batch_id: str) -> InFlight | None:
        """None when it was committed meanwhile, or cut in parts."""
        return self._entries.get(batch_id)

    def find_all(self, batch_ids: Iterable[str]) -> list[InFlight]:
        return [self._entries[batch_id] for batch_id in batch_ids if batch_id in self._entries]

    def entries(self) -> Collection[InFlight]:
        return self._entries.values()

    def add(self, batch: Batch, now: float, *, aside: bool) -> InFlight:
        connections = frozenset(message.connection_id for message in batch.messages)
        entry = InFlight(batch, batch.size, connections, registered_at=now, aside=aside)
        self._entries[batch.id] = entry
        self.size += entry.size
        return entry

    def remove(self, entry: InFlight) -> None:
        del self._entries[entry.batch.id]
        self.size -= entry.size

    def main_places_taken(self) -> int:
        return sum(not entry.aside for entry in self._entries.values())

    def has_room(self) -> bool:
        """On the main lane. What waits beyond it waits per connection, so that shares stay fair."""
        return self.main_places_taken() < self._limits.in_flight

    def has_side_room(self) -> bool:
        busy = sum(entry.aside and entry.parked_until is None for entry in self._entries.values())
        return busy < self._side_places

    def parked(self) -> list[InFlight]:
        """On the side lane without a place."""
        return [entry for entry in self._entries.values() if entry.parked_until is not None]

    def holds(self, connection_id: int) -> bool:
        """A batch with messages of its present link is in flight."""
        return any(
            connection_id in entry.connections and connection_id not in entry.released
            for entry in self._entries.values()
        )

    def with_connection(self, connection_id: int) -> list[InFlight]:
        return [entry for entry in self._entries.values() if connection_id in entry.connections]

    def oldest(self) -> float | None:
        """When the one that waits the longest, or what it was cut from, was handed over."""
        return min((entry.registered_at for entry in self._entries.values()), default=None)
