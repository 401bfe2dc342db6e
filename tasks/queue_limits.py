"""Queues in Redis are bounded by those who fill them: what finds no room waits where it came from."""

from mqtt_app.coordination.client import quick_client


class QueueFullError(RuntimeError):
    """More tasks wait in Redis than it should hold."""


def look_for_room(queue: str, limit: int) -> None:
    """Raises QueueFullError when `limit` tasks wait already, redis.RedisError when nobody can tell."""
    waiting = quick_client().llen(queue)
    if isinstance(waiting, int) and waiting >= limit:
        raise QueueFullError(f"{waiting} tasks wait in {queue}; are the task workers running?")
