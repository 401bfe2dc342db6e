"""What one browser has still to be told, bounded."""

import asyncio
from collections import deque
from typing import Any

Event = dict[str, Any]

# events a slow browser may be behind; past it one fresh snapshot is shorter than the backlog
LIMIT = 1_000


class BoundedBuffer:
    """Never blocks who puts. Too long a backlog is forgotten and reported as `overflowed` instead."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._events: deque[Event] = deque()
        self._limit = limit
        self._waiting = asyncio.Event()
        self._overflowed = False

    def put(self, event: Event) -> None:
        if len(self._events) >= self._limit:
            self._events.clear()
            self._overflowed = True
        self._events.append(event)
        self._waiting.set()

    async def take(self, timeout: float) -> list[Event]:
        """All that waits, oldest first; empty after `timeout` seconds of silence."""
        try:
            await asyncio.wait_for(self._waiting.wait(), timeout)
        except TimeoutError:
            return []
        self._waiting.clear()
        taken = list(self._events)
        self._events.clear()
        return taken

    def overflowed(self) -> bool:
        """True once after events were forgotten."""
        overflowed, self._overflowed = self._overflowed, False
        return overflowed
