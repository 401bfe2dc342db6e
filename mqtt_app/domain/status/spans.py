"""Durations as people say them. Pure."""

MINUTE, HOUR, DAY = 60, 3_600, 86_400  # s


def span(seconds: float) -> str:
    """A duration in its largest unit: "4 s", "12 min", "3 h", "5 days"."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < 2 * DAY:
        return f"{whole // HOUR} h"
    return f"{whole // DAY} days"
