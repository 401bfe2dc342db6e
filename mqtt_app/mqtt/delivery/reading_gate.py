"""Which links are read: not those whose messages wait beyond their share of the memory, or were
postponed.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from mqtt_app.domain.delivery.batching import may_read, may_read_suspect
from mqtt_app.domain.delivery.suspicion import Suspicion
from mqtt_app.mqtt.delivery.memory import Memory


class Receiver(Protocol):
    """The session of a connection."""

    def committed(self, epoch: int, packet_id: int) -> None: ...
    def settle(self) -> None: ...
    def set_paused(self, paused: bool) -> None: ...


class ReadingGate:
    """`limit` in bytes, of all connections together. `receivers` by connection id; the caller keeps
    them.
    """

    def __init__(
        self, memory: Memory, suspicion: Suspicion, limit: int, receivers: Mapping[int, Receiver]
    ) -> None:
        self._memory, self._suspicion, self._limit, self._receivers = (
            memory,
            suspicion,
            limit,
            receivers,
        )
        self._paused: set[int] = set()
        self._postponed: set[int] = set()  # connections with messages that nobody takes at present

    def __len__(self) -> int:
        """Links that are not read."""
        return len(self._paused)

    def opened(self, connection_id: int) -> None:
        """A new link, which is read."""
        self._paused.discard(connection_id)

    def closed(self, connection_id: int) -> None:
        self._paused.discard(connection_id)
        self._postponed.discard(connection_id)

    def taken(self, connection_ids: Collection[int]) -> None:
        """A batch with messages of these came back: whatever was postponed is not any more."""
        self._postponed.difference_update(connection_ids)

    def postpone(self, connection_ids: Collection[int]) -> None:
        self._postponed.update(connection_ids)
        for connection_id in connection_ids:
            self.check(connection_id)

    def check(self, connection_id: int) -> None:
        """After a message of it came: stop reading it when it holds its share."""
        receiver = self._receivers.get(connection_id)
        if (
            receiver is not None
            and connection_id not in self._paused
            and not self._may_read(connection_id)
        ):
            self._paused.add(connection_id)
            receiver.set_paused(True)

    def resume(self) -> None:
        """After something was stored: read again whoever may be."""
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
