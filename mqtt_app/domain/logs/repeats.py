"""Lines that repeat: the first few are written each, then about once a minute how often they came.
Pure: `now` in seconds.

    A  written each, at most FREE in any PERIOD
    B  held back and counted; written PERIOD after the first of them, or before another line of the same subject

    new --> A --one too many--> B --written, and more come--> B
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


class CountedLine(msgspec.Struct, Generic[Line], frozen=True):
    """`line` as it came last. `held`: how many that were held back in `seconds` it stands for; 0:
    written as it came.
    """

    line: Line
    held: int = 0
    seconds: float = 0.0


class _Repeat(msgspec.Struct, Generic[Line]):
    """`until`: when what is held is written, 0 in A. `written`: when it was, within the last PERIOD."""

    line: Line
    last: float
    written: list[float]
    held: int = 0
    since: float = 0.0
    until: float = 0.0

    def count_written(self, now: float) -> int:
        self.written = [at for at in self.written if now - at < PERIOD]
        return len(self.written)

    def hold(self, now: float) -> None:
        if not self.held:
            self.since = now
        self.held += 1

    def take_held(self, now: float) -> CountedLine[Line]:
        counted = CountedLine(self.line, self.held, now - self.since)
        self.held = 0
        self.written.append(now)
        return counted


class Repeats(Generic[Line]):
    """`add` and `due` give what is to be written now, in this order. `now` never goes back."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._entries: dict[Key, _Repeat[Line]] = {}  # the line that came last is last
        self._holding: dict[Hashable, set[Key]] = {}  # subject -> lines in B
        self._due: deque[tuple[float, Key]] = deque()

    def add(self, key: Key, line: Line, now: float) -> list[CountedLine[Line]]:
        lines = self.due(now)
        entry = self._entries.pop(key, None) or _Repeat(line, now, [])
        self._entries[key] = entry
        entry.line = line
        entry.last = now
        if entry.until or entry.count_written(now) >= FREE:
            self._hold(key, entry, now)
        else:
            lines += self._others(key, now)
            entry.written.append(now)
            lines.append(CountedLine(line))
        return lines + self._make_room(now)

    def due_at(self) -> float | None:
        """When to ask `due`; None while nothing is held back."""
        if self._due:
            return self._due[0][0]
        return None

    def due(self, now: float) -> list[CountedLine[Line]]:
        lines: list[CountedLine[Line]] = []
        while self._due and self._due[0][0] <= now:
            until, key = self._due.popleft()
            entry = self._entries.get(key)
            if entry is None or entry.until != until:
                continue
            if entry.held:
                lines.append(entry.take_held(now))
                self._wait(key, entry, now)
            else:
                self._leave(key, entry)
        self._forget_quiet(now)
        return lines

    def rest(self, now: float) -> list[CountedLine[Line]]:
        """At the end: everything that is held back."""
        return [entry.take_held(now) for entry in self._entries.values() if entry.held]

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

    def _others(self, key: Key, now: float) -> list[CountedLine[Line]]:
        """What is held of the same subject came before the line that is about to be written."""
        entries = (
            self._entries[other] for other in sorted(self._holding.get(key[0], ()), key=repr)
        )
        return [
            entry.take_held(now)
            for entry in entries
            if entry.held and entry.count_written(now) < FREE + EARLY
        ]

    def _make_room(self, now: float) -> list[CountedLine[Line]]:
        if len(self._entries) <= self._remembered:
            return []
        key, entry = next(iter(self._entries.items()))
        if entry.held:
            lines = [entry.take_held(now)]
        else:
            lines = []
        self._leave(key, entry)
        del self._entries[key]
        return lines

    def _forget_quiet(self, now: float) -> None:
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.until or now - entry.last < PERIOD:
                return
            del self._entries[key]


def format_counted(text: str, counted: CountedLine[Line]) -> str:
    """The line with its count, as it is written."""
    if not counted.held:
        return text
    if counted.seconds > PERIOD - 5:
        span = "minute"
    else:
        span = f"{max(counted.seconds, 1.0):.0f} s"
    if counted.held == 1:
        return f"{text} ({'a minute' if span == 'minute' else span} ago)"
    return f"{text} ({counted.held} times in the last {span})"
