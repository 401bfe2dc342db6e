"""The bytes of one link, cut into packets. Pure; the reader of the socket feeds it."""

from mqtt_app.domain.link.packets import Publish, read_publish
from mqtt_app.domain.link.protocol.connack import Connack
from mqtt_app.domain.link.protocol.control_packets import (
    PUBLISH,
    ControlPacket,
    judge_header,
    read_control,
)
from mqtt_app.domain.link.protocol.properties import variable
from mqtt_app.domain.link.protocol.topic_names import TopicNames

# First bytes of a PUBLISH that need no judgement: QoS 0 and 1, with and without RETAIN, DUP at QoS
# 1 only.
_PLAIN = frozenset({0x30, 0x31, 0x32, 0x33, 0x3A, 0x3B})


class PacketStream:
    """`feed` what came, then `next` until it gives None; `feed` only then.

    Each packet is judged at its fixed header, so what is too large or never allowed is not waited
    for. Memory: what was fed last, and of a packet that is not here whole as much as has come.
    `limit`: bytes of a packet.
    """

    def __init__(self, *, v5: bool, limit: int, names: TopicNames) -> None:
        self._v5 = v5
        self._limit = limit
        self._names = names
        self.connected = False  # a CONNACK with success has come
        self._buffer = b""
        self._position = 0
        self._begun = bytearray()  # of a packet that is not here whole
        self._size = 0  # of that packet; 0 while not even that is known
        self._is_plain = False  # whether a PUBLISH may be expected at the position

    @property
    def unfinished(self) -> int:
        """Bytes held of a packet that is not here whole."""
        return len(self._begun)

    def feed(self, data: bytes) -> None:
        self._buffer = data
        self._position = 0

    def clear(self) -> None:
        self._buffer = b""
        self._position = 0
        self._begun = bytearray()
        self._size = 0
        self._is_plain = False

    def next(self) -> Publish | ControlPacket | None:
        """Raises Violation; there is no going on after that."""
        buffer = self._buffer
        start = self._position
        try:
            if self._is_plain and start < len(buffer) and buffer[start] in _PLAIN:
                length = buffer[start + 1]
                place = start + 2
                if length > 127:
                    length, place = variable(buffer, start + 1)
                end = place + length
                if end <= len(buffer) and end - start <= self._limit:
                    self._position = end
                    return read_publish(
                        buffer,
                        place,
                        end,
                        first=buffer[start],
                        with_properties=self._v5,
                        names=self._names,
                    )
        except IndexError:
            pass  # the header is not here whole
        return self._next()

    def _next(self) -> Publish | ControlPacket | None:
        """The same for every packet, and for one that comes in parts."""
        if self._begun:
            return self._go_on()
        buffer = self._buffer
        start = self._position
        if start >= len(buffer):
            self._buffer = b""
            self._position = 0
            return None
        size = self._judged_size(buffer, start)
        if not size or start + size > len(buffer):
            self._begun += buffer[start:]
            self._size = size
            self._is_plain = False
            self._buffer = b""
            self._position = 0
            return None
        self._position = start + size
        return self._read(buffer, start, start + size)

    def _go_on(self) -> Publish | ControlPacket | None:
        begun = self._begun
        while not self._size and self._position < len(self._buffer):
            begun.append(self._buffer[self._position])
            self._position += 1
            self._size = self._judged_size(begun, 0)
        if self._size:
            missing = self._size - len(begun)
            begun += self._buffer[self._position : self._position + missing]
            self._position += missing
        if not self._size or len(begun) < self._size:
            self._buffer = b""
            self._position = 0
            return None
        whole = bytes(begun)
        self._begun = bytearray()
        self._size = 0
        del begun  # so that a large packet is here twice only for a moment
        self._is_plain = self.connected
        return self._read(whole, 0, len(whole))

    def _judged_size(self, data: bytes | bytearray, start: int) -> int:
        """Of the packet with its header; 0 when that is not here whole. Raises Violation."""
        try:
            length, place = variable(data, start + 1)
        except IndexError:
            size = 0
        else:
            size = place - start + length
        # A header that is not here whole is judged as far as it is: nothing forbidden is waited
        # for.
        judge_header(data[start], size, v5=self._v5, connected=self.connected, limit=self._limit)
        return size

    def _read(self, data: bytes, start: int, end: int) -> Publish | ControlPacket:
        place = variable(data, start + 1)[1]
        first = data[start]
        if first >> 4 == PUBLISH:
            return read_publish(
                data, place, end, first=first, with_properties=self._v5, names=self._names
            )
        packet = read_control(first, data[place:end], v5=self._v5)
        if isinstance(packet, Connack) and not packet.code:
            self.connected = self._is_plain = True
        return packet
