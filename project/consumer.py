"""Celery's consumer, but for one leak, one expense and one way to die.

What it opens it closes, also when Redis takes no writes; it tells of tasks (to Flower) a few times
a second only; and it outlives a connection that cannot even be closed.
"""

import logging
import time
from typing import Any

from celery.worker import consumer

log = logging.getLogger(__name__)

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

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Closing the broken connection gives unacknowledged tasks back to Redis. When Redis is away
        at that moment, kombu fails with an AttributeError of its own, at which the whole worker would
        end. By then Celery has let go of the connection; what was not given back is sent again by
        the owner of the links.
        """
        try:
            super().on_connection_error_after_connected(exc)
        except Exception as error:  # noqa: BLE001  the worker connects anew, whatever it is
            log.warning("A broken connection to Redis could not be closed: %r", error)
