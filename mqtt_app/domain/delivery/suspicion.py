"""Connections whose messages keep batches from being stored. Pure: the caller brings the clock
(seconds).

    accused    it was in a batch that failed again and again; the first batch with it that is committed clears it
    convicted  a batch of its own failed, or messages of it were refused: it stays suspect for a while after that

While it is suspect a connection travels by itself, in small batches, one at a time: a fault that
is not foreseen costs its own site.
"""

from collections.abc import Collection, Iterable, Iterator

import msgspec

SMALL = 64  # messages in a batch of a suspect
SHRINK = 8  # times fewer after each batch whose fault was not found
FIRST = 30.0  # s for which a convicted connection stays suspect, twice as long each time
LONGEST = 300.0


class _Suspect(msgspec.Struct):
    until: float
    strikes: int = 0
    size: int = SMALL


class Suspicion:
    def __init__(self) -> None:
        self._suspects: dict[int, _Suspect] = {}

    def __len__(self) -> int:
        return len(self._suspects)

    def __contains__(self, connection_id: int) -> bool:
        return connection_id in self._suspects

    def __iter__(self) -> Iterator[int]:
        return iter(tuple(self._suspects))

    def is_convicted(self, connection_id: int) -> bool:
        suspect = self._suspects.get(connection_id)
        return suspect is not None and suspect.strikes > 0

    def size_of(self, connection_id: int) -> int:
        """Messages that one of its batches may have."""
        return self._suspects[connection_id].size

    def accuse(self, connection_ids: Iterable[int], now: float) -> None:
        for connection_id in connection_ids:
            self._suspects.setdefault(connection_id, _Suspect(now))

    def convict(self, connection_id: int, now: float) -> None:
        suspect = self._suspects.setdefault(connection_id, _Suspect(now))
        suspect.until = max(
            suspect.until, now + min(LONGEST, FIRST * 2.0 ** min(suspect.strikes, 10))
        )
        suspect.strikes += 1

    def shrink(self, connection_id: int) -> None:
        """The fault in its batch was not found: fewer messages next time."""
        if connection_id in self._suspects:
            suspect = self._suspects[connection_id]
            suspect.size = max(1, suspect.size // SHRINK)

    def clear_stored(self, connection_ids: Collection[int], now: float) -> list[int]:
        """A batch with these, and nothing refused of them, is in the database. Gives those that are
        cleared by it.
        """
        cleared = [
            number
            for number in connection_ids
            if number in self._suspects and self._is_served(number, now)
        ]
        for number in cleared:
            del self._suspects[number]
        return cleared

    def has_served(self, connection_id: int, now: float) -> bool:
        """Convicted long enough ago."""
        return now >= self._suspects[connection_id].until

    def forget(self, connection_id: int) -> None:
        self._suspects.pop(connection_id, None)

    def _is_served(self, connection_id: int, now: float) -> bool:
        suspect = self._suspects[connection_id]
        suspect.size = min(SMALL, suspect.size * 2)
        return now >= suspect.until
