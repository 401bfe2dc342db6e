"""How long a process that keeps dying waits for its next start. Pure."""

from collections.abc import Sequence

FIRST = 0.5  # s
LONGEST = 30.0  # s
FORGET_AFTER = 60.0  # s without a death


def recent(deaths: Sequence[float], now: float) -> list[float]:
    return [death for death in deaths if now - death < FORGET_AFTER]


def delay(deaths: int) -> float:
    """Seconds before the next start, after so many recent deaths: doubling from the first to the
    longest.
    """
    return float(min(LONGEST, FIRST * 2.0 ** min(max(deaths - 1, 0), 20)))
