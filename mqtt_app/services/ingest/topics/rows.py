"""Topics as they are met: found, made within the site's quotas, recognised by a parser, counted."""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import LogLevel, MqttConnection
from mqtt_app.parsers.registry import Registry
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.ingest import unfit_topics
from mqtt_app.services.ingest.admission.claim import Admission
from mqtt_app.services.ingest.memory import Known, StaleError
from mqtt_app.services.postgres.columns import booleans, microseconds, numbers, texts
from mqtt_app.services.postgres.statements import Cursor

Key = tuple[int, str]  # connection id, topic
SAY_AGAIN = 60.0  # s between two log rows that say a site is over its quota

_COLUMNS = "t.id, t.connection_id, t.topic, t.is_processable, t.is_active, t.parser_name"
_FIND = f"""
SELECT {_COLUMNS} FROM unnest(%s::bigint[], %s::text[]) AS w(connection_id, topic)
JOIN mqtt_discoveredtopic t ON t.connection_id = w.connection_id AND md5(t.topic) = md5(w.topic)
"""
_CREATE = f"""
INSERT INTO mqtt_discoveredtopic AS t
    (connection_id, topic, is_processable, is_active, parser_name, was_retained, first_seen, message_count)
SELECT w.*, %s, 0 FROM unnest(%s::bigint[], %s::text[], %s::bool[], %s::bool[], %s::text[], %s::bool[]) AS w
ON CONFLICT (connection_id, md5(topic)) DO NOTHING
RETURNING {_COLUMNS}
"""
_COUNT = """
UPDATE mqtt_discoveredtopic t SET
    message_count = t.message_count + v.count, last_seen = GREATEST(t.last_seen, to_timestamp(v.seen / 1e6::float8))
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bool[], %s::bool[], %s::text[])
    AS v(id, count, seen, is_processable, is_active, parser_name)
WHERE t.id = v.id AND t.is_processable = v.is_processable AND t.is_active = v.is_active
    AND t.parser_name = v.parser_name
"""


class Topic(msgspec.Struct):
    id: int
    connection_id: int
    topic: str
    is_processable: bool
    is_active: bool
    parser_name: str


class Topics(msgspec.Struct, frozen=True):
    """`rows` of those that have one; `unfit`: why those are dropped that never get one, as the
    reason of a drop.
    """

    rows: dict[Key, Topic]
    unfit: dict[Key, str]

    def why_missing(self, message: Envelope) -> str:
        return self.unfit.get((message.connection_id, message.topic), "topic_quota")


_known: Known[Key, Topic] = Known()
forget = _known.forget


def find(keys: Collection[Key]) -> Topics:
    """Without making any. A topic that is remembered is fit; the others are looked at before the
    database is asked.
    """
    found = _known.of(keys)
    if len(found) == len(keys):
        return Topics(found, {})
    missing = [key for key in keys if key not in found]
    unfit = unfit_topics.among(missing)
    missing = [key for key in missing if key not in unfit] if unfit else missing
    return Topics(found | _read(_FIND, _columns(missing)) if missing else found, unfit)


def recognise_again(
    topics: Mapping[Key, Topic], samples: Mapping[Key, Envelope], parsers: Registry
) -> None:
    """A topic that nobody knew may show itself in a later message, or to a parser that was
    installed since.

    One that was known stays with its parser, even where that is missing: another one would read
    other things into it.
    """
    for key, topic in topics.items():
        if topic.is_processable:
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
    context: Admission,
    *,
    parsers: Registry,
    tally: AccountingTally,
    now: datetime,
) -> dict[Key, Topic]:
    """Rows for new topics, as far as the quotas of their sites allow."""
    allowed = _within_quota(sorted(keys), samples, context, now)
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
            [samples[key].retain for key in allowed],
        ],
    )
    for topic in created.values():
        tally.discovered[context.rules[topic.connection_id].site_id] += 1
    met_by_others = [key for key in allowed if key not in created]
    return created | (find(met_by_others).rows if met_by_others else {})


def count(messages: Sequence[Envelope], topics: Mapping[Key, Topic], context: Admission) -> None:
    """message_count and last_seen of every topic of the batch, in one statement and in the order of
    ids.

    StaleError when a topic turns out to be not as it was found.
    """
    counts: defaultdict[Key, int] = defaultdict(int)
    seen: dict[Key, float] = {}
    for message in messages:
        key = (message.connection_id, message.topic)
        counts[key] += 1
        seen[key] = max(seen.get(key, 0.0), message.received_at)
    met = sorted((topics[key] for key in counts if key in topics), key=lambda topic: topic.id)
    keys = [(topic.connection_id, topic.topic) for topic in met]
    if not met:
        return
    columns = [
        numbers(topic.id for topic in met),
        numbers(counts[key] for key in keys),
        numbers(microseconds(seen[key]) for key in keys),
        booleans(topic.is_processable for topic in met),
        booleans(topic.is_active for topic in met),
        texts(topic.parser_name for topic in met),
    ]
    counted = context.later.add(_COUNT, columns)
    context.later.then(lambda: _check(counted, len(met)))


def _check(counted: Cursor, topics: int) -> None:
    if counted.rowcount != topics:
        raise StaleError


def _within_quota(
    keys: Sequence[Key], samples: Mapping[Key, Envelope], context: Admission, now: datetime
) -> list[Key]:
    """What a broker retains comes all at once when a site is connected: it uses up no room of what
    is new.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT connection_id, count(*), count(*) FILTER (WHERE first_seen > %s AND NOT was_retained)"
            " FROM mqtt_discoveredtopic WHERE connection_id = ANY(%s) GROUP BY connection_id",
            [now - timedelta(minutes=1), sorted({key[0] for key in keys})],
        )
        used = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    allowed: list[Key] = []
    for key in keys:
        rules, is_new = context.rules[key[0]], not samples[key].retain
        total, recent = used.get(key[0], (0, 0))
        if total < rules.max_topics and (recent < rules.max_new_topics or not is_new):
            used[key[0]] = (total + 1, recent + is_new)
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
        log_connection_event(
            MqttConnection(pk=connection_id, site_id=site_id), LogLevel.WARNING, text
        )


def _columns(keys: Collection[Key]) -> list[str]:
    return [numbers(key[0] for key in keys), texts(key[1] for key in keys)]


def _read(statement: str, parameters: list[Any]) -> dict[Key, Topic]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = [Topic(*row) for row in cursor.fetchall()]
    found = {(topic.connection_id, topic.topic): topic for topic in rows}
    _known.learn(found)
    return found
