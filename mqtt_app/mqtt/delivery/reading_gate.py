"""Which links are read: not those whose messages wait beyond their share of the memory, or were
postponed.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from mqtt_app.domain.delivery.memory_share import may_read, may_read_suspect
from mqtt_app.domain.delivery.suspicion import Suspicion
from mqtt_app.mqtt.delivery.memory import Memory


class Receiver(Protocol):
    """The session of a connection."""

    def message_committed(self, epoch: int, packet_id: int) -> None:
        """Of the link `epoch`: it is not acknowledged on a later one."""
        ...

    def acknowledge_ready(self) -> None:
        """Send the acknowledgements of what is committed, in the order of receipt."""
        ...

    def set_paused(self, paused: bool) -> None: ...


class ReadingGate:
    """`limit` in bytes, of all connections together. `receivers` by connection id; the caller keeps
    them.
    """

    def __init__(
        self, memory: Memory, suspicion: Suspicion, limit: int, receivers: Mapping[int, Receiver]
    ) -> None:
        self._memory = memory
        self._suspicion = suspicion
        self._limit = limit
        self._receivers = receivers
        self._paused: set[int] = set()
        self._postponed: set[int] = set()  # connections whose messages ingest does not take now

    def __len__(self) -> int:
        """Links that are not read."""
        return len(self._paused)

    def opened(self, connection_id: int) -> None:
        """A new link, which is read."""
        self._paused.discard(connection_id)

    def closed(self, connection_id: int) -> None:
        self._paused.discard(connection_id)
        self._postponed.discard(connection_id)

    def answered(self, connection_ids: Collection[int]) -> None:
        """A batch with messages of these came back: they are not postponed any more."""
        self._postponed.difference_update(connection_ids)

    def postpone(self, connection_ids: Collection[int]) -> None:
        self._postponed.update(connection_ids)
        for connection_id in connection_ids:
            self.check(connection_id)

    def check(self, connection_id: int) -> None:
        """After a message of it came: stop reading it when it holds its share."""
        receiver = self._receivers.get(connection_id)
        if receiver is None or connection_id in self._paused:
            return
        if not self._may_read(connection_id):
            self._paused.add(connection_id)
            receiver.set_paused(True)

    def resume(self) -> None:
        """After something was stored: read those again that may be read."""
        for connection_id in [number for number in self._paused if self._may_read(number)]:
            self._paused.discard(connection_id)
            if connection_id in self._receivers:
                self._receivers[connection_id].set_paused(False)

    def _may_read(self, connection_id: int) -> bool:
        if connection_id in self._postponed:
            return False
        held = self._memory.bytes_of(connection_id)
        if connection_id in self._suspicion and not may_read_suspect(held, self._limit):
            return False
        return may_read(held, self._memory.total, len(self._memory), self._limit)
