"""Lines that repeat: the first few are said each, then about once a minute how often they came.
Pure: `now` in seconds.

    A  said each, at most FREE in any PERIOD
    B  held back and counted; told PERIOD after the first of them, or before another line of the same subject is said

    new --> A --one too many--> B --told, and more come--> B
            ^                   |
            +--PERIOD of none---+

An equal line goes out at most FREE + EARLY + 2 = 10 times in any PERIOD, and none is forgotten.
"""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec

FREE = 5
EARLY = 3
PERIOD = 60.0  # s
REMEMBERED = 20_000  # different lines in memory, some 500 bytes each

Line = TypeVar("Line")
Key = tuple[Hashable, Hashable]
"""(subject, text): equal lines have equal keys."""


class Told(msgspec.Struct, Generic[Line], frozen=True):
    """`line` as it came last. `held`: how many that were held back in `seconds` it stands for; 0:
    said as it came.
    """

    line: Line
    held: int = 0
    seconds: float = 0.0


class _Repeat(msgspec.Struct, Generic[Line]):
    """`until`: when what is held is told, 0 in A. `said`: when it went out, within the last PERIOD."""

    line: Line
    last: float
    said: list[float]
    held: int = 0
    since: float = 0.0
    until: float = 0.0

    def count_said(self, now: float) -> int:
        self.said = [at for at in self.said if now - at < PERIOD]
        return len(self.said)

    def hold(self, now: float) -> None:
        self.since = self.since if self.held else now
        self.held += 1

    def tell(self, now: float) -> Told[Line]:
        told = Told(self.line, self.held, now - self.since)
        self.held = 0
        self.said.append(now)
        return told


class Repeats(Generic[Line]):
    """`came` and `due` give what is to be written now, in this order. `now` never goes back."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._entries: dict[Key, _Repeat[Line]] = {}  # whichever came last is last
        self._holding: dict[Hashable, set[Key]] = {}  # subject -> those in B
        self._due: deque[tuple[float, Key]] = deque()

    def came(self, key: Key, line: Line, now: float) -> list[Told[Line]]:
        told = self.due(now)
        entry = self._entries.pop(key, None) or _Repeat(line, now, [])
        self._entries[key] = entry
        entry.line, entry.last = line, now
        if entry.until or entry.count_said(now) >= FREE:
            self._hold(key, entry, now)
        else:
            told += self._others(key, now)
            entry.said.append(now)
            told.append(Told(line))
        return told + self._make_room(now)

    def due_at(self) -> float | None:
        """When to ask `due`; None while nothing is held back."""
        return self._due[0][0] if self._due else None

    def due(self, now: float) -> list[Told[Line]]:
        told: list[Told[Line]] = []
        while self._due and self._due[0][0] <= now:
            until, key = self._due.popleft()
            entry = self._entries.get(key)
            if entry is None or entry.until != until:
                continue
            if entry.held:
                told.append(entry.tell(now))
                self._wait(key, entry, now)
            else:
                self._leave(key, entry)
        self._forget_quiet(now)
        return told

    def rest(self, now: float) -> list[Told[Line]]:
        """At the end: everything that is held back."""
        return [entry.tell(now) for entry in self._entries.values() if entry.held]

    def __len__(self) -> int:
        return len(self._entries)

    def _hold(self, key: Key, entry: _Repeat[Line], now: float) -> None:
        entry.hold(now)
        if not entry.until:
            self._holding.setdefault(key[0], set()).add(key)
            self._wait(key, entry, now)

    def _wait(self, key: Key, entry: _Repeat[Line], now: float) -> None:
        entry.until = now + PERIOD
        self._due.append((entry.until, key))

    def _leave(self, key: Key, entry: _Repeat[Line]) -> None:
        entry.until = 0.0
        others = self._holding.get(key[0], set())
        others.discard(key)
        if not others:
            self._holding.pop(key[0], None)

    def _others(self, key: Key, now: float) -> list[Told[Line]]:
        """What is held of the same subject came before the line that is about to be said."""
        entries = (
            self._entries[other] for other in sorted(self._holding.get(key[0], ()), key=repr)
        )
        return [
            entry.tell(now)
            for entry in entries
            if entry.held and entry.count_said(now) < FREE + EARLY
        ]

    def _make_room(self, now: float) -> list[Told[Line]]:
        if len(self._entries) <= self._remembered:
            return []
        key, entry = next(iter(self._entries.items()))
        told = [entry.tell(now)] if entry.held else []
        self._leave(key, entry)
        del self._entries[key]
        return told

    def _forget_quiet(self, now: float) -> None:
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.until or now - entry.last < PERIOD:
                return
            del self._entries[key]


def words(text: str, told: Told[Line]) -> str:
    """The line with its count, as it is written."""
    if not told.held:
        return text
    span = "minute" if told.seconds > PERIOD - 5 else f"{max(told.seconds, 1.0):.0f} s"
    if told.held == 1:
        return f"{text} ({'a minute' if span == 'minute' else span} ago)"
    return f"{text} ({told.held} times in the last {span})"
