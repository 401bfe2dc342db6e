"""The topics of a batch: found, and counted."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.services.ingest.memory import Draft
from mqtt_app.services.ingest.records import Topic, TopicKey, topic_key
from mqtt_app.services.ingest.topics import unfit
from mqtt_app.services.postgres.columns import booleans, microseconds, numbers, texts
from mqtt_app.services.postgres.statements import Query, ask

COLUMNS = "t.id, t.connection_id, t.topic, t.is_processable, t.is_active, t.parser_name"
_FIND = f"""
SELECT {COLUMNS} FROM unnest(%s::bigint[], %s::text[]) AS w(connection_id, topic)
JOIN mqtt_discoveredtopic t ON t.connection_id = w.connection_id AND md5(t.topic) = md5(w.topic)
"""
_COUNT = """
UPDATE mqtt_discoveredtopic t SET
    message_count = t.message_count + v.count,
    last_seen = GREATEST(t.last_seen, to_timestamp(v.seen / 1e6::float8))
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bool[], %s::bool[], %s::text[])
    AS v(id, count, seen, is_processable, is_active, parser_name)
WHERE t.id = v.id AND t.is_processable = v.is_processable AND t.is_active = v.is_active
    AND t.parser_name = v.parser_name
"""


class Topics(msgspec.Struct, frozen=True):
    """`rows` of those that have one; `unfit`: why those are dropped that never get one, as the
    reason of a drop.
    """

    rows: dict[TopicKey, Topic]
    unfit: dict[TopicKey, str]

    def why_missing(self, message: Envelope) -> str:
        return self.unfit.get(topic_key(message), "topic_quota")


class TopicCount(msgspec.Struct, frozen=True):
    """`queries` find only topics that still are as this batch took them."""

    queries: list[Query] = []
    topics: int = 0

    @property
    def is_stale(self) -> bool:
        return sum(query.row_count for query in self.queries) != self.topics


def find(keys: Collection[TopicKey], memory: Draft) -> Topics:
    """Without making any. A topic that is remembered is fit; the others are looked at before the
    database is asked.
    """
    found = memory.known_topics(keys)
    if len(found) == len(keys):
        return Topics(found, {})
    missing = [key for key in keys if key not in found]
    unfit_ones = unfit.among(missing)
    fit = [key for key in missing if key not in unfit_ones]
    if fit:
        found |= read(_FIND, columns(fit), memory)
    return Topics(found, unfit_ones)


def count(messages: Sequence[Envelope], topics: Mapping[TopicKey, Topic]) -> TopicCount:
    """message_count and last_seen of every topic of the batch, in one statement and in the order of
    ids.
    """
    counts: defaultdict[TopicKey, int] = defaultdict(int)
    seen: dict[TopicKey, float] = {}
    for message in messages:
        key = (message.connection_id, message.topic)
        counts[key] += 1
        seen[key] = max(seen.get(key, 0.0), message.received_at)
    met = sorted((topics[key] for key in counts if key in topics), key=_id)
    if not met:
        return TopicCount()
    parameters = [
        numbers(topic.id for topic in met),
        numbers(counts[topic.key] for topic in met),
        numbers(microseconds(seen[topic.key]) for topic in met),
        booleans(topic.is_processable for topic in met),
        booleans(topic.is_active for topic in met),
        texts(topic.parser_name for topic in met),
    ]
    return TopicCount([Query(_COUNT, parameters)], len(met))


def columns(keys: Collection[TopicKey]) -> list[str]:
    return [numbers(key[0] for key in keys), texts(key[1] for key in keys)]


def read(statement: str, parameters: list[Any], memory: Draft) -> dict[TopicKey, Topic]:
    """`statement` gives COLUMNS."""
    found = {topic.key: topic for topic in ask(statement, parameters).records(Topic)}
    memory.topics |= found
    return found


def _id(topic: Topic) -> int:
    return topic.id
