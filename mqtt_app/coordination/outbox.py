"""Work that must never block its caller: a bounded queue and one daemon thread that empties it."""

import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import redis

from mqtt_app.coordination import keys
from mqtt_app.coordination.client import quick_client

Item = TypeVar("Item")
log = logging.getLogger(__name__)


def count_given_up(what: str, number: int) -> None:
    """Raises redis.RedisError."""
    quick_client().hincrby(keys.GIVEN_UP, what, number)


class Outbox(Generic[Item]):
    """`put` returns at once. `deliver` runs in the thread with what waits, oldest first; when it
    raises, the same items are tried again after `pause` seconds. Past `limit` the oldest are given
    up and counted in `dropped`.

    `tell_lost(name, number)` hears of those once things are delivered again.

    What comes within `gather` seconds of an item is delivered with it.

    A forked child starts empty with a thread of its own.
    """

    def __init__(
        self,
        name: str,
        deliver: Callable[[list[Item]], None],
        *,
        limit: int,
        pause: float = 1.0,
        gather: float = 0.0,
        tell_lost: Callable[[str, int], object] = count_given_up,
    ) -> None:
        self._tell_lost = tell_lost
        self._name, self._deliver, self._limit, self._pause, self._gather = (
            name,
            deliver,
            limit,
            pause,
            gather,
        )
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._waiting: deque[Item] = deque(maxlen=self._limit)
        self._wake = threading.Condition()
        self._busy = False
        self._items: list[Item] = []  # on their way; `deliver` may take off what is delivered
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def put(self, item: Item) -> None:
        with self._wake:
            self.dropped += len(self._waiting) == self._limit
            self._waiting.append(item)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._items)

    def flush(self, timeout: float) -> bool:
        """Wait until everything is delivered; False when that takes longer than `timeout` seconds."""
        with self._wake:
            return self._wake.wait_for(lambda: not (self._waiting or self._busy), timeout)

    def _run(self) -> None:
        failing = False
        while True:
            items = self._take()
            while not self._delivered(items, quiet=failing):
                failing = True
                time.sleep(self._pause)
            failing = False
            self._own_up()

    def _own_up(self) -> None:
        with self._wake:
            lost, self.dropped = self.dropped, 0
        if lost:
            log.warning("%d %s were given up while nobody took them", lost, self._name)
            with contextlib.suppress(redis.RedisError):
                self._tell_lost(self._name, lost)

    def _take(self) -> list[Item]:
        with self._wake:
            self._busy = False
            self._items = []
            self._wake.notify_all()
            self._wake.wait_for(lambda: bool(self._waiting))
        time.sleep(self._gather)
        with self._wake:
            self._busy = True
            self._items = list(self._waiting)
            self._waiting.clear()
            return self._items

    def _delivered(self, items: list[Item], *, quiet: bool) -> bool:
        try:
            self._deliver(items)
        except Exception as error:  # noqa: BLE001  whatever is wrong out there, the caller must not notice
            if not quiet:
                log.warning(
                    "%s wait and are tried again: %s: %s", self._name, type(error).__name__, error
                )
            return False
        return True
