"""Redis clients that fail fast.

With the library's defaults (5 s, ten retries) one call to a frozen server blocks for a minute.
"""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_TIMEOUT = 1.0  # s
QUICK_TIMEOUT = (
    1.0  # s; a lease is renewed every few seconds, so an answer later than this is no answer
)
# s; a connection idle for longer is pinged before use, or a half-open one would swallow a call
HEALTH_CHECK = 10.0


@cache
def quick_client() -> redis.Redis:
    """This process's client for short commands. Safe in threads and after a fork. Raises
    redis.RedisError in 1 s.
    """
    return _client(QUICK_TIMEOUT)


def blocking_client(timeout: float) -> redis.Redis:
    """A client of one's own for commands that wait up to `timeout` seconds on the server."""
    return _client(timeout + QUICK_TIMEOUT)


def _client(socket_timeout: float) -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=socket_timeout,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_keepalive=True,
        health_check_interval=HEALTH_CHECK,
        # A retried command may have been carried out the first time. The caller decides, on the
        # value stored.
        retry=Retry(NoBackoff(), 0),
    )
