"""How many messages a tail is shown, so that a browser bears it. Pure."""

from collections.abc import Hashable

MOST = 1_000  # tails that are remembered
A_SECOND = 20  # messages of a tail that a process shows; of more only the number


class TailAllowance:
    """A_SECOND messages of each tail in a second of the caller's clock."""

    def __init__(self) -> None:
        self._second = 0
        self._used: dict[Hashable, int] = {}

    def take(self, tail: Hashable, number: int, now: float) -> int:
        """How many of `number` messages may be shown at unix second `now`."""
        if int(now) != self._second or len(self._used) > MOST:
            self._second = int(now)
            self._used.clear()
        used = self._used.get(tail, 0)
        granted = max(0, min(number, A_SECOND - used))
        self._used[tail] = used + granted
        return granted
