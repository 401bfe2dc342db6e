"""What devices write for a time. All results are unix seconds."""

import re
from datetime import UTC, datetime

EARLIEST = datetime(
    1, 1, 2, tzinfo=UTC
).timestamp()  # a day inside what datetime holds, so that any zone can show it
LATEST = datetime(9999, 12, 30, tzinfo=UTC).timestamp()
MAX_AHEAD = (
    24 * 3600.0
)  # s; a clock set to local time is at most 14 h ahead, anything more is broken
MAX_AGE = (
    10 * 365.25 * 86400
)  # s; beyond any logger's memory, but after the 1970 and 2000 of clocks that lost power
UNITS = (
    (1e11, 1.0),
    (1e14, 1e3),
    (1e17, 1e6),
    (1e20, 1e9),
)  # below this magnitude: so many to the second

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,12})?", re.ASCII)
_ISO = re.compile(
    r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ][0-9:.,]{4,24}(?P<zone>Z|[+-][0-9]{2}:?(?:[0-9]{2})?)?",
    re.ASCII,
)


def parse_time(value: object) -> float | None:
    """Unix seconds from a number or numeric string in s, ms, us or ns (told by magnitude), or from
    ISO 8601.

    None for anything else, for what no calendar holds, and for ISO times without a zone: those are
    somebody's local time, and hours off is worse than the time of receipt.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_number(value)
    if not isinstance(value, str) or len(value) > 40:
        return None
    return _from_number(float(value)) if _NUMBER.fullmatch(value) else _from_iso(value)


def looks_like_time(text: str) -> bool:
    """An ISO 8601 date with a time of day, with or without a zone."""
    return len(text) <= 40 and _ISO.fullmatch(text) is not None


def is_plausible(time: float, received_at: float) -> bool:
    """False for clocks that lost their memory: more than a day ahead, or more than ten years
    behind.
    """
    return received_at - MAX_AGE <= time <= received_at + MAX_AHEAD


def _from_number(number: float) -> float | None:
    for limit, per_second in UNITS:
        if abs(number) < limit:
            return _convertible(number / per_second)
    return None


def _from_iso(text: str) -> float | None:
    found = _ISO.fullmatch(text)
    if found is None or not found["zone"]:
        return None
    try:
        return _convertible(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return None


def _convertible(time: float) -> float | None:
    return time if EARLIEST <= time <= LATEST else None
