"""The topics of a batch: found, and counted."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.folding import template_of
from mqtt_app.services.ingest.memory import Draft
from mqtt_app.services.ingest.records import Topic, TopicKey, topic_key
from mqtt_app.services.ingest.topics import unfit
from mqtt_app.services.postgres.columns import booleans, microseconds, numbers, texts
from mqtt_app.services.postgres.statements import Parameters, Query, ask

COLUMNS = """t.id, t.connection_id, t.topic, t.is_processable, t.is_active, t.parser_name,
    t.pinned_parser <> '' AS is_pinned, t.recognitions, t.is_folding,
    t.member_count IS NOT NULL AS is_template"""
_FIND = f"""
SELECT {COLUMNS} FROM unnest(%s::bigint[], %s::text[]) AS w(connection_id, topic)
JOIN mqtt_discoveredtopic t ON t.connection_id = w.connection_id AND md5(t.topic) = md5(w.topic)
"""
_COUNT = """
UPDATE mqtt_discoveredtopic t SET
    message_count = t.message_count + v.count,
    last_seen = GREATEST(t.last_seen, to_timestamp(v.seen / 1e6::float8)),
    heard_live = t.heard_live OR v.live
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bool[], %s::bool[], %s::bool[],
    %s::text[]) AS v(id, count, seen, live, is_processable, is_active, parser_name)
WHERE t.id = v.id AND t.is_processable = v.is_processable AND t.is_active = v.is_active
    AND t.parser_name = v.parser_name
"""


class Topics(msgspec.Struct, frozen=True):
    """`rows` of those that have one; `unfit`: why those are dropped that never get one, as the
    reason of a drop; `templates`: rows that stand, or stood, for the topics of a template.
    """

    rows: dict[TopicKey, Topic]
    unfit: dict[TopicKey, str]
    templates: dict[TopicKey, Topic] = {}

    def change(self, changed: Iterable[Topic]) -> None:
        """Rows that are not as they were; with them, all topics that they stand for."""
        by_id: dict[int, Topic] = {}
        for topic in changed:
            self.rows[topic.key] = topic
            if topic.stands_in:
                by_id[topic.id] = topic
        if by_id:
            others = [topic for topic in self.rows.values() if topic.id in by_id]
            for topic in others:
                self.rows[topic.key] = by_id[topic.id].member(topic.topic)

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
    templates: dict[TopicKey, Topic] = {}
    if fit:
        by_key = {key: template_of(key[1]) for key in fit}
        of_templates = {
            key: (key[0], template.text) for key, template in by_key.items() if template is not None
        }
        rows = read(_FIND, columns({*fit, *of_templates.values()}), memory)
        templates = {key: rows[key] for key in {*of_templates.values()} & rows.keys()}
        found |= {key: rows[key] for key in fit if key in rows}
        found |= {
            key: templates[template].member(key[1])
            for key, template in of_templates.items()
            if key not in found and template in templates and templates[template].is_folding
        }
    return Topics(found, unfit_ones, templates)


class _Heard(msgspec.Struct):
    """What a batch brought of a row."""

    topic: Topic
    count: int = 0
    seen: float = 0.0
    is_live: bool = False


def count(messages: Sequence[Envelope], topics: Mapping[TopicKey, Topic]) -> TopicCount:
    """message_count and last_seen of every row of the batch, in one statement and in the order of
    ids.
    """
    by_key: dict[TopicKey, _Heard] = {}
    by_id: dict[int, _Heard] = {}
    for message in messages:
        key = (message.connection_id, message.topic)
        heard = by_key.get(key)
        if heard is None:
            topic = topics.get(key)
            if topic is None:
                continue
            heard = by_id.setdefault(topic.id, _Heard(topic))
            by_key[key] = heard
        heard.count += 1
        heard.seen = max(heard.seen, message.received_at)
        heard.is_live = heard.is_live or not message.retain
    if not by_id:
        return TopicCount()
    met = [by_id[number] for number in sorted(by_id)]
    parameters = [
        numbers(heard.topic.id for heard in met),
        numbers(heard.count for heard in met),
        numbers(microseconds(heard.seen) for heard in met),
        booleans(heard.is_live for heard in met),
        booleans(heard.topic.is_processable for heard in met),
        booleans(heard.topic.is_active for heard in met),
        texts(heard.topic.parser_name for heard in met),
    ]
    return TopicCount([Query(_COUNT, parameters)], len(met))


def columns(keys: Collection[TopicKey]) -> list[str]:
    return [numbers(key[0] for key in keys), texts(key[1] for key in keys)]


def read(statement: str, parameters: Parameters, memory: Draft) -> dict[TopicKey, Topic]:
    """`statement` gives COLUMNS."""
    found = {topic.key: topic for topic in ask(statement, parameters).records(Topic)}
    memory.topics |= found
    return found
