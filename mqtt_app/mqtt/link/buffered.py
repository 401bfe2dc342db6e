"""A socket that is read 64 KB at a time, as packets."""

import socket
import ssl
from collections.abc import Callable

from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.control_packets import ControlPacket
from mqtt_app.domain.link.protocol.stream import PacketStream
from mqtt_app.mqtt.link.unfinished import UnfinishedBytes

CHUNK = 65_536  # bytes; one recv for each packet would be most of the cost of a message
CHUNKS_PER_TURN = 4  # read of one link before the others get their turn
FIRST = 64  # bytes kept from the start, to know what else may have answered


class BufferedSocket:
    """A non-blocking socket to the MQTT library, which only writes. `first` holds the first bytes that ever
    came.

    `given_up` is called when the part of a packet that is here was freed, because memory for such
    parts is used up.
    """

    def __init__(
        self,
        sock: socket.socket,
        stream: PacketStream,
        shared: UnfinishedBytes,
        given_up: Callable[[], None],
    ) -> None:
        self._sock = sock
        self.stream = stream
        self._shared = shared
        self._given_up = given_up
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        self._chunks = CHUNKS_PER_TURN
        # the last read took all there was, so that another one is not worth its system call
        self._emptied = False
        self._held = 0  # bytes of an unfinished packet, as the shared account knows them
        self.packets_begun = 0  # that did not come whole in one read
        self.first = b""
        self.error: OSError | None = (
            None  # what broke the connection; the MQTT library keeps it to itself
        )

    def begin_turn(self) -> None:
        self._chunks = CHUNKS_PER_TURN

    def next_packet(self) -> Publish | ControlPacket | None:
        """None: no whole packet is here now. Raises Violation, EOFError at the end of the stream,
        or OSError.
        """
        packet = self.stream.next()
        if packet is not None:
            return packet
        return self._read_on()

    def holds_more(self) -> bool:
        """After `next_packet` gave None: there may be bytes that no poll would report, unread or
        decrypted by TLS.
        """
        return not self._chunks or (
            isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0
        )

    def _read_on(self) -> Publish | ControlPacket | None:
        packet = None
        while packet is None and self._fill():
            packet = self.stream.next()
        if self.stream.unfinished or self._held:
            self._account(is_new=packet is not None or not self._held)
        return packet

    def _account(self, *, is_new: bool) -> None:
        size = self.stream.unfinished
        if is_new:
            self._shared.release(self)
            self.packets_begun += 1
        self._held = size
        if size:
            self._shared.hold(self, size)

    def give_up(self) -> None:
        self._held = 0
        self.stream.clear()
        self._given_up()

    def _fill(self) -> bool:
        """False when nothing is to be read now."""
        if self._emptied or not self._chunks:
            self._emptied = False
            return False
        self._chunks -= 1
        try:
            data = self._sock.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            self.error = error
            raise
        if not data:
            raise EOFError
        if len(self.first) < FIRST:
            self.first += data[: FIRST - len(self.first)]
        self._emptied = len(data) < CHUNK and not self._is_tls
        self.stream.feed(data)
        return True

    # What the MQTT library calls

    def send(self, data: bytes | bytearray) -> int:
        try:
            return self._sock.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except OSError as error:
            self.error = error
            raise

    def close(self) -> None:
        self._shared.release(self)
        self._held = 0
        self.stream.clear()
        self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)
