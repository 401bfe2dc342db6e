"""Topics as they are met: found, made within the site's quotas, recognised by a parser, counted."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db import connection

from mqtt_app.domain.messages import Envelope
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import LogLevel, MqttConnection
from mqtt_app.parsers.registry import Registry
from mqtt_app.services.ingest_books import Tally
from mqtt_app.services.ingest_context import Context

Key = tuple[int, str]  # connection id, topic
SAY_AGAIN = 60.0  # s between two log rows that say a site is over its quota

_COLUMNS = "t.id, t.connection_id, t.topic, t.is_processable, t.is_active, t.parser_name"
_FIND = f"""
SELECT {_COLUMNS} FROM unnest(%s::bigint[], %s::text[]) AS w(connection_id, topic)
JOIN mqtt_discoveredtopic t ON t.connection_id = w.connection_id AND md5(t.topic) = md5(w.topic)
"""
_CREATE = f"""
INSERT INTO mqtt_discoveredtopic AS t
    (connection_id, topic, is_processable, is_active, parser_name, first_seen, message_count)
SELECT w.*, %s, 0 FROM unnest(%s::bigint[], %s::text[], %s::bool[], %s::bool[], %s::text[]) AS w
ON CONFLICT (connection_id, md5(topic)) DO NOTHING
RETURNING {_COLUMNS}
"""
_COUNT = """
WITH held AS (SELECT id FROM mqtt_discoveredtopic WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE)
UPDATE mqtt_discoveredtopic t SET message_count = t.message_count + v.count, last_seen = GREATEST(t.last_seen, v.seen)
FROM held JOIN unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS v(id, count, seen) ON v.id = held.id
WHERE t.id = held.id
"""


class Topic(msgspec.Struct):
    id: int
    connection_id: int
    topic: str
    is_processable: bool
    is_active: bool
    parser_name: str


def find(keys: Sequence[Key]) -> dict[Key, Topic]:
    return _read(_FIND, [[key[0] for key in keys], [key[1] for key in keys]])


def recognise_again(topics: Mapping[Key, Topic], samples: Mapping[Key, Envelope], parsers: Registry) -> None:
    """A topic that nobody knew may show itself in a later message, or to a parser that was installed since."""
    for key, topic in topics.items():
        if topic.is_processable and parsers.get(topic.parser_name) is not None:
            continue
        parser = parsers.recognise(topic.topic, samples[key].payload)
        if parser is not None:
            topic.is_processable, topic.parser_name = True, parser.name
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE mqtt_discoveredtopic SET is_processable = true, parser_name = %s WHERE id = %s",
                    [parser.name, topic.id],
                )


def create(
    keys: Sequence[Key],
    samples: Mapping[Key, Envelope],
    context: Context,
    *,
    parsers: Registry,
    tally: Tally,
    now: datetime,
) -> dict[Key, Topic]:
    """Rows for new topics, as far as the quotas of their sites allow."""
    allowed = _within_quota(sorted(keys), context, now)
    known = [parsers.recognise(key[1], samples[key].payload) for key in allowed]
    created = _read(
        _CREATE,
        [
            now,
            [key[0] for key in allowed],
            [key[1] for key in allowed],
            [parser is not None for parser in known],
            [context.rules[key[0]].new_topics_active for key in allowed],
            [parser.name if parser else "" for parser in known],
        ],
    )
    for topic in created.values():
        tally.discovered[context.rules[topic.connection_id].site_id] += 1
    met_by_others = [key for key in allowed if key not in created]
    return created | (find(met_by_others) if met_by_others else {})


def count(messages: Sequence[Envelope], topics: Mapping[Key, Topic]) -> None:
    """message_count and last_seen of every topic of the batch, in one statement and in the order of ids."""
    counts: defaultdict[int, int] = defaultdict(int)
    seen: defaultdict[int, float] = defaultdict(float)
    for message in messages:
        topic = topics.get((message.connection_id, message.topic))
        if topic is not None:
            counts[topic.id] += 1
            seen[topic.id] = max(seen[topic.id], message.received_at)
    ids = sorted(counts)
    if ids:
        moments = [datetime.fromtimestamp(seen[topic_id], UTC) for topic_id in ids]
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [ids, ids, [counts[topic_id] for topic_id in ids], moments])


def _within_quota(keys: Sequence[Key], context: Context, now: datetime) -> list[Key]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT connection_id, count(*), count(*) FILTER (WHERE first_seen > %s)"
            " FROM mqtt_discoveredtopic WHERE connection_id = ANY(%s) GROUP BY connection_id",
            [now - timedelta(minutes=1), sorted({key[0] for key in keys})],
        )
        used = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    allowed: list[Key] = []
    taken: defaultdict[int, int] = defaultdict(int)
    for key in keys:
        rules = context.rules[key[0]]
        total, recent = used.get(key[0], (0, 0))
        room = min(rules.max_topics - total, rules.max_new_topics - recent)
        if taken[key[0]] < room:
            taken[key[0]] += 1
            allowed.append(key)
        else:
            _say_full(key[0], rules.site_id, "topics")
    return allowed


_said: dict[tuple[int, str], float] = {}


def _say_full(connection_id: int, site_id: int, what: str) -> None:
    """At most once a minute, site and process."""
    moment = time.monotonic()
    if moment - _said.get((site_id, what), -SAY_AGAIN) >= SAY_AGAIN:
        _said[site_id, what] = moment
        text = f"The quota of {what} is used up; messages of new {what} are dropped. Raise it or narrow filters."
        log_connection_event(MqttConnection(pk=connection_id, site_id=site_id), LogLevel.WARNING, text)


def _read(statement: str, parameters: list[Any]) -> dict[Key, Topic]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found = [Topic(*row) for row in cursor.fetchall()]
    return {(topic.connection_id, topic.topic): topic for topic in found}
