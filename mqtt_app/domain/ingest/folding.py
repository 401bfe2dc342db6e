"""Topics with a level that never repeats: a UUID, a hash, a time, a counter. They are one row, that
of their template, such as `jobs/{uuid}/status`. Pure; times are unix seconds.

Only a level that nobody gives to a thing that lasts counts: addresses of hardware (12 and 16 hex
digits) do not. What cannot be told from a name is decided by behaviour: members of a template that
come back are things, and keep rows of their own.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import msgspec

FOLD_AFTER = 32  # members
BACK_AFTER = 600.0  # s; a member heard this long after it was first seen lasts
KNOWN_FOR = 1_200.0  # s after which a member should have come back if it lasts
FEW = 32  # members that are known for long, before these prove anything
COUNTER_FROM = 100  # smaller numbers are usually places: room/1, room/2
COUNTER_AFTER = 86_400.0  # s; smaller ones that grow for so long are counters all the same

_UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])"
)
_HASH = re.compile(r"(?=.*\d)(?=.*[a-fA-F])(?:[0-9a-f]{32,128}|[0-9A-F]{32,128})")
_ULID = re.compile(r"(?=.*[A-Z])[0-7][0-9A-HJKMNP-TV-Z]{25}")
_EPOCH = re.compile(r"(?:1[6-9]|20)\d{8}(?:\d{3}|\d{6}|\d{9})?")  # 2020 to 2036
_DATE = re.compile(
    r"20[2-9]\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T_ ]?\d{2}[:-]?\d{2}(?:[:-]?\d{2}(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_COUNTER = re.compile(r"((?:[A-Za-z]{1,20}[-_])?)(\d{1,9})")


class Template(msgspec.Struct, frozen=True):
    """`is_certain`: its levels never repeat by what they are; else they may count up, or not."""

    text: str
    is_certain: bool


class Member(msgspec.Struct, frozen=True):
    """A topic that fits a template."""

    topic: str
    first_seen: float
    last_seen: float

    @property
    def has_come_back(self) -> bool:
        return self.last_seen - self.first_seen >= BACK_AFTER


def template_of(topic: str) -> Template | None:
    """None: no level looks as if it never repeats."""
    if not any(char.isdigit() for char in topic):
        return None
    levels = topic.split("/")
    certain = [_certain(level) for level in levels]
    if certain != levels:
        return Template("/".join(certain), True)
    counted = [_counted(level) for level in levels]
    if counted != levels:
        return Template("/".join(counted), False)
    return None


def should_fold(
    template: Template, members: Sequence[Member], new: Sequence[str], now: float
) -> bool:
    """Whether these become one row. `members` have rows, in the order in which they were met; `new`
    ones have none yet.
    """
    if len(members) + len(new) < FOLD_AFTER or are_things(members, now):
        return False
    return template.is_certain or _counts_up(members, new, now)


def are_things(members: Sequence[Member], now: float) -> bool:
    """Whether enough members are known for long, and half of these or more came back."""
    settled = [member for member in members if now - member.first_seen >= KNOWN_FOR]
    back = sum(member.has_come_back for member in settled)
    return len(settled) >= FEW and back * 2 >= len(settled)


def _counts_up(members: Sequence[Member], new: Sequence[str], now: float) -> bool:
    """Each member is met after all smaller ones, and none of them comes back. New ones of one
    batch prove nothing by their order.
    """
    if len(members) < FOLD_AFTER // 2 or any(member.has_come_back for member in members):
        return False
    numbers = [_number(member.topic) for member in members]
    rising = sum(later > earlier for earlier, later in pairwise(numbers))
    if rising < 0.9 * (len(numbers) - 1) or min(map(_number, new)) <= numbers[0]:
        return False
    is_high = min(numbers) >= COUNTER_FROM
    return is_high or now - members[0].first_seen >= COUNTER_AFTER


def _certain(level: str) -> str:
    if _HASH.fullmatch(level):
        return "{hash}"
    if _ULID.fullmatch(level):
        return "{ulid}"
    if _EPOCH.fullmatch(level) or _DATE.fullmatch(level):
        return "{time}"
    return _UUID.sub("{uuid}", level)


def _counted(level: str) -> str:
    found = _COUNTER.fullmatch(level)
    if found is None:
        return level
    return f"{found[1]}{{n}}"


def _number(topic: str) -> int:
    """Of the last level that counts."""
    for level in reversed(topic.split("/")):
        found = _COUNTER.fullmatch(level)
        if found is not None:
            return int(found[2])
    return 0
