"""What is wrong again and again, told once: which occurrences are the same problem, and when one
counts as open. Pure.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import md5
from uuid import UUID

MAX_TITLE = 300  # characters
TREND_HOURS = 48
EXPIRING = (30, 7, 1)
"""Days before the end of a certificate at which it is told."""

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_HEX = re.compile(r"\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class ProblemKind(StrEnum):
    PARSING = "parsing"
    LINK = "link"
    CERTIFICATE = "certificate"


class ProblemState(StrEnum):
    OPEN = "open"
    IGNORED = "ignored"
    RESOLVED = "resolved"


def fingerprint(*parts: str) -> UUID:
    """The same for the same parts, in every process. MD5 for its size, not for secrecy."""
    return UUID(md5("\0".join(parts).encode("utf-8", "replace"), usedforsecurity=False).hexdigest())


def parsing_fingerprint(parser_name: str, error_type: str, message: str) -> UUID:
    """Errors of a parser whose words differ in numbers, identifiers and quoted values only."""
    return fingerprint(ProblemKind.PARSING, parser_name, error_type, without_values(message))


def without_values(message: str) -> str:
    """The words of an error without what differs from message to message."""
    text = _QUOTED.sub("…", message[:MAX_TITLE])
    text = _HEX.sub("…", text)
    return _NUMBER.sub("…", text)


def pattern_for(message: str) -> str:
    """A regular expression of PostgreSQL for errors that have the fingerprint of this one."""
    parts = [re.sub(r"([^\w\s])", r"\\\1", part, flags=re.ASCII) for part in _parts(message)]
    return "^" + ".*".join(parts)


def _parts(message: str) -> list[str]:
    return without_values(message).split("…")


def is_open(state: str, ignored_until: datetime | None, now: datetime) -> bool:
    """An ignored one is open again when its time is over; None is for ever."""
    if state == ProblemState.IGNORED:
        return ignored_until is not None and ignored_until <= now
    return state == ProblemState.OPEN


def hour_of(moment: datetime) -> int:
    """Since 1970."""
    return int(moment.timestamp()) // 3_600


def trend(hours: Mapping[str, int], now: datetime) -> list[int]:
    """Occurrences of each of the last TREND_HOURS, the oldest first."""
    last = hour_of(now)
    return [hours.get(str(hour), 0) for hour in range(last - TREND_HOURS + 1, last + 1)]


def expiry_sentence(subject: str, end: datetime, now: datetime) -> str:
    """What to say of a certificate that ends soon, or has ended; "" while that is far away."""
    if end <= now:
        return f"The {subject} has expired on {end:%Y-%m-%d}. Replace it."
    left = end - now
    for days in reversed(EXPIRING):
        if left <= timedelta(days=days):
            return f"The {subject} expires within {_days(days)}, on {end:%Y-%m-%d}. Replace it in time."
    return ""


def _days(number: int) -> str:
    if number == 1:
        return "1 day"
    return f"{number} days"
