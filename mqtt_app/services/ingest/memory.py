"""Topics and devices that this process has met, so that a batch need not look them up again.

What is remembered may be out of date: somebody switched a topic off, or deleted a device. So it is
never trusted: the statement that counts a topic, or marks a device as seen, finds only rows that
still are as they are remembered. When it finds fewer, StaleError rolls the batch back, and it is
done again with nothing remembered.
"""

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

LIMIT = 100_000  # entries, some 300 bytes each; the topics of ten sites at their quota

Key = TypeVar("Key")
Entry = TypeVar("Entry")


class StaleError(Exception):
    """A row is not as it was remembered."""


class Known(Generic[Key, Entry]):
    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}

    def of(self, keys: Iterable[Key]) -> dict[Key, Entry]:
        """Those of the keys that are remembered."""
        entries = self._entries
        return {key: entries[key] for key in keys if key in entries}

    def learn(self, found: Mapping[Key, Entry]) -> None:
        """Also what is not committed yet: whoever rolls back has to `forget`."""
        if len(self._entries) + len(found) > LIMIT:
            self._entries.clear()
        self._entries.update(found)

    def forget(self) -> None:
        self._entries.clear()
