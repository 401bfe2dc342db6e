"""What an MQTT worker has in memory for each connection: bytes, and the QoS 1 messages that are not
committed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from mqtt_app.domain.delivery.messages import Envelope


class Held(msgspec.Struct):
    """A QoS 1 message that is not committed. The link `epoch`, on which it came last, waits for its
    ack.
    """

    message: Envelope
    epoch: int
    fingerprint: int


class Memory:
    """`total` bytes of all connections; `early`: messages that no broker will bring again."""

    def __init__(self) -> None:
        self._held: defaultdict[int, dict[int, Held]] = defaultdict(dict)
        self._bytes: defaultdict[int, int] = defaultdict(int)
        self.total = 0
        self.early = 0

    def __len__(self) -> int:
        """Connections that hold any."""
        return len(self._bytes)

    def bytes_of(self, connection_id: int) -> int:
        return self._bytes.get(connection_id, 0)

    def add(self, message: Envelope) -> None:
        size = message.size
        self._bytes[message.connection_id] += size
        self.total += size
        self.early += message.early

    def is_known(self, message: Envelope) -> bool:
        """Delivered again while the first copy is on its way to the database: that commit will
        acknowledge this one.
        """
        waiting = self._held[message.connection_id]
        fingerprint = hash((message.topic, message.payload))
        first = waiting.get(message.packet_id)
        same = first is not None and first.fingerprint == fingerprint
        if (
            first is not None
            and same
            and message.dup
            and first.message.generation == message.generation
        ):
            first.epoch = message.epoch
            return True
        waiting[message.packet_id] = Held(message, message.epoch, fingerprint)
        return False

    def held_of(self, message: Envelope) -> Held | None:
        """None when the packet id belongs to a later message by now."""
        held = self._held[message.connection_id].get(message.packet_id)
        return held if held is not None and held.message is message else None

    def remove(self, messages: Sequence[Envelope]) -> list[Held]:
        """Gives those that wait for an acknowledgement, in order."""
        open_ones: list[Held] = []
        for message in messages:
            connection_id = message.connection_id
            self._bytes[connection_id] -= message.size
            self.total -= message.size
            self.early -= message.early
            if message.qos and (held := self.held_of(message)) is not None:
                del self._held[connection_id][message.packet_id]
                open_ones.append(held)
        self._tidy({message.connection_id for message in messages})
        return open_ones

    def _tidy(self, connection_ids: Iterable[int]) -> None:
        for connection_id in connection_ids:
            if not self._bytes[connection_id]:
                del self._bytes[connection_id]
            if not self._held[connection_id]:
                del self._held[connection_id]
