"""Who looks at what arrives right now: filters of sites, for a few seconds each, in Redis.

A process that stores looks once a second, in a thread of its own; nothing on the way of a message
waits for it.
"""

import logging
import os
import threading
import time
from collections.abc import Sequence

import msgspec
import redis

from mqtt_app.background.periodic_thread import PeriodicThread
from mqtt_app.coordination import keys
from mqtt_app.coordination.client import quick_client

TTL = 15.0  # s for which a look lasts unless it is renewed
MOST = 50  # tails at once, of the whole installation
EVERY = 1.0  # s between two looks of a process
log = logging.getLogger(__name__)


class Tail(msgspec.Struct, frozen=True):
    """`filter` is an MQTT filter."""

    site_id: int
    filter: str


class TooManyTailsError(RuntimeError):
    """`str(error)` says what to do."""


def look(tail: Tail, now: float) -> None:
    """For TTL seconds from `now`, unix seconds. Raises TooManyTailsError and redis.RedisError."""
    client = quick_client()
    member = msgspec.json.encode(tail)
    client.zremrangebyscore(keys.TAILS, "-inf", now)
    if client.zscore(keys.TAILS, member) is None and client.zcard(keys.TAILS) >= MOST:
        raise TooManyTailsError(f"{MOST} tails are open already. Close one, or wait a moment.")
    client.zadd(keys.TAILS, {member: now + TTL})
    client.expire(keys.TAILS, int(2 * TTL))


def open_tails(now: float) -> list[Tail]:
    """Raises redis.RedisError."""
    members: list[bytes] = quick_client().zrangebyscore(keys.TAILS, now, "+inf")  # type: ignore[assignment]
    return [msgspec.json.decode(member, type=Tail) for member in members]


class TailWatch:
    """What this process knows of open tails. `tails` is read without a lock: it is replaced as a
    whole.
    """

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self.tails: Sequence[Tail] = ()
        self._lock = threading.Lock()
        self._thread = PeriodicThread("tails", self._refresh, every=EVERY)
        self._started = False

    def current(self) -> Sequence[Tail]:
        """Never blocks. The first call begins to look."""
        if not self._started:
            with self._lock:
                self._thread.start_once()
                self._started = True
        return self.tails

    def _refresh(self) -> None:
        try:
            self.tails = open_tails(time.time())
        except redis.RedisError as error:
            self.tails = ()
            log.debug("Open tails are not known: %s", error)


WATCH = TailWatch()
