"""One epoll loop for all sockets, with timers. Everything of every session happens on its thread;
nothing blocks it.
"""

import heapq
import itertools
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)

LONGEST_WAIT = 1.0  # s; the loop looks around at least this often
MIN_WAIT = 0.001  # s
GONE = (
    select.EPOLLHUP | select.EPOLLERR
)  # reported whatever is asked for, round after round until the socket is closed
# s from round to round while sockets are busy: each of them then has more to read at once
MIN_ROUND = 0.001


class Reader(Protocol):
    def read_turn(self) -> bool:
        """True when there is more to read that no poll would report."""
        ...

    def write_turn(self) -> None: ...

    def gone_turn(self) -> None:
        """The connection has ended, and no read would show it."""
        ...


class Timer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """`call` is for other threads; every other method is for the loop's own thread. `clock` gives
    seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._epoll = select.epoll()
        self._readers: dict[int, Reader] = {}
        self._interests: dict[int, int] = {}  # descriptor -> what the poll is asked for
        self._more: dict[
            int, Reader
        ] = {}  # readers that used up a turn; served again, after all others
        self._timers: list[tuple[float, int, Timer]] = []
        self._number = itertools.count()
        self._calls: deque[Callable[[], None]] = deque()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._epoll.register(self._wake_read, select.EPOLLIN)
        self._stopping = False
        self._busy_since = 0.0  # when the last round began that found sockets ready
        self._thread = threading.Thread(target=self._run, name="mqtt-loop", daemon=True)
        self.turned_at = clock()  # when the last round ended
        self.turns: list[Callable[[], None]] = []  # called after each round

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        self._stopping = True
        self._wake()
        self._thread.join(timeout)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def call(self, callback: Callable[[], None]) -> None:
        """Run it soon on the loop's thread."""
        self._calls.append(callback)
        if (
            threading.get_ident() != self._thread.ident
        ):  # it sees for itself what it has still to do
            self._wake()

    def at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (when, next(self._number), timer))
        return timer

    def watch(self, descriptor: int, reader: Reader) -> None:
        self._readers[descriptor] = reader
        self._interests[descriptor] = select.EPOLLIN
        self._epoll.register(descriptor, select.EPOLLIN)

    def change(self, descriptor: int, *, read: bool, write: bool) -> None:
        wanted = (select.EPOLLIN if read else 0) | (select.EPOLLOUT if write else 0)
        if self._interests.get(descriptor, wanted) != wanted:
            self._interests[descriptor] = wanted
            self._epoll.modify(descriptor, wanted)

    def unwatch(self, descriptor: int) -> None:
        self._interests.pop(descriptor, None)
        if self._readers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)
        self._more.pop(descriptor, None)

    def read_again(self, descriptor: int) -> None:
        """There may be bytes in memory that no poll reports."""
        if descriptor in self._readers:
            self._more[descriptor] = self._readers[descriptor]

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"\0")
        except BlockingIOError:
            return  # it is awake: the pipe is full

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._round()
            except Exception:
                log.exception("A round of the MQTT loop failed")
        self._epoll.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _round(self) -> None:
        polled = self._epoll.poll(self._patience())
        if polled:
            self._gather()
        pending = self._more
        self._more = {}
        for descriptor, event in polled:
            self._serve(descriptor, event, pending)
        for descriptor, reader in pending.items():
            self._read(descriptor, reader)
        self._run_calls()
        self._run_timers()
        for turn in self.turns:
            _guarded(turn)
        self.turned_at = self.clock()

    def _gather(self) -> None:
        now = self.clock()
        pause = self._busy_since + MIN_ROUND - now
        if 0 < pause <= MIN_ROUND:
            time.sleep(pause)
            now += pause
        self._busy_since = now

    def _serve(self, descriptor: int, event: int, pending: dict[int, Reader]) -> None:
        if descriptor == self._wake_read:
            os.read(self._wake_read, 65_536)
            return
        reader = self._readers.get(descriptor)
        if reader is None:
            return  # closed earlier in this round
        if event & select.EPOLLOUT:
            _guarded(reader.write_turn)
        if event & GONE and not self._interests.get(descriptor, 0) & select.EPOLLIN:
            _guarded(reader.gone_turn)
        elif event & ~select.EPOLLOUT:
            pending.pop(descriptor, None)
            self._read(descriptor, reader)

    def _read(self, descriptor: int, reader: Reader) -> None:
        if self._readers.get(descriptor) is reader and _guarded(reader.read_turn):
            self.read_again(descriptor)

    def _run_calls(self) -> None:
        for _ in range(len(self._calls)):
            _guarded(self._calls.popleft())

    def _run_timers(self) -> None:
        now = self.clock()
        while self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                _guarded(callback)

    def _patience(self) -> float:
        if self._more or self._calls:
            return 0.0
        if not self._timers:
            return LONGEST_WAIT
        return min(LONGEST_WAIT, max(MIN_WAIT, self._timers[0][0] - self.clock()))


def _guarded(callback: Callable[[], bool | None]) -> bool | None:
    try:
        return callback()
    except Exception:
        log.exception("Something in the MQTT loop failed; the loop goes on")
        return None
