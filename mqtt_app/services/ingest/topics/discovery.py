"""Topics as they are met: made within the quotas of their sites, recognised by a parser."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import LogLevel, MqttConnection
from mqtt_app.services.ingest.parsing import parsers
from mqtt_app.services.ingest.records import SiteRules, Topic, TopicKey, topic_key
from mqtt_app.services.ingest.repeats import OncePerMinute
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.ingest.topics.rows import COLUMNS, Topics, columns, find, read
from mqtt_app.services.postgres.columns import booleans, numbers, texts
from mqtt_app.services.postgres.statements import ask

NEW_WITHIN = timedelta(minutes=1)  # `max_new_topics` is per minute

_CREATE = f"""
INSERT INTO mqtt_discoveredtopic AS t (connection_id, topic, is_processable, is_active, parser_name,
    was_retained, first_seen, message_count)
SELECT w.*, %s::timestamptz, 0
FROM unnest(%s::bigint[], %s::text[], %s::bool[], %s::bool[], %s::text[], %s::bool[]) AS w
ON CONFLICT (connection_id, md5(topic)) DO NOTHING
RETURNING {COLUMNS}
"""
_RECOGNISE = """
UPDATE mqtt_discoveredtopic t SET is_processable = true, parser_name = v.parser_name
FROM unnest(%s::bigint[], %s::text[]) AS v(id, parser_name) WHERE t.id = v.id
"""
_USED = """
SELECT connection_id, count(*) AS total,
    count(*) FILTER (WHERE first_seen > %s::timestamptz AND NOT was_retained) AS recent
FROM mqtt_discoveredtopic WHERE connection_id = ANY(%s::bigint[]) GROUP BY connection_id
"""
_FULL = (
    "The quota of topics is used up; messages of new topics are dropped. Raise it or narrow"
    " filters."
)

Samples = Mapping[TopicKey, Envelope]
"""The last message of each topic of a batch."""

_notices = OncePerMinute()


class _Usage(msgspec.Struct):
    """Topics of a connection; `recent` ones beside what the broker retains."""

    connection_id: int
    total: int = 0
    recent: int = 0


def discover(messages: Sequence[Envelope], run: Run) -> Topics:
    """The topics of these messages, new ones made. Over a site's quota there is none, nor for one
    that is unfit.
    """
    samples = {topic_key(message): message for message in messages}
    topics = find(samples.keys(), run.memory)
    topics.rows.update(_recognise(topics.rows, samples, run))
    missing = [key for key in samples if key not in topics.rows and key not in topics.unfit]
    if missing:
        topics.rows.update(_create(missing, samples, run))
    return topics


def _recognise(
    topics: Mapping[TopicKey, Topic], samples: Samples, run: Run
) -> dict[TopicKey, Topic]:
    """A topic that no parser recognised may show itself in a later message, or to a parser that was
    installed since.

    A recognised one stays with its parser, even where that is missing: another one would read other
    things into it.
    """
    found: dict[TopicKey, Topic] = {}
    for key, topic in topics.items():
        if topic.is_processable:
            continue
        parser = parsers.installed().recognise(topic.topic, samples[key].payload)
        if parser is not None:
            found[key] = msgspec.structs.replace(
                topic, is_processable=True, parser_name=parser.name
            )
    if found:
        names = texts(topic.parser_name for topic in found.values())
        ask(_RECOGNISE, [numbers(topic.id for topic in found.values()), names])
        run.memory.topics |= found
    return found


def _create(keys: Sequence[TopicKey], samples: Samples, run: Run) -> dict[TopicKey, Topic]:
    """Rows for new topics, as far as the quotas of their sites allow."""
    allowed = _within_quota(sorted(keys), samples, run)
    if not allowed:
        return {}
    installed = parsers.installed()
    recognised = [installed.recognise(key[1], samples[key].payload) for key in allowed]
    parameters = [
        run.now,
        *columns(allowed),
        booleans(parser is not None for parser in recognised),
        booleans(run.rules[key[0]].new_topics_active for key in allowed),
        texts(parser.name if parser else "" for parser in recognised),
        booleans(samples[key].retain for key in allowed),
    ]
    created = read(_CREATE, parameters, run.memory)
    for topic in created.values():
        run.tally.discovered[run.rules[topic.connection_id].site_id] += 1
    met_by_others = [key for key in allowed if key not in created]
    if met_by_others:
        return created | find(met_by_others, run.memory).rows
    return created


def _within_quota(keys: Sequence[TopicKey], samples: Samples, run: Run) -> list[TopicKey]:
    """What a broker retains comes all at once when a site is connected: it uses up no room of what
    is new.
    """
    connections = numbers(sorted({key[0] for key in keys}))
    counted = ask(_USED, [run.now - NEW_WITHIN, connections]).records(_Usage)
    used = {usage.connection_id: usage for usage in counted}
    allowed: list[TopicKey] = []
    for key in keys:
        rules = run.rules[key[0]]
        usage = used.setdefault(key[0], _Usage(key[0]))
        is_new = not samples[key].retain
        if usage.total < rules.max_topics and not (is_new and usage.recent >= rules.max_new_topics):
            usage.total += 1
            usage.recent += is_new
            allowed.append(key)
        else:
            _log_full(rules)
    return allowed


def _log_full(rules: SiteRules) -> None:
    if _notices.is_due(rules.site_id):
        link = MqttConnection(pk=rules.connection_id, site_id=rules.site_id)
        log_connection_event(link, LogLevel.WARNING, _FULL)
