"""Queues in Redis are bounded by those who fill them: what does not fit waits where it came from."""

from mqtt_app.coordination.client import quick_client


class QueueFullError(RuntimeError):
    """More tasks wait in Redis than it should hold."""


def check_capacity(queue: str, limit: int) -> None:
    """Raises QueueFullError when `limit` tasks wait already, redis.RedisError when Redis does not answer."""
    waiting = quick_client().llen(queue)
    if isinstance(waiting, int) and waiting >= limit:
        raise QueueFullError(f"{waiting} tasks wait in {queue}; are the task workers running?")
