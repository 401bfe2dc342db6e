"""Database connections of the web process, shared by its threads.

Under ASGI each request runs in a thread of its own, so a connection per thread would be a new one
for every request. Celery's processes keep one connection each instead: a pool does not outlive
their forks.
"""

from typing import Any

from django.conf import settings
from django.db import connections

WAIT = 2.0  # s a request waits for a connection; a database that is away is an answer, not a queue
# s the pool tries by itself; after that it tries when somebody asks, not at the end of a back-off
RECONNECT = 2.0


def use() -> None:
    """Before the first connection. Called once, by the composition root."""
    if not settings.DATABASE_POOL_SIZE:
        return
    options: dict[str, Any] = connections.settings["default"]
    options["CONN_MAX_AGE"] = 0  # given back after each request
    options["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": settings.DATABASE_POOL_SIZE,
        "timeout": WAIT,
        "reconnect_timeout": RECONNECT,
    }
