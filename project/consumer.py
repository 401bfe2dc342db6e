"""Celery's consumer, but for one leak and one expense.

What it opens it closes, also when Redis takes no writes; and it tells of tasks (to Flower) a few
times a second only.
"""

import time
from typing import Any

from celery.worker import consumer

EVENTS_EVERY = (
    0.2  # s; telling of each task by itself was half of what the parent of the task processes did
)


class Consumer(consumer.Consumer):
    """Registering a new connection with the event loop writes to Redis. Where that is refused,
    Celery tries again every second, and would leave three sockets open each time, until the worker
    may open no more.
    """

    hub: Any
    amqheartbeat: Any
    _flush_events: Any
    _events_due = float("-inf")

    def connect(self) -> Any:
        connection = self.connection_for_read(heartbeat=self.amqheartbeat)
        if self.hub:
            try:
                connection.transport.register_with_event_loop(connection.connection, self.hub)
            except BaseException:
                connection.close()
                raise
        return connection

    def on_send_event_buffered(self) -> None:  # type: ignore[override]  # its caller takes no answer
        """By time, not by a mark: with a connection that breaks, the timers of the event loop go."""
        now = time.monotonic()
        if self.hub and now >= self._events_due:
            self._events_due = now + EVENTS_EVERY
            self.hub.call_later(EVENTS_EVERY, self._flush_events)
