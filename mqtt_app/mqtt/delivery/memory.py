"""What an MQTT worker has in memory for each connection: bytes, and the QoS 1 messages that are not
committed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from mqtt_app.domain.delivery.messages import Envelope


class HeldMessage(msgspec.Struct):
    """A QoS 1 message that is not committed. `epoch`: of the link on which it came last, which is to
    be acknowledged there.
    """

    message: Envelope
    epoch: int
    fingerprint: int

    def is_copy_of(self, message: Envelope, fingerprint: int) -> bool:
        is_equal = self.fingerprint == fingerprint
        return is_equal and self.message.generation == message.generation


class Memory:
    """`total` bytes of all connections; `early`: messages that no broker will deliver again."""

    def __init__(self) -> None:
        self._held: defaultdict[int, dict[int, HeldMessage]] = defaultdict(dict)
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
        """Delivered again while the first copy is being stored: the commit of that
        copy acknowledges this one.
        """
        waiting = self._held[message.connection_id]
        fingerprint = hash((message.topic, message.payload))
        first = waiting.get(message.packet_id)
        if first is not None and message.dup and first.is_copy_of(message, fingerprint):
            first.epoch = message.epoch
            return True
        waiting[message.packet_id] = HeldMessage(message, message.epoch, fingerprint)
        return False

    def find_held(self, message: Envelope) -> HeldMessage | None:
        """None when the packet id belongs to a later message by now."""
        held = self._held[message.connection_id].get(message.packet_id)
        if held is not None and held.message is message:
            return held
        return None

    def remove(self, messages: Sequence[Envelope]) -> list[HeldMessage]:
        """Gives those that wait for an acknowledgement, in order."""
        unacknowledged: list[HeldMessage] = []
        for message in messages:
            connection_id = message.connection_id
            self._bytes[connection_id] -= message.size
            self.total -= message.size
            self.early -= message.early
            if message.qos and (held := self.find_held(message)) is not None:
                del self._held[connection_id][message.packet_id]
                unacknowledged.append(held)
        self._forget_empty({message.connection_id for message in messages})
        return unacknowledged

    def _forget_empty(self, connection_ids: Iterable[int]) -> None:
        for connection_id in connection_ids:
            if not self._bytes[connection_id]:
                del self._bytes[connection_id]
            if not self._held[connection_id]:
                del self._held[connection_id]
