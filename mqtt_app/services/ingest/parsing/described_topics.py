"""What a third party, such as Home Assistant's discovery, says of topics, brought to the devices
that these topics turn out to be of.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    Liveness,
    MetricDescription,
    ReadingFact,
    TopicDescription,
)
from mqtt_app.domain.ingest.samples import storable
from mqtt_app.services.ingest.knowledge import TopicNote, TopicNotes
from mqtt_app.services.ingest.parsing.remembering import knowledge
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import numbers, texts
from mqtt_app.services.postgres.statements import Query, ask

MAX_NOTES = 20_000  # of a connection; further sources are not taken
MAX_SOURCE = 512  # characters
_NONE = TopicNotes({})

_FIND = """
SELECT connection_id, description::text, device FROM mqtt_describedtopic
WHERE connection_id = ANY(%s::bigint[])
"""
_WRITE = """
INSERT INTO mqtt_describedtopic AS t (connection_id, source, topic, description, device)
SELECT w.connection_id, w.source, w.topic, w.description::jsonb, w.device
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS w(connection_id, source, topic, description, device)
ON CONFLICT (connection_id, source) DO UPDATE SET
    topic = excluded.topic, description = excluded.description, device = excluded.device
"""
_REMOVE = """
DELETE FROM mqtt_describedtopic t USING unnest(%s::bigint[], %s::text[]) AS w(connection_id, source)
WHERE t.connection_id = w.connection_id AND t.source = w.source
"""

Key = tuple[int, str]
"""Connection id, source (or identifier of a device)."""


class DescribedTopics:
    """`said`: descriptions of this batch. A connection of which nothing was ever said costs a look."""

    def __init__(self, said: Iterable[tuple[int, TopicDescription]], run: Run) -> None:
        self._run = run
        self._notes: dict[int, TopicNotes] = {}
        self._changed: dict[Key, TopicNote | None] = {}
        self._met_limits: dict[Key, float] = {}
        self._limited: defaultdict[int, set[str]] = defaultdict(set)
        said = list(said)
        wanted = {number for number, rules in run.rules.items() if rules.memory_version}
        self._load(wanted | {connection_id for connection_id, _ in said})
        for connection_id, description in said:
            self._take(connection_id, description)
        self._index()

    @property
    def has_any(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._limited) or any(notes.by_source for notes in self._notes.values())

    def bring(self, message: Envelope, facts: Sequence[Fact]) -> Sequence[Fact]:
        """The facts of a message, and what was said of its topic."""
        brought = self._bring(message, facts)
        limited = self._limited.pop(message.connection_id, None)
        if limited is None:
            return brought
        limits = [
            DeviceDescription(device=device, silence_after=self._limit(message, device))
            for device in sorted(limited)
        ]
        return [*brought, *limits]

    def _bring(self, message: Envelope, facts: Sequence[Fact]) -> Sequence[Fact]:
        notes = self._notes.get(message.connection_id)
        if notes is None:
            return facts
        about = notes.availability.get(message.topic)
        if about:
            found = _availability(message, about)
            if found is not None:
                others = [
                    fact for fact in facts if not isinstance(fact, ReadingFact | Availability)
                ]
                return [*others, *found]
        unmet = notes.unmet.get(message.topic)
        if unmet:
            return [*facts, *self._meet(message, facts, unmet)]
        return facts

    def queries(self) -> list[Query]:
        if not self._changed:
            return []
        self._learn()
        kept = {key: note for key, note in sorted(self._changed.items()) if note is not None}
        gone = sorted(key for key, note in self._changed.items() if note is None)
        return [*_write(kept), *_remove(gone)]

    @property
    def changed_connections(self) -> set[int]:
        return {key[0] for key in self._changed}

    def _load(self, connections: set[int]) -> None:
        unread: list[int] = []
        for connection_id in sorted(connections):
            known = knowledge(connection_id, self._run).notes
            if known is not None:
                self._notes[connection_id] = known
            elif self._run.rules[connection_id].memory_version:
                unread.append(connection_id)
            else:
                self._notes[connection_id] = _NONE
        if unread:
            self._read(unread)

    def _read(self, connections: Sequence[int]) -> None:
        found: dict[int, dict[str, TopicNote]] = {number: {} for number in connections}
        for connection_id, stored, device in ask(_FIND, [numbers(connections)]).rows():
            description = msgspec.json.decode(stored, type=TopicDescription)
            found[connection_id][description.source] = TopicNote(description, device)
        for connection_id, by_source in found.items():
            self._notes[connection_id] = TopicNotes(by_source)
            known = knowledge(connection_id, self._run)
            self._run.memory.connections[connection_id] = msgspec.structs.replace(
                known, notes=self._notes[connection_id]
            )

    def _take(self, connection_id: int, said: TopicDescription) -> None:
        if not 0 < len(said.source) <= MAX_SOURCE or not _is_text(said):
            return
        key = (connection_id, said.source)
        old = self._current(key)
        if not said.topic:
            if old is not None:
                self._change(key, old, None)
            return
        has_room = old is not None or len(self._notes[connection_id].by_source) < MAX_NOTES
        if has_room and (old is None or old.description != said):
            self._change(key, old, TopicNote(said))

    def _change(self, key: Key, old: TopicNote | None, new: TopicNote | None) -> None:
        """The limit of a device is another one without a note that had one."""
        self._changed[key] = new
        if old is not None and old.device and old.description.expire_after:
            self._limited[key[0]].add(old.device)

    def _limit(self, message: Envelope, device: str) -> float:
        """Seconds that the device may be silent: the shortest time of its values; 0.0 for none."""
        limits = list(self._notes[message.connection_id].limits.get(device, ()))
        met = self._met_limits.get((message.connection_id, device))
        return min([*limits, met] if met else limits, default=0.0)

    def _current(self, key: Key) -> TopicNote | None:
        if key in self._changed:
            return self._changed[key]
        return self._notes[key[0]].by_source.get(key[1])

    def _meet(
        self, message: Envelope, facts: Sequence[Fact], unmet: Iterable[TopicNote]
    ) -> list[Fact]:
        """Each value that a description means, seen for the first time, with its device."""
        readings = [fact for fact in facts if isinstance(fact, ReadingFact)]
        found: list[Fact] = []
        for note in unmet:
            key = (message.connection_id, note.description.source)
            current = self._current(key)
            reading = _meant(note.description.path, readings)
            if reading is not None and current is not None and not current.device:
                self._changed[key] = TopicNote(note.description, reading.device)
                found += _descriptions(note.description, reading)
                self._meet_limit((message.connection_id, reading.device), note.description)
        return found

    def _meet_limit(self, device: Key, said: TopicDescription) -> None:
        if said.expire_after > 0:
            known = self._met_limits.get(device, said.expire_after)
            self._met_limits[device] = min(known, said.expire_after)
            self._limited[device[0]].add(device[1])

    def _index(self) -> None:
        for connection_id in self.changed_connections:
            by_source = dict(self._notes[connection_id].by_source)
            for (number, source), note in self._changed.items():
                if number != connection_id:
                    continue
                if note is None:
                    by_source.pop(source, None)
                else:
                    by_source[source] = note
            self._notes[connection_id] = TopicNotes(by_source)

    def _learn(self) -> None:
        self._index()
        for connection_id in self.changed_connections:
            known = knowledge(connection_id, self._run)
            version = self._run.rules[connection_id].memory_version + 1
            self._run.memory.connections[connection_id] = msgspec.structs.replace(
                known, version=max(known.version, version), notes=self._notes[connection_id]
            )


def _is_text(said: TopicDescription) -> bool:
    """Whether PostgreSQL takes all of it as text."""
    texts_of = [value for value in msgspec.structs.astuple(said) if isinstance(value, str)]
    return all(storable(text) == text for text in texts_of)


def _availability(message: Envelope, about: Sequence[TopicNote]) -> list[Availability] | None:
    """None: the message is no such word, or the topic speaks for several devices, so that it is the
    business of their gateway.
    """
    devices = {note.device for note in about}
    if len(devices) != 1:
        return None
    text = message.payload.decode("utf-8", "replace").strip()
    said = about[0].description
    if text not in {said.available, said.not_available}:
        return None
    if text == said.available:
        state = Liveness.ONLINE
    else:
        state = Liveness.OFFLINE
    return [Availability(identifier=device, state=state) for device in devices if device]


def _meant(path: str, readings: Sequence[ReadingFact]) -> ReadingFact | None:
    """The reading of this path; the only one when the path is that of the whole payload."""
    if not path:
        if len(readings) == 1:
            return readings[0]
        return None
    end = f".{path}"
    return next(
        (fact for fact in readings if fact.metric == path or fact.metric.endswith(end)), None
    )


def _descriptions(said: TopicDescription, reading: ReadingFact) -> list[Fact]:
    found: list[Fact] = []
    if said.device_name or said.manufacturer or said.model or said.software:
        found.append(
            DeviceDescription(
                device=reading.device,
                name=said.device_name,
                manufacturer=said.manufacturer,
                model=said.model,
                software=said.software,
            )
        )
    if said.unit or said.metric_name or said.diagnostic:
        found.append(
            MetricDescription(
                device=reading.device,
                metric=reading.metric,
                unit=said.unit,
                name=said.metric_name,
                diagnostic=said.diagnostic,
            )
        )
    return found


def _write(notes: Mapping[Key, TopicNote]) -> list[Query]:
    if not notes:
        return []
    said = [note.description for note in notes.values()]
    columns = [
        numbers(key[0] for key in notes),
        texts(key[1] for key in notes),
        texts(description.topic for description in said),
        texts(msgspec.json.encode(description).decode() for description in said),
        texts(note.device for note in notes.values()),
    ]
    return [Query(_WRITE, columns)]


def _remove(keys: Sequence[Key]) -> list[Query]:
    if not keys:
        return []
    return [Query(_REMOVE, [numbers(key[0] for key in keys), texts(key[1] for key in keys)])]
