"""A broker on a raw socket that does as a script says: any bytes, at any time, to any number of
clients.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator

from tests.fakes.wire import answer, connack, packet


class RogueLink:
    """One connection of a client. `received`: what the client sent after its CONNECT, also when
    nobody answers it.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.at = time.monotonic()
        self.received = bytearray()
        self.closed = threading.Event()
        self.subscribed = (
            threading.Event()
        )  # at QoS 1: retained messages are asked for at QoS 0 first
        self.answers = True  # SUBSCRIBE, UNSUBSCRIBE and PINGREQ, as a broker should
        self.version = ""
        self._answered = 0

    def greet(self) -> None:
        """Take the CONNECT, whose protocol level says which version the client speaks."""
        data = b""
        while len(data) < 9:
            data += self.sock.recv(1_000) or self._gone()
        if b"MQTT" not in data:
            self._gone()  # a TLS greeting, say
        self.version = "5" if data[data.index(b"MQTT") + 4] == 5 else "3.1.1"
        threading.Thread(target=self._listen, daemon=True).start()

    def accept(self) -> None:
        self.send(connack(self.version))

    def accept_and_subscribe(self) -> None:
        self.accept()
        self.subscribed.wait(5)

    def send(self, data: bytes) -> None:
        """Whether or not the client takes it."""
        with contextlib.suppress(OSError):
            self.sock.sendall(data)

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """(first byte, body) of what was received and is whole; lengths of two bytes are enough
        here.
        """
        data, at = bytes(self.received), 0
        while at + 2 <= len(data):
            length, start = data[at + 1], at + 2
            if length > 127:
                length, start = (length & 127) | data[at + 2] << 7, at + 3
            if start + length > len(data):
                return
            yield data[at], data[start : start + length]
            at = start + length

    def goodbyes(self) -> list[int]:
        """Reason Codes of the DISCONNECTs that came."""
        return [(body[0] if body else 0) for first, body in self.packets() if first == 0xE0]

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.sock.recv(65_536):
                self.received += data
                self._answer()
        self.closed.set()

    def _answer(self) -> None:
        seen = list(self.packets())
        for first, body in seen[self._answered :] if self.answers else ():
            if first == 0x82:
                self.send(
                    answer(0x90, self.version, struct.unpack("!H", body[:2])[0], self._codes(body))
                )
                if body[-1] & 3:
                    self.subscribed.set()
            elif first == 0xA2:
                self.send(
                    answer(
                        0xB0,
                        self.version,
                        struct.unpack("!H", body[:2])[0],
                        bytes(self._filters(body)),
                    )
                )
            elif first == 0xC0:
                self.send(packet(0xD0))
        self._answered = len(seen)

    def _codes(self, body: bytes) -> bytes:
        """One for each topic filter of a SUBSCRIBE."""
        return b"\x01" * self._filters(body, options=1)

    def _filters(self, body: bytes, options: int = 0) -> int:
        place, count = 2 + (1 + body[2] if self.version == "5" else 0), 0
        while place < len(body):
            place += 2 + struct.unpack("!H", body[place : place + 2])[0] + options
            count += 1
        return count

    def _gone(self) -> bytes:
        raise ConnectionError


Script = Callable[[RogueLink], None]


class RogueBroker:
    """`script` is run for each connection once its CONNECT is here; then the link stays open until
    the client ends it, unless the script closes it.
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script, self._tls = script, tls
        self.links: list[RogueLink] = []
        self._server = socket.create_server(("127.0.0.1", 0), backlog=1_000)
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for link in self.links:
            with contextlib.suppress(OSError):
                link.sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), self._secured(sock) as secured:
            link = RogueLink(secured)
            link.greet()
            self.links.append(link)
            self.script(link)
            link.closed.wait(60)

    def _secured(self, sock: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(sock, server_side=True) if self._tls else sock
