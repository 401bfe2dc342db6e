"""A TCP proxy that can be told to misbehave. One thread for all its connections; nothing in it
blocks.
"""

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

CHUNK = 65_536
TURN = 0.01  # s between two looks at what waits to be passed on
BACKLOG = 4 * 1024 * 1024  # bytes waiting in one direction before its source is read no more
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close sends RST


class Mode(StrEnum):
    PASS = "pass"
    REFUSE = "refuse"  # new connections are reset at once
    HOLD = (
        "hold"  # nothing gets through, and nothing is lost: it arrives when the mode is PASS again
    )
    BLACKHOLE = "blackhole"  # everything is swallowed, both ways
    DEAF = "deaf"  # what the client sends is swallowed
    MUTE = "mute"  # what the server sends is swallowed
    # the next thing the server sends is swallowed and the connection reset; then PASS
    DROP_REPLY = "drop reply"
    # half of the next thing the client sends arrives, then the connection is reset; then PASS
    CUT = "cut"


@dataclass(eq=False)
class Direction:
    """From one socket to the other. `waiting`: what was read, and when it may be passed on.
    `since`: when opened.
    """

    source: socket.socket
    target: socket.socket
    from_client: bool
    address: str  # of the client
    since: float = field(default_factory=time.monotonic)
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    size: int = 0
    allowed_at: float = 0.0  # when a throttled direction may send again
    ended: bool = False  # the source has closed


class FaultProxy:
    """`port` leads to `target_port` on this machine, from the client's own loopback address. Set
    `mode` at any time; `reset()` cuts what is open.

    `delay`: seconds that each chunk waits. `rate`: bytes a second and direction, 0 for all that
    there are. `keeps_clients`: a client is not told that the server has closed. `heard`: (when,
    since when the client is connected, its address, bytes) of all that clients sent, while
    `records`.
    """

    def __init__(self, target_port: int, *, records: bool = False) -> None:
        self.target_port, self.mode, self.delay, self.rate = target_port, Mode.PASS, 0.0, 0.0
        self.keeps_clients, self.records = False, records
        self.heard: list[tuple[float, float, str, bytes]] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._directions: dict[socket.socket, Direction] = {}  # by source
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._lock, self._ending = threading.RLock(), False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> "FaultProxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._ending = True
        self._thread.join()
        self.reset()
        self._selector.close()
        self._listener.close()

    def reset(self) -> None:
        with self._lock:
            for direction in list(self._directions.values()):
                self._close(direction, cut=True)

    def heal(self) -> None:
        """Pass again; a stream out of which bytes were taken is cut."""
        torn = self.mode in {Mode.BLACKHOLE, Mode.DEAF, Mode.MUTE}
        self.mode = Mode.PASS
        if torn:
            self.reset()

    def __len__(self) -> int:
        """Clients at present."""
        return sum(direction.from_client for direction in tuple(self._directions.values()))

    # The thread

    def _run(self) -> None:
        while not self._ending:
            held = self.mode is Mode.HOLD
            ready = self._selector.select(TURN if held or self._is_waiting() else 0.05)
            with self._lock:
                for key, _ in ready:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif not held and key.data in self._directions.values():
                        self._read(key.data)
                for direction in list(self._directions.values()):
                    self._pass_on(direction)
            if held and ready:
                time.sleep(TURN)  # what is held is ready all the time

    def _is_waiting(self) -> bool:
        return any(direction.waiting for direction in tuple(self._directions.values()))

    def _accept(self) -> None:
        client, (address, _) = self._listener.accept()
        try:
            if self.mode is Mode.REFUSE:
                raise ConnectionRefusedError
            server = socket.create_connection(
                ("127.0.0.1", self.target_port), 5, source_address=(address, 0)
            )
        except OSError:
            _reset(client)
            return
        for source, target, from_client in ((client, server, True), (server, client, False)):
            source.setblocking(False)
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._directions[source] = Direction(source, target, from_client, address)
            self._selector.register(source, selectors.EVENT_READ, self._directions[source])

    def _read(self, direction: Direction) -> None:
        if direction.size > BACKLOG or direction.ended:
            return
        try:
            data = direction.source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(direction)
            return
        if self.records and direction.from_client:
            self.heard.append((time.monotonic(), direction.since, direction.address, data))
        self._judge(direction, data)

    def _judge(self, direction: Direction, data: bytes) -> None:
        if self.mode is Mode.DROP_REPLY and not direction.from_client:
            self.mode = Mode.PASS
            self._close(direction, cut=True)
        elif self.mode is Mode.CUT and direction.from_client:
            self.mode = Mode.PASS
            with contextlib.suppress(OSError):
                direction.target.send(data[: len(data) // 2])
            time.sleep(TURN)  # a reset would overtake the half
            self._close(direction, cut=True)
        elif self._passes(direction.from_client):
            direction.waiting.append((time.monotonic() + self.delay, data))
            direction.size += len(data)

    def _passes(self, from_client: bool) -> bool:
        swallowed = {Mode.BLACKHOLE: True, Mode.DEAF: from_client, Mode.MUTE: not from_client}
        return not swallowed.get(self.mode, False)

    def _pass_on(self, direction: Direction) -> None:
        while direction.waiting and self.mode is not Mode.HOLD:
            due, data = direction.waiting[0]
            now = time.monotonic()
            if max(due, direction.allowed_at) > now:
                return
            most = max(1, int(self.rate * TURN)) if self.rate else len(data)
            try:
                sent = direction.target.send(data[:most])
            except BlockingIOError:
                return
            except OSError:
                self._close(direction)
                return
            direction.size -= sent
            direction.waiting.popleft()
            if sent < len(data):
                direction.waiting.appendleft((due, data[sent:]))
            direction.allowed_at = now + (sent / self.rate if self.rate else 0.0)
        if direction.ended and not direction.waiting and direction.source in self._directions:
            self._close(direction)

    def _end(self, direction: Direction) -> None:
        """The source has closed; what it said before is still passed on."""
        if self.keeps_clients and not direction.from_client:
            back = self._directions.get(direction.target)
            self._forget(direction.source)
            if back is not None:
                back.target = (
                    socket.socket()
                )  # never connected: what the client says is heard and goes nowhere
            return
        direction.ended = True
        self._unregister(direction.source)

    def _forget(self, source: socket.socket) -> None:
        self._directions.pop(source, None)
        self._unregister(source)
        source.close()

    def _unregister(self, source: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(source)

    def _close(self, direction: Direction, *, cut: bool = False) -> None:
        for end in (direction.source, direction.target):
            self._directions.pop(end, None)
            self._unregister(end)
            _reset(end) if cut else end.close()


def _reset(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()
