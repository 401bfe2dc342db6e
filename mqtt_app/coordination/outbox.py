"""Work that must never block its caller: a bounded queue and one daemon thread that empties it."""

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import redis

from mqtt_app.background.outage_log import OutageLog
from mqtt_app.background.periodic_thread import PeriodicThread
from mqtt_app.coordination import keys
from mqtt_app.coordination.client import quick_client

Item = TypeVar("Item")
log = logging.getLogger(__name__)


def count_given_up(what: str, number: int) -> None:
    """For the metrics. Raises redis.RedisError."""
    quick_client().hincrby(keys.GIVEN_UP, what, number)


class Outbox(Generic[Item]):
    """`put` returns at once. `deliver` runs in the thread with what waits, oldest first; when it
    raises, the same items are tried again after `pause` seconds. Past `limit` the oldest are given
    up and counted in `dropped`; `report_lost(name, number)` is called with their number once things
    are delivered again.

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
        report_lost: Callable[[str, int], object] = count_given_up,
    ) -> None:
        self._name = name
        self._deliver = deliver
        self._limit = limit
        self._pause = pause
        self._gather = gather
        self._report_lost = report_lost
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._waiting: deque[Item] = deque(maxlen=self._limit)
        self._changed = threading.Condition()
        self._busy = False
        self._items: list[Item] = []  # being delivered; `deliver` may take off what is delivered
        self._outage = OutageLog(
            log, f"{self._name} wait and are tried again: %s", f"{self._name} are delivered again"
        )
        self._thread = PeriodicThread(
            self._name, self._deliver_waiting, every=None, gather=self._gather
        )
        self.dropped = 0

    def put(self, item: Item) -> None:
        with self._changed:
            self.dropped += len(self._waiting) == self._limit
            self._waiting.append(item)
            self._thread.start_once()
        self._thread.wake()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._items)

    def has_waiting(self) -> bool:
        """An item waits that is not being delivered yet."""
        return bool(self._waiting)

    def flush(self, timeout: float) -> bool:
        """Wait until everything is delivered; False when that takes longer than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(self._is_idle, timeout)

    def _is_idle(self) -> bool:
        return not (self._waiting or self._busy)

    def _deliver_waiting(self) -> None:
        with self._changed:
            self._items = list(self._waiting)
            self._waiting.clear()
            self._busy = True
        if self._items:
            while not self._is_delivered(self._items):
                self._thread.pause(self._pause)
            self._report_dropped()
        with self._changed:
            self._items = []
            self._busy = False
            self._changed.notify_all()

    def _report_dropped(self) -> None:
        with self._changed:
            lost = self.dropped
            self.dropped = 0
        if lost:
            log.warning("%d %s were given up while they could not be delivered", lost, self._name)
            with contextlib.suppress(redis.RedisError):
                self._report_lost(self._name, lost)

    def _is_delivered(self, items: list[Item]) -> bool:
        try:
            self._deliver(items)
        except Exception as error:  # noqa: BLE001  whatever is wrong out there, the caller must not notice
            self._outage.failed(error)
            return False
        self._outage.succeeded()
        return True
