"""Nudges, "look at the database now": a hint that may be lost, doubled or late without harm."""

import os
import threading
import time
from collections.abc import Callable

import redis
from redis.client import PubSub

from mqtt_app.coordination import keys
from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.outbox import Outbox

LOST_PAUSE = 0.1  # s until the next nudge, when Redis does not take one


class Nudger:
    """Publishes from a daemon thread. A nudge that finds another one waiting is the same nudge:
    nothing ever queues up. `client` gives the Redis client.
    """

    def __init__(self, client: Callable[[], redis.Redis]) -> None:
        self._client = client
        self._outbox: Outbox[None] = Outbox("nudges", self._publish, limit=1)
        self._lock = threading.Lock()

    def nudge(self) -> None:
        """Never blocks, never raises."""
        with self._lock:
            if not self._outbox.has_waiting():
                self._outbox.put(None)

    def flush(self, timeout: float) -> bool:
        """Wait until the last nudge is out, or has failed. False when that takes longer than
        `timeout` seconds.
        """
        return self._outbox.flush(timeout)

    def _publish(self, _nudges: list[None]) -> None:
        try:
            self._client().publish(keys.NUDGES, b"1")
        except redis.RedisError:
            # Lost, as a nudge may be: the workers look by themselves every few seconds.
            time.sleep(LOST_PAUSE)


class NudgeListener:
    """Waits for nudges on a connection of its own and subscribes again by itself."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._subscription: PubSub | None = None

    def wait(self, timeout: float) -> bool:
        """True as soon as there was a nudge; also after each new subscription, which may have
        missed one.
        """
        deadline = self._clock() + timeout
        try:
            return self._listen(deadline)
        except (redis.RedisError, OSError):
            self.close()
            time.sleep(max(0.0, deadline - self._clock()))
            return False

    def close(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _listen(self, deadline: float) -> bool:
        if self._subscription is None:
            self._subscription = self._client.pubsub()  # type: ignore[no-untyped-call]
            self._subscription.subscribe(keys.NUDGES)
        while not self._heard(max(0.0, deadline - self._clock())):
            if self._clock() >= deadline:
                return False
        while self._heard(0.0):
            pass  # a burst is one nudge
        return True

    def _heard(self, timeout: float) -> bool:
        assert self._subscription is not None
        message = self._subscription.get_message(timeout=timeout)
        return message is not None and message["type"] in {"message", "subscribe"}


_nudger = Nudger(quick_client)


def nudge() -> None:
    """Ask every MQTT worker to look at the database now. Never blocks, never raises; call it on
    commit.
    """
    _nudger.nudge()


def flush(timeout: float) -> bool:
    """Wait up to `timeout` seconds until the last nudge is out, before the process ends."""
    return _nudger.flush(timeout)


def _start_afresh() -> None:
    """A forked child has the lock and the flags of its parent, but not the thread."""
    global _nudger  # noqa: PLW0603
    _nudger = Nudger(quick_client)


os.register_at_fork(after_in_child=_start_afresh)
