"""What is known of a connection beside its topics: what parsers remember, and what a third party
says of topics. In memory as long as nobody changed it; `version` is that of mqtt_connectionmemory.
"""

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from mqtt_app.domain.facts import TopicDescription

MemoryKey = tuple[str, str]
"""Name of the parser, key."""


class TopicNote(msgspec.Struct, frozen=True):
    """A description of a topic, and the identifier of the device that the topic is of, "" until one
    was met.
    """

    description: TopicDescription
    device: str = ""


class TopicNotes:
    """`by_source` of all; `unmet` by topic, those whose device is not known yet; `availability` by
    the topic that says whether a device is there; `limits` of silence by device, in s.
    """

    def __init__(self, by_source: Mapping[str, TopicNote]) -> None:
        self.by_source = by_source
        self.unmet: defaultdict[str, list[TopicNote]] = defaultdict(list)
        self.availability: defaultdict[str, list[TopicNote]] = defaultdict(list)
        self.limits: defaultdict[str, list[float]] = defaultdict(list)
        for note in by_source.values():
            if note.device and note.description.expire_after > 0:
                self.limits[note.device].append(note.description.expire_after)
            if not note.device:
                self.unmet[note.description.topic].append(note)
            if note.description.availability_topic:
                self.availability[note.description.availability_topic].append(note)


class ConnectionKnowledge(msgspec.Struct, frozen=True):
    """`remembered`: None for a key that is not there. `notes` None: not read yet."""

    version: int
    remembered: Mapping[MemoryKey, bytes | None] = {}
    notes: TopicNotes | None = None

    @property
    def size(self) -> int:
        """Bytes, near enough for a bound."""
        values = sum(len(value) for value in self.remembered.values() if value)
        if self.notes:
            notes = len(self.notes.by_source)
        else:
            notes = 0
        return values + 200 * len(self.remembered) + 1_000 * notes
