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
from mqtt_app.domain.facts import DeviceDescription, MetricDescription
from mqtt_app.domain.ingest.minutes import MinuteCount
from mqtt_app.domain.ingest.sampling import SampleAllowance, Sampled
from mqtt_app.domain.ingest.tail_allowance import TailAllowance
from mqtt_app.services.dead_letters.parser_health import Scope
from mqtt_app.services.ingest.knowledge import ConnectionKnowledge
from mqtt_app.services.ingest.records import (
    DeviceKey,
    KnownDevice,
    KnownMetric,
    MetricKey,
    NoticeKey,
    SaidKey,
    Topic,
    TopicKey,
)

LIMIT = 100_000  # topics or devices, some 300 bytes each; the topics of ten sites at their quota
METRICS = 300_000  # of devices, some 200 bytes each
SAID = 300_000  # descriptions of devices and metrics
KNOWLEDGE = 67_108_864  # bytes of what parsers remember, of all connections
MEMBERS = 20_000  # topics that a folding one stands for
COUNTS = 10_000  # topics, or parsers at sites, of which something is counted

Key = TypeVar("Key", bound=Hashable)
Entry = TypeVar("Entry")


class RowCache(Generic[Key, Entry]):
    """Committed rows."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._entries: dict[Key, Entry] = {}

    def known(self, keys: Iterable[Key]) -> dict[Key, Entry]:
        """Those of the keys that are remembered."""
        entries = self._entries
        return {key: entries[key] for key in keys if key in entries}

    def get(self, key: Key) -> Entry | None:
        return self._entries.get(key)

    def learn(self, found: Mapping[Key, Entry]) -> None:
        if len(self._entries) + len(found) > self._limit:
            self._entries.clear()
        self._entries.update(found)

    def drop(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._entries.pop(key, None)

    def forget(self) -> None:
        self._entries.clear()


class ProcessMemory:
    """`logged`: parsing log rows of a topic. `raw`: failed messages whose bytes stay. `parsed`:
    see `parser_health.Unshared`. `noticed`: see `notices`. `failing`: batches in a row
    in which a topic only failed. `members`: when topics without a row of their own were last
    written down. `connections`: what is remembered and
    described of a connection. `described`: the last description of a device that was written.
    `sampled`: the newest sample of a topic, by its id.
    """

    def __init__(self) -> None:
        self.topics: RowCache[TopicKey, Topic] = RowCache()
        self.devices: RowCache[DeviceKey, KnownDevice] = RowCache()
        self.logged: dict[TopicKey, MinuteCount] = {}
        self.raw: dict[Scope, MinuteCount] = {}
        self.parsed: dict[Scope, Window] = {}
        self.noticed: dict[NoticeKey, bool] = {}
        self.failing: dict[TopicKey, int] = {}
        self.members: dict[TopicKey, float] = {}
        self.metrics: RowCache[MetricKey, KnownMetric] = RowCache(METRICS)
        self.connections: dict[int, ConnectionKnowledge] = {}
        self.described: dict[SaidKey, DeviceDescription | MetricDescription] = {}
        self.sampled: dict[int, Sampled] = {}
        self.sample_allowance = SampleAllowance()
        self.tail_allowance = TailAllowance()

    def forget_rows(self) -> None:
        """Before a batch is done again because a row was not as it was remembered."""
        self.topics.forget()
        self.devices.forget()
        self.metrics.forget()
        self.connections.clear()
        self.described.clear()

    def forget(self) -> None:
        self.forget_rows()
        for counts in (
            *(self.logged, self.raw, self.parsed),
            *(self.noticed, self.failing, self.members, self.sampled),
        ):
            counts.clear()
        self.sample_allowance = SampleAllowance()


class Draft:
    """What a transaction, or a part of it, adds to the memory of its process.

    `believes`: remembered rows are used instead of looking them up. `forgotten_metrics` are read
    anew.
    """

    def __init__(self, memory: ProcessMemory, *, believes: bool) -> None:
        self.memory = memory
        self.believes = believes
        self.topics: dict[TopicKey, Topic] = {}
        self.devices: dict[DeviceKey, KnownDevice] = {}
        self.logged: ChainMap[TopicKey, MinuteCount] = ChainMap({}, memory.logged)
        self.raw: ChainMap[Scope, MinuteCount] = ChainMap({}, memory.raw)
        self.parsed: ChainMap[Scope, Window] = ChainMap({}, memory.parsed)
        self.noticed: ChainMap[NoticeKey, bool] = ChainMap({}, memory.noticed)
        self.failing: ChainMap[TopicKey, int] = ChainMap({}, memory.failing)
        self.members: ChainMap[TopicKey, float] = ChainMap({}, memory.members)
        self.metrics: dict[MetricKey, KnownMetric] = {}
        self.forgotten_metrics: set[MetricKey] = set()
        self.connections: ChainMap[int, ConnectionKnowledge] = ChainMap({}, memory.connections)
        self.described: ChainMap[SaidKey, DeviceDescription | MetricDescription] = ChainMap(
            {}, memory.described
        )
        self.sampled: dict[int, Sampled] = {}  # beside those of the process

    def known_topics(self, keys: Iterable[TopicKey]) -> dict[TopicKey, Topic]:
        if self.believes:
            return self.memory.topics.known(keys)
        return {}

    def known_devices(self, keys: Iterable[DeviceKey]) -> dict[DeviceKey, KnownDevice]:
        if self.believes:
            return self.memory.devices.known(keys)
        return {}

    def known_metric(self, key: MetricKey) -> KnownMetric | None:
        found = self.metrics.get(key)
        if found is None and self.believes and key not in self.forgotten_metrics:
            found = self.memory.metrics.get(key)
        return found

    def known_connection(self, connection_id: int) -> ConnectionKnowledge | None:
        if self.believes:
            return self.connections.get(connection_id)
        own = self.connections.maps[:-1]
        return ChainMap(*own).get(connection_id)

    def part(self) -> "Draft":
        """On top of this one, which stays as it is until it accepts the part."""
        part = Draft(self.memory, believes=self.believes)
        part.logged = self.logged.new_child()
        part.raw = self.raw.new_child()
        part.parsed = self.parsed.new_child()
        part.forgotten_metrics = set(self.forgotten_metrics)
        part.noticed = self.noticed.new_child()
        part.failing = self.failing.new_child()
        part.members = self.members.new_child()
        part.connections = self.connections.new_child()
        part.described = self.described.new_child()
        return part

    def accept(self, part: "Draft") -> None:
        self.topics |= part.topics
        self.devices |= part.devices
        self.logged.update(part.logged.maps[0])
        self.raw.update(part.raw.maps[0])
        self.parsed.update(part.parsed.maps[0])
        self.noticed.update(part.noticed.maps[0])
        self.failing.update(part.failing.maps[0])
        self.members.update(part.members.maps[0])
        self.metrics |= part.metrics
        self.forgotten_metrics |= part.forgotten_metrics
        self.connections.update(part.connections.maps[0])
        self.described.update(part.described.maps[0])
        self.sampled |= part.sampled

    def keep(self) -> None:
        """Once the transaction is committed."""
        memory = self.memory
        memory.topics.learn(self.topics)
        memory.devices.learn(self.devices)
        _add(memory.logged, self.logged)
        _add(memory.raw, self.raw)
        _add(memory.parsed, self.parsed)
        _add(memory.noticed, self.noticed)
        _add(memory.failing, self.failing)
        _add(memory.members, self.members, MEMBERS)
        _add(memory.described, self.described, SAID)
        if len(memory.sampled) + len(self.sampled) > LIMIT:
            memory.sampled.clear()
        memory.sampled |= self.sampled
        memory.metrics.drop(self.forgotten_metrics)
        memory.metrics.learn(self.metrics)
        memory.connections.update(self.connections.maps[0])
        if sum(known.size for known in memory.connections.values()) > KNOWLEDGE:
            memory.connections.clear()


def _add(counts: dict[Any, Any], draft: ChainMap[Any, Any], limit: int = COUNTS) -> None:
    new: MutableMapping[Any, Any] = draft.maps[0]
    if len(counts) + len(new) > limit:
        counts.clear()
    counts.update(new)


PROCESS = ProcessMemory()
