"""A TCP proxy that can be told to misbehave. One thread for all its connections."""

import contextlib
import selectors
import socket
import struct
import threading
import time
from enum import StrEnum

CHUNK = 65_536
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close sends RST


class Mode(StrEnum):
    PASS = "pass"
    REFUSE = "refuse"  # new connections are closed at once
    BLACKHOLE = "blackhole"  # everything is swallowed, both ways
    DEAF = "deaf"  # what the client sends is swallowed
    MUTE = "mute"  # what the server sends is swallowed
    DROP_REPLY = "drop reply"  # the next thing the server sends is swallowed and the connection reset


class FaultProxy:
    """`port` leads to `target_port` on this machine. Set `mode` at any time; `reset()` cuts what is open.

    `delay`: seconds before each chunk is passed on.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port, self.mode, self.delay = target_port, Mode.PASS, 0.0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._peers: dict[socket.socket, tuple[socket.socket, bool]] = {}  # socket -> (other end, from the client)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._lock, self._ending = threading.RLock(), False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> "FaultProxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._thread.join()
        self.reset()
        self._selector.close()
        self._listener.close()

    def reset(self) -> None:
        with self._lock:
            for one in list(self._peers):
                self._close(one, cut=True)

    def _run(self) -> None:
        while not self._ending:
            for key, _ in self._selector.select(0.05):
                found = key.fileobj
                assert isinstance(found, socket.socket)
                with self._lock, contextlib.suppress(OSError, KeyError):
                    self._accept() if found is self._listener else self._pass_on(found)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self.mode is Mode.REFUSE:
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self.target_port))
        for one, other, from_client in ((client, server, True), (server, client, False)):
            self._peers[one] = (other, from_client)
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, one: socket.socket) -> None:
        other, from_client = self._peers[one]
        try:
            data = one.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            self._close(one)
        elif self.mode is Mode.DROP_REPLY and not from_client:
            self.mode = Mode.PASS
            self._close(one, cut=True)
        elif self._passes(from_client):
            time.sleep(self.delay)
            other.sendall(data)

    def _passes(self, from_client: bool) -> bool:
        swallowed = {Mode.BLACKHOLE: True, Mode.DEAF: from_client, Mode.MUTE: not from_client}
        return not swallowed.get(self.mode, False)

    def _close(self, one: socket.socket, *, cut: bool = False) -> None:
        other, _ = self._peers.pop(one, (None, False))
        for end in (one, other):
            if end is None:
                continue
            self._peers.pop(end, None)
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            if cut:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.close()
