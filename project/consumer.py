"""Celery's consumer, but for one leak: what it opens it closes, also when Redis takes no writes."""

from typing import Any

from celery.worker import consumer


class Consumer(consumer.Consumer):
    """Registering a new connection with the event loop writes to Redis. Where that is refused, Celery tries again every
    second, and would leave three sockets open each time, until the worker may open no more.
    """

    hub: Any
    amqheartbeat: Any

    def connect(self) -> Any:
        connection = self.connection_for_read(heartbeat=self.amqheartbeat)
        if self.hub:
            try:
                connection.transport.register_with_event_loop(connection.connection, self.hub)
            except BaseException:
                connection.close()
                raise
        return connection
