"""The time that a test of a connection may take."""

import time
from collections.abc import Callable

import msgspec


class ProbeTimeouts(msgspec.Struct, frozen=True):
    """Durations in seconds; `tcp` for one address, `suback` for one filter, `total` for it all."""

    look_up: float = 5.0
    tcp: float = 5.0
    tls: float = 6.0
    connack: float = 6.0
    suback: float = 5.0
    message: float = 10.0
    total: float = 60.0


class OutOfTimeError(Exception):
    """The whole test took too long."""


class Deadline:
    """`clock` gives seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._end = clock() + seconds

    def at_most(self, seconds: float) -> float:
        """So many seconds, or what is left. Raises OutOfTimeError when nothing is."""
        left = self._end - self.clock()
        if left <= 0:
            raise OutOfTimeError
        return min(seconds, left)
