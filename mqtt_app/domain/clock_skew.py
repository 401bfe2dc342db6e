"""How far a device's clock is off, in seconds; positive is ahead of ours. Pure."""

NEGLIGIBLE = 60.0  # s; the way of a message, and records that are sent once a minute


def worth_storing(known: float | None, measured: float) -> bool:
    """Is it news? A clock that is off by a day may drift by a minute without a word."""
    if known is None:
        return True
    return abs(measured - known) >= max(NEGLIGIBLE, abs(known) / 100)


def is_off(skew: float | None) -> bool:
    return skew is not None and abs(skew) >= NEGLIGIBLE


def in_words(skew: float) -> str:
    """As in "2 h ahead", "53 years behind"."""
    size = abs(skew)
    for seconds, name in _STEPS:
        if size >= seconds:
            count = round(size / seconds)
            if count == 1 or name in _SYMBOLS:
                plural = name
            else:
                plural = f"{name}s"
            return f"{count} {plural} {'ahead' if skew > 0 else 'behind'}"
    return "right"


_SYMBOLS = frozenset({"h", "min"})
_STEPS = (
    (365.25 * 86400.0, "year"),
    (86400.0, "day"),
    (3600.0, "h"),
    (60.0, "min"),
)
