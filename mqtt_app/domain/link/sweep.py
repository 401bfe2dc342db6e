"""The retained messages that a broker sends for new subscriptions, and which of them are copies.

A broker marks a message as retained only when it sends it for a subscription (MQTT 3.1.1 section
3.3.1.3), so what comes twice with that mark is a copy: for a second filter, or for a second
SUBSCRIBE of the same one.
"""

# s after the SUBSCRIBE; a broker that marks live messages, too, must not lose equal ones for ever
LENGTH = 60.0
QUIET = 5.0  # s without a retained message: the broker has sent them all
# remembered, at about 60 bytes for the length of the sweep; whatever comes after so many is no copy
MOST = 200_000


class Sweep:
    """From `begin` on. Times are the caller's clock, in seconds."""

    def __init__(self) -> None:
        self._seen: set[int] | None = None
        self._began = self._last = 0.0

    def begin(self, now: float) -> None:
        self._seen = set()
        self._began = now
        self._last = now

    def end(self, now: float) -> None:
        """When its time is over: what it remembers is forgotten."""
        if now - self._began >= LENGTH:
            self._seen = None

    def is_copy(self, topic: str, payload: bytes, now: float) -> bool:
        """Of a message that is marked as retained."""
        if self._seen is None:
            return False
        if now - self._began > LENGTH or now - self._last > QUIET:
            self._seen = None
            return False
        self._last = now
        key = hash((topic, payload))
        if key in self._seen:
            return True
        if len(self._seen) < MOST:
            self._seen.add(key)
        return False
