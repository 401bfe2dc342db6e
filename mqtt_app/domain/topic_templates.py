"""Topics that never end, because one level is a UUID, a time or a counter: `jobs/{uuid}/status`.

Pure. A topic is of a template only after `ENOUGH` members were met: `room/1` to `room/9` are rooms.
"""

import re

ENOUGH = 48  # members of one template before it stands for them
UUID, TIME, NUMBER, HASH = "{uuid}", "{time}", "{number}", "{hash}"

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_ISO = re.compile(
    r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:[T _-]?[0-9]{2}[:.-]?[0-9]{2}(?:[:.-]?[0-9]{2})?[0-9.Z+:-]*)?",
    re.ASCII,
)
_EPOCH = re.compile(r"1[0-9]{9}(?:[0-9]{3}|[0-9]{6}|[0-9]{9})?(?:\.[0-9]+)?", re.ASCII)
_COUNTER = re.compile(r"[0-9]{4,20}", re.ASCII)
_HASH = re.compile(
    r"(?=[0-9a-f]*[0-9])(?=[0-9]*[a-f])(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})", re.ASCII
)


def template_of(topic: str) -> str:
    """The topic with such levels named; "" when it has none.

    A short number is a place or a channel as a rule, so counters have four digits or more. A MAC or
    an EUI-64 is an address: whoever has it is finite.
    """
    levels = topic.split("/")
    named = [_name(level) for level in levels]
    return "/".join(named) if named != levels else ""


def _name(level: str) -> str:
    if len(level) < 4 or not any(char.isdigit() for char in level[:36]):
        return level
    if _UUID.fullmatch(level):
        return UUID
    if _EPOCH.fullmatch(level) or (_ISO.fullmatch(level) and _is_date(level)):
        return TIME
    if _COUNTER.fullmatch(level):
        return NUMBER
    return HASH if _HASH.fullmatch(level) else level


def _is_date(level: str) -> bool:
    """A year that a device can live in, a month and a day."""
    digits = level.replace("-", "")[:8]
    return (
        digits.isdigit()
        and 2000 <= int(digits[:4]) < 2100
        and 1 <= int(digits[4:6]) <= 12
        and 1 <= int(digits[6:8]) <= 31
    )
