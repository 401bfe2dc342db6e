"""Counts of what may happen so many times a minute."""

from collections.abc import MutableMapping
from typing import TypeVar

import msgspec

Key = TypeVar("Key")


class MinuteCount(msgspec.Struct, frozen=True):
    """`minute` since 1970."""

    minute: int
    used: int


def count(counts: MutableMapping[Key, MinuteCount], key: Key, now: float) -> int:
    """Count one more for this key. Gives how many there were before it within this minute; `now`
    is unix seconds.
    """
    minute = int(now // 60)
    found = counts.get(key)
    if found is not None and found.minute == minute:
        used = found.used
    else:
        used = 0
    counts[key] = MinuteCount(minute, used + 1)
    return used
