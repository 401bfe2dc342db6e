"""What parsers remember of earlier messages, through a batch in the order of its messages."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import Remembered
from mqtt_app.domain.ingest.samples import storable
from mqtt_app.parsers.base import NOTHING, Parser, RememberingParser
from mqtt_app.services.ingest.knowledge import ConnectionKnowledge, MemoryKey
from mqtt_app.services.ingest.records import TopicKey
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import blobs, numbers, texts
from mqtt_app.services.postgres.statements import Query, ask

MAX_VALUE = 262_144  # bytes
MAX_KEY = 512  # characters
MAX_KEYS = 5_000  # of one parser and connection; beyond it the oldest are forgotten

_FIND = """
SELECT m.connection_id, m.parser_name, m.key, m.value FROM mqtt_parsermemory m
JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS w(connection_id, parser_name, key)
    ON m.connection_id = w.connection_id AND m.parser_name = w.parser_name AND m.key = w.key
"""
_WRITE = """
INSERT INTO mqtt_parsermemory AS m (connection_id, parser_name, key, value, updated_at)
SELECT w.*, %s::timestamptz
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bytea[]) AS w(connection_id, parser_name, key)
ON CONFLICT (connection_id, parser_name, key) DO UPDATE SET
    value = excluded.value, updated_at = excluded.updated_at
"""
_FORGET = """
DELETE FROM mqtt_parsermemory m
USING unnest(%s::bigint[], %s::text[], %s::text[]) AS w(connection_id, parser_name, key)
WHERE m.connection_id = w.connection_id AND m.parser_name = w.parser_name AND m.key = w.key
"""
_TRIM = """
DELETE FROM mqtt_parsermemory WHERE id = ANY(ARRAY(
    SELECT id FROM mqtt_parsermemory WHERE connection_id = %s AND parser_name = %s
    ORDER BY updated_at DESC, id DESC OFFSET %s))
"""

Key = tuple[int, str, str]
"""Connection id, name of the parser, key."""


class Remembering:
    """`topics`: the parsers that remember anything, by topic."""

    def __init__(self, topics: Mapping[TopicKey, RememberingParser], run: Run) -> None:
        self._run = run
        self._keys: dict[TopicKey, Sequence[str]] = {}
        self._values: dict[Key, bytes | None] = {}
        self._changed: dict[Key, bytes | None] = {}
        self._unread: set[Key] = set()
        for key, parser in topics.items():
            self._keys[key] = _keys_of(parser, key[1])
            self._want(key[0], parser.name, self._keys[key])
        self._read()

    @property
    def has_any(self) -> bool:
        """Whether a parser of the batch remembers anything."""
        return bool(self._keys)

    def memory_of(self, parser: Parser, message: Envelope) -> Mapping[str, bytes]:
        """`Message.memory`."""
        keys = self._keys.get((message.connection_id, message.topic))
        if not keys:
            return NOTHING
        found = {key: self._values.get((message.connection_id, parser.name, key)) for key in keys}
        return {key: value for key, value in found.items() if value is not None}

    def note(self, message: Envelope, parser_name: str, fact: Remembered) -> str:
        """For the messages that follow. Why it cannot be remembered, "" when it is."""
        if not 0 < len(fact.key) <= MAX_KEY or storable(fact.key) != fact.key:
            return f"a key of {len(fact.key):,} characters; {MAX_KEY} without NUL are possible"
        if fact.value is not None and len(fact.value) > MAX_VALUE:
            return f"{len(fact.value):,} bytes under {fact.key[:60]!r}; the limit is {MAX_VALUE:,}"
        key = (message.connection_id, parser_name, fact.key)
        if key not in self._values or self._values[key] != fact.value:
            self._values[key] = fact.value
            self._changed[key] = fact.value
        return ""

    def queries(self) -> list[Query]:
        """What changed. Also remembered by this process, once it is committed."""
        if not self._changed:
            return []
        order = sorted(self._changed)
        kept = [key for key in order if self._changed[key] is not None]
        gone = [key for key in order if self._changed[key] is None]
        queries = []
        if kept:
            values = blobs(self._changed[key] for key in kept)
            queries.append(Query(_WRITE, [self._run.now, *_columns(kept), values]))
            scopes = sorted({key[:2] for key in kept})
            queries += [Query(_TRIM, [*scope, MAX_KEYS]) for scope in scopes]
        if gone:
            queries.append(Query(_FORGET, _columns(gone)))
        self._learn(self._changed, is_change=True)
        return queries

    @property
    def changed_connections(self) -> set[int]:
        return {key[0] for key in self._changed}

    def _want(self, connection_id: int, parser_name: str, keys: Iterable[str]) -> None:
        known = knowledge(connection_id, self._run).remembered
        for key in keys:
            if (parser_name, key) in known:
                self._values[connection_id, parser_name, key] = known[parser_name, key]
            else:
                self._values.setdefault((connection_id, parser_name, key), None)
                self._unread.add((connection_id, parser_name, key))

    def _read(self) -> None:
        missing = sorted(self._unread)
        if not missing:
            return
        for connection_id, parser_name, key, value in ask(_FIND, _columns(missing)).rows():
            self._values[connection_id, parser_name, key] = bytes(value)
        self._learn({key: self._values[key] for key in missing}, is_change=False)

    def _learn(self, values: Mapping[Key, bytes | None], *, is_change: bool) -> None:
        by_connection: defaultdict[int, dict[MemoryKey, bytes | None]] = defaultdict(dict)
        for (connection_id, parser_name, key), value in values.items():
            by_connection[connection_id][parser_name, key] = value
        for connection_id, found in by_connection.items():
            known = knowledge(connection_id, self._run)
            version = self._run.rules[connection_id].memory_version
            self._run.memory.connections[connection_id] = msgspec.structs.replace(
                known,
                version=max(known.version, version + is_change),
                remembered={**known.remembered, **found},
            )


def knowledge(connection_id: int, run: Run) -> ConnectionKnowledge:
    """What this process knows, if that is still right. A version ahead of the rules is of this run."""
    version = run.rules[connection_id].memory_version
    found = run.memory.known_connection(connection_id)
    if found is not None and found.version >= version:
        return found
    return ConnectionKnowledge(version)


def is_remembering(parser: Parser) -> TypeGuard[RememberingParser]:
    return hasattr(parser, "remembers")


def _keys_of(parser: RememberingParser, topic: str) -> Sequence[str]:
    """A parser that fails here remembers nothing."""
    try:
        return tuple(parser.remembers(topic))[:MAX_KEYS]
    except Exception:  # noqa: BLE001  foreign code may raise anything
        return ()


def _columns(keys: Sequence[Key]) -> list[str]:
    return [
        numbers(key[0] for key in keys),
        texts(key[1] for key in keys),
        texts(key[2] for key in keys),
    ]
