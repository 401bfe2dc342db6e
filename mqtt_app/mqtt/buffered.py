"""A socket that is read 64 KB at a time and serves the MQTT library's tiny reads from memory."""

import socket
import ssl

from mqtt_app.domain.packets import Publish, read_publish

CHUNK = 65_536  # bytes; one recv for each header byte is most of the cost of a message
FIRST = 64  # bytes kept from the start, to tell what else may have answered


class BufferedSocket:
    """Looks like a non-blocking socket. `first` holds the first bytes that ever came."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""
        self._position = 0
        self.first = b""
        self._emptied = False  # the last read took all there was, so that another one is not worth its system call
        self._pending: OSError | None = None  # met where it could not be raised
        self.error: OSError | None = None  # what broke the connection; the MQTT library keeps it to itself

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes; raises BlockingIOError when there are none now, gives b"" at the end of the stream."""
        start = self._position
        if start >= len(self._buffer):
            self._raise_pending()
            self._fill()
            start = 0
        self._position = start + size
        return self._buffer[start : start + size]

    def next_publish(self, *, with_properties: bool) -> Publish | None:
        """Take a PUBLISH that is here in one piece. Only between packets: not after a part of one was received."""
        if self._position >= len(self._buffer) and not self._has_more():
            return None
        found = read_publish(self._buffer, self._position, with_properties=with_properties)
        if found is None:
            return None
        self._position = found[1]
        return found[0]

    def is_dry(self) -> bool:
        """Whether `next_publish` has just found that nothing is here now: says what else `recv` would raise."""
        dry = isinstance(self._pending, BlockingIOError)
        if dry:
            self._pending = None
        return dry

    def _has_more(self) -> bool:
        """Whether bytes came. What else the socket has to say is kept for the next `recv`."""
        if self._pending is not None:
            return False
        if self._emptied:
            self._buffer, self._position, self._emptied = b"", 0, False
            self._pending = BlockingIOError()
            return False
        try:
            self._fill()
        except OSError as error:
            self._pending = error
        return len(self._buffer) > 0

    def _raise_pending(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            try:
                raise pending
            finally:
                del pending  # an error whose own frame knows it is left to the garbage collector

    def holds_more(self) -> bool:
        """Bytes that no poll would report: here, or decrypted inside TLS."""
        if self._position < len(self._buffer):
            return True
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    def _fill(self) -> None:
        self._buffer, self._position, self._emptied = b"", 0, False
        try:
            self._buffer = self._sock.recv(CHUNK)
            self._emptied = 0 < len(self._buffer) < CHUNK and not isinstance(self._sock, ssl.SSLSocket)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except BlockingIOError:
            raise
        except OSError as error:
            self.error = error
            raise
        if len(self.first) < FIRST:
            self.first += self._buffer[: FIRST - len(self.first)]

    def send(self, data: bytes | bytearray) -> int:
        return self._sock.send(data)

    def close(self) -> None:
        self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)
