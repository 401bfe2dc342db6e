"""What a process remembers between two batches: topics and devices that it has met, and what it
counts by the minute.

    ProcessMemory ◄── keep, after the commit ── Draft ◄── accept, when it is not refused ── Draft

A transaction, and each of its parts, writes into a draft. What is rolled back is a draft that is
dropped, so nothing has to be undone.

Remembered topics and devices may be out of date: somebody switched a topic off, or deleted a
device. So they are never trusted: the statements that count a topic, or mark a device as seen, find
only rows that still are as they are remembered. When they find fewer, all that is remembered is
forgotten, and the batch is done again.
"""

from collections import ChainMap
from collections.abc import Hashable, Iterable, Mapping, MutableMapping
from typing import Any, Generic, TypeVar

from mqtt_app.domain.dead_letters.parser_health import Window
from mqtt_app.domain.ingest.minutes import MinuteCount
from mqtt_app.services.dead_letters.parser_health import Scope
from mqtt_app.services.ingest.records import DeviceKey, KnownDevice, Topic, TopicKey

LIMIT = 100_000  # topics or devices, some 300 bytes each; the topics of ten sites at their quota
COUNTS = 10_000  # topics, or parsers at sites, of which something is counted

Key = TypeVar("Key", bound=Hashable)
Entry = TypeVar("Entry")


class RowCache(Generic[Key, Entry]):
    """Committed rows."""

    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}

    def known(self, keys: Iterable[Key]) -> dict[Key, Entry]:
        """Those of the keys that are remembered."""
        entries = self._entries
        return {key: entries[key] for key in keys if key in entries}

    def learn(self, found: Mapping[Key, Entry]) -> None:
        if len(self._entries) + len(found) > LIMIT:
            self._entries.clear()
        self._entries.update(found)

    def forget(self) -> None:
        self._entries.clear()


class ProcessMemory:
    """`logged`: parsing log rows of a topic. `raw`: failed messages whose bytes stay. `parsed`:
    see `parser_health.Unshared`.
    """

    def __init__(self) -> None:
        self.topics: RowCache[TopicKey, Topic] = RowCache()
        self.devices: RowCache[DeviceKey, KnownDevice] = RowCache()
        self.logged: dict[TopicKey, MinuteCount] = {}
        self.raw: dict[Scope, MinuteCount] = {}
        self.parsed: dict[Scope, Window] = {}

    def forget_rows(self) -> None:
        """Before a batch is done again because a row was not as it was remembered."""
        self.topics.forget()
        self.devices.forget()

    def forget(self) -> None:
        self.forget_rows()
        for counts in (self.logged, self.raw, self.parsed):
            counts.clear()


class Draft:
    """What a transaction, or a part of it, adds to the memory of its process.

    `believes`: remembered rows are used instead of looking them up.
    """

    def __init__(self, memory: ProcessMemory, *, believes: bool) -> None:
        self.memory = memory
        self.believes = believes
        self.topics: dict[TopicKey, Topic] = {}
        self.devices: dict[DeviceKey, KnownDevice] = {}
        self.logged: ChainMap[TopicKey, MinuteCount] = ChainMap({}, memory.logged)
        self.raw: ChainMap[Scope, MinuteCount] = ChainMap({}, memory.raw)
        self.parsed: ChainMap[Scope, Window] = ChainMap({}, memory.parsed)

    def known_topics(self, keys: Iterable[TopicKey]) -> dict[TopicKey, Topic]:
        return self.memory.topics.known(keys) if self.believes else {}

    def known_devices(self, keys: Iterable[DeviceKey]) -> dict[DeviceKey, KnownDevice]:
        return self.memory.devices.known(keys) if self.believes else {}

    def part(self) -> "Draft":
        """On top of this one, which stays as it is until it accepts the part."""
        part = Draft(self.memory, believes=self.believes)
        part.logged = self.logged.new_child()
        part.raw = self.raw.new_child()
        part.parsed = self.parsed.new_child()
        return part

    def accept(self, part: "Draft") -> None:
        self.topics |= part.topics
        self.devices |= part.devices
        self.logged.update(part.logged.maps[0])
        self.raw.update(part.raw.maps[0])
        self.parsed.update(part.parsed.maps[0])

    def keep(self) -> None:
        """Once the transaction is committed."""
        memory = self.memory
        memory.topics.learn(self.topics)
        memory.devices.learn(self.devices)
        _add(memory.logged, self.logged)
        _add(memory.raw, self.raw)
        _add(memory.parsed, self.parsed)


def _add(counts: dict[Any, Any], draft: ChainMap[Any, Any]) -> None:
    new: MutableMapping[Any, Any] = draft.maps[0]
    if len(counts) + len(new) > COUNTS:
        counts.clear()
    counts.update(new)


PROCESS = ProcessMemory()
