"""Topics as they are met: made within the quotas of their sites, recognised by a parser."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.folding import template_of
from mqtt_app.domain.topic_rules import Rule, TopicState, decide, first_match
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import LogLevel, MqttConnection
from mqtt_app.parsers.recognition import Recognition, recognise, says_nothing
from mqtt_app.services.ingest.parsing import parsers
from mqtt_app.services.ingest.records import SiteRules, Topic, TopicKey, topic_key
from mqtt_app.services.ingest.repeats import OncePerMinute
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.ingest.topics.folding import fold
from mqtt_app.services.ingest.topics.rows import COLUMNS, Topics, columns, find, read
from mqtt_app.services.postgres.columns import booleans, numbers, texts
from mqtt_app.services.postgres.statements import ask
from mqtt_app.services.topic_rules import rules_of

NEW_WITHIN = timedelta(minutes=1)  # `max_new_topics` is per minute

SAMPLES = 5  # messages of a topic that are looked at to find its parser

_CREATE = f"""
INSERT INTO mqtt_discoveredtopic AS t (connection_id, topic, is_processable, is_active, parser_name,
    confidence, pinned_parser, forbidden_parsers, rule_id, is_ignored, retired_at, was_retained,
    first_seen, message_count, template, is_folding, member_count)
SELECT w.connection_id, w.topic, w.parser_name <> '', w.is_active, w.parser_name, w.confidence,
    w.pinned_parser, string_to_array(w.forbidden, E'\\n'), w.rule_id, w.is_ignored,
    CASE WHEN w.is_retired THEN %(now)s::timestamptz END, w.was_retained, %(now)s::timestamptz, 0,
    w.template, w.is_folding, CASE WHEN w.is_folding THEN 0 END
FROM unnest(%(connections)s::bigint[], %(topics)s::text[], %(active)s::bool[], %(parsers)s::text[],
    %(confidence)s::float8[], %(pinned)s::text[], %(forbidden)s::text[], %(rules)s::bigint[],
    %(ignored)s::bool[], %(retired)s::bool[], %(retained)s::bool[], %(templates)s::text[],
    %(folding)s::bool[])
    AS w(connection_id, topic, is_active, parser_name, confidence, pinned_parser, forbidden,
        rule_id, is_ignored, is_retired, was_retained, template, is_folding)
ON CONFLICT (connection_id, md5(topic)) DO NOTHING
RETURNING {COLUMNS}
"""
_FORBIDDEN = """
SELECT id, forbidden_parsers FROM mqtt_discoveredtopic
WHERE id = ANY(%s::bigint[]) AND forbidden_parsers <> '{}'
"""
_RECOGNISE = """
UPDATE mqtt_discoveredtopic t SET is_processable = true, parser_name = v.parser_name,
    confidence = v.confidence
FROM unnest(%s::bigint[], %s::text[], %s::float8[]) AS v(id, parser_name, confidence)
WHERE t.id = v.id
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

Samples = Mapping[TopicKey, Sequence[Envelope]]
"""The first messages of each topic of a batch, at most SAMPLES, those that say nothing last."""

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
    keys = dict.fromkeys(map(topic_key, messages))
    topics = find(keys, run.memory)
    missing = [key for key in keys if key not in topics.rows and key not in topics.unfit]
    unread = [key for key, topic in topics.rows.items() if not topic.is_processable]
    if missing or unread:
        samples = _samples(messages, {*missing, *unread})
        topics.change(_recognise([topics.rows[key] for key in unread], samples, run).values())
        if missing:
            missing = fold(missing, topics, partial(_make_template, samples, run), run)
        if missing:
            topics.rows.update(_create(missing, samples, topics, run))
    return topics


def _samples(messages: Sequence[Envelope], keys: Collection[TopicKey]) -> Samples:
    found: dict[TopicKey, list[Envelope]] = {}
    for message in messages:
        key = topic_key(message)
        if key not in keys:
            continue
        own = found.setdefault(key, [])
        if not own or (len(own) < SAMPLES and not says_nothing(message.payload)):
            own.append(message)
    return found


def _recognise(unread: Sequence[Topic], samples: Samples, run: Run) -> dict[TopicKey, Topic]:
    """A topic that no parser recognised may show itself in a later message, or to a parser that was
    installed since.

    A recognised one stays with its parser, even where that is missing: another one would read other
    things into it.
    """
    if not unread:
        return {}
    chosen: dict[TopicKey, Recognition] = {}
    for topic in unread:
        found = _choose(samples[topic.key], run)
        if found is not None:
            chosen[topic.key] = found
    if not chosen:
        return {}
    topics = [topic for topic in unread if topic.key in chosen]
    forbidden = dict(ask(_FORBIDDEN, [numbers(topic.id for topic in topics)]).rows())
    made: dict[TopicKey, Topic] = {}
    for topic in topics:
        found = chosen[topic.key]
        if topic.id in forbidden:
            found = _choose(samples[topic.key], run, forbidden[topic.id])
        if found is not None:
            chosen[topic.key] = found
            made[topic.key] = msgspec.structs.replace(
                topic, is_processable=True, parser_name=found.parser_name
            )
    columns = [
        numbers(topic.id for topic in made.values()),
        texts(topic.parser_name for topic in made.values()),
        numbers(chosen[key].confidence for key in made),
    ]
    ask(_RECOGNISE, columns)
    run.memory.topics |= {topic.row.key: topic.row for topic in made.values()}
    return made


def _choose(
    messages: Sequence[Envelope], run: Run, forbidden: Collection[str] = ()
) -> Recognition | None:
    payloads = [message.payload for message in messages]
    known = parsers.of(run.rules[messages[0].connection_id])
    return recognise(known, messages[0].topic, payloads, forbidden)


class _NewTopic(msgspec.Struct, frozen=True):
    """`confidence` None: no parser recognised it, or a rule named one."""

    key: TopicKey
    state: TopicState
    confidence: float | None
    was_retained: bool
    is_folding: bool = False


def _create(
    keys: Sequence[TopicKey], samples: Samples, topics: Topics, run: Run
) -> dict[TopicKey, Topic]:
    """Rows for new topics, as far as the quotas of their sites allow, as the rules want them. Those
    of a template that was unfolded are as it is.
    """
    allowed = _within_quota(sorted(keys), samples, run)
    if not allowed:
        return {}
    sites = {run.rules[key[0]].site_id for key in allowed}
    by_site = {site_id: rules_of(site_id) for site_id in sites}
    new = []
    for key in allowed:
        site = run.rules[key[0]]
        template = topics.templates.get((key[0], _template_text(key[1])))
        is_active = site.new_topics_active
        if template is not None:
            is_active = template.is_active
        new.append(_new(key, samples[key], by_site[site.site_id], run, is_active=is_active))
    created = read(_CREATE, _values(new, run), run.memory)
    for topic in created.values():
        run.tally.discovered[run.rules[topic.connection_id].site_id] += 1
    met_by_others = [key for key in allowed if key not in created]
    if met_by_others:
        return created | find(met_by_others, run.memory).rows
    return created


def _make_template(samples: Samples, run: Run, keys: Sequence[TopicKey], text: str) -> Topic | None:
    """A row that stands for these topics; None where another process made one at this moment."""
    site = run.rules[keys[0][0]]
    messages = [samples[key][0] for key in keys[:SAMPLES]]
    key = (site.connection_id, text)
    rules = rules_of(site.site_id)
    new = _new(key, messages, rules, run, is_active=site.new_topics_active)
    new = msgspec.structs.replace(new, is_folding=True)
    made = read(_CREATE, _values([new], run), run.memory)
    if made:
        run.tally.discovered[site.site_id] += 1
    return next(iter(made.values()), None)


def _template_text(topic: str) -> str:
    template = template_of(topic)
    if template is None:
        return ""
    return template.text


def _new(
    key: TopicKey,
    messages: Sequence[Envelope],
    rules: Sequence[Rule],
    run: Run,
    *,
    is_active: bool,
) -> _NewTopic:
    state = TopicState(is_active=is_active)
    rule = first_match(rules, key[1])
    if rule is not None:
        state = decide(rule, state)
    confidence = None
    if not state.parser_name:
        found = _choose(messages, run, state.forbidden_parsers)
        if found is not None:
            state = msgspec.structs.replace(state, parser_name=found.parser_name)
            confidence = found.confidence
    return _NewTopic(key, state, confidence, messages[0].retain)


def _values(new: Sequence[_NewTopic], run: Run) -> dict[str, Any]:
    states = [topic.state for topic in new]
    connections, topics = columns([topic.key for topic in new])
    return {
        "now": run.now,
        "connections": connections,
        "topics": topics,
        "active": booleans(state.is_active for state in states),
        "parsers": texts(state.parser_name for state in states),
        "confidence": numbers(topic.confidence for topic in new),
        "pinned": texts(state.pinned_parser for state in states),
        "forbidden": texts("\n".join(state.forbidden_parsers) for state in states),
        "rules": numbers(state.rule for state in states),
        "ignored": booleans(state.is_ignored for state in states),
        "retired": booleans(state.is_retired for state in states),
        "retained": booleans(topic.was_retained for topic in new),
        "templates": texts(_template_text(topic.key[1]) for topic in new),
        "folding": booleans(topic.is_folding for topic in new),
    }


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
        is_new = not samples[key][0].retain
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
