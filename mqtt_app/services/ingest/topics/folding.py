"""Topics that never repeat, in one row: made when there are enough of them, and its members
counted.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.folding import Member, Template, should_fold, template_of
from mqtt_app.logging_utils import log_connection_event
from mqtt_app.models import LogLevel, MqttConnection
from mqtt_app.services.ingest.records import Topic, TopicKey
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.ingest.topics.rows import Topics
from mqtt_app.services.postgres.columns import microseconds, numbers, texts
from mqtt_app.services.postgres.statements import Query, ask

LOOKED_AT = 500  # members with a row, the newest, that are judged
WRITTEN_EVERY = 300.0  # s; a member that goes on speaking is written down again after this

_MEMBERS = """
SELECT t.topic, extract(epoch FROM t.first_seen)::float8 AS first_seen,
    extract(epoch FROM coalesce(t.last_seen, t.first_seen))::float8 AS last_seen
FROM mqtt_discoveredtopic t
WHERE t.connection_id = %s AND md5(t.template) = md5(%s) AND t.template <> ''
    AND t.member_count IS NULL
ORDER BY t.id DESC LIMIT %s
"""
# Those about which nobody decided otherwise than about the template.
_TAKE_IN = """
WITH gone AS (
    DELETE FROM mqtt_discoveredtopic m USING mqtt_discoveredtopic t
    WHERE t.id = %s AND m.connection_id = t.connection_id AND m.id <> t.id
        AND md5(m.template) = md5(t.topic) AND m.template <> '' AND m.member_count IS NULL
        AND m.is_active = t.is_active AND m.rule_id IS NOT DISTINCT FROM t.rule_id
        AND m.is_ignored = t.is_ignored AND (m.retired_at IS NULL) = (t.retired_at IS NULL)
        AND m.pinned_parser = t.pinned_parser AND m.forbidden_parsers = t.forbidden_parsers
    RETURNING m.id, m.topic, m.first_seen, m.last_seen, m.message_count, m.heard_live
), kept AS (
    INSERT INTO mqtt_foldedmember (topic_id, member, first_seen, last_seen)
    SELECT %s, md5(topic)::uuid, first_seen, coalesce(last_seen, first_seen) FROM gone
    ORDER BY 2 ON CONFLICT DO NOTHING
), counted AS (
    UPDATE mqtt_discoveredtopic t SET member_count = t.member_count + g.members,
        message_count = t.message_count + g.messages, heard_live = t.heard_live OR g.live,
        first_seen = LEAST(t.first_seen, g.first)
    FROM (SELECT count(*) AS members, coalesce(sum(message_count), 0) AS messages,
        coalesce(bool_or(heard_live), false) AS live, min(first_seen) AS first FROM gone) g
    WHERE t.id = %s
)
SELECT id FROM gone
"""
_REMEMBER = """
WITH heard AS (
    INSERT INTO mqtt_foldedmember AS m (topic_id, member, first_seen, last_seen)
    SELECT w.id, md5(w.topic)::uuid, to_timestamp(w.seen / 1e6::float8),
        to_timestamp(w.seen / 1e6::float8)
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS w(id, topic, seen) ORDER BY 1, 2
    ON CONFLICT (topic_id, member) DO UPDATE SET
        last_seen = GREATEST(m.last_seen, excluded.last_seen)
    RETURNING m.topic_id, m.xmax = 0 AS is_new
)
UPDATE mqtt_discoveredtopic t SET member_count = t.member_count + n.count
FROM (SELECT topic_id, count(*) FROM heard WHERE is_new GROUP BY topic_id) n
WHERE t.id = n.topic_id
"""
_FOLDED = (
    "Topics like {template} never repeat: {number:,} of them came. They are one row in the list from"
    " now on; approve it, or unfold it to have a row for each."
)

MakeTemplate = Callable[[Sequence[TopicKey], str], Topic | None]
"""Makes the row that stands for topics, by its name."""


def fold(
    missing: Sequence[TopicKey], topics: Topics, make: MakeTemplate, run: Run
) -> list[TopicKey]:
    """Give topics without a row that of their template, made where it is time. Gives those that
    still have none.
    """
    groups: defaultdict[TopicKey, list[TopicKey]] = defaultdict(list)
    templates: dict[TopicKey, Template] = {}
    for key in missing:
        template = template_of(key[1])
        if template is not None and (key[0], template.text) not in topics.templates:
            groups[key[0], template.text].append(key)
            templates[key[0], template.text] = template
    for place, keys in sorted(groups.items()):
        members = _members(place)
        new = [key[1] for key in keys]
        if should_fold(templates[place], members, new, run.now.timestamp()):
            _fold(place, keys, topics, make, run)
    return [key for key in missing if key not in topics.rows]


def remember(
    messages: Sequence[Envelope], topics: Mapping[TopicKey, Topic], run: Run
) -> list[Query]:
    """Count the members that were not met before."""
    if not any(topic.stands_in for topic in topics.values()):
        return []
    written = run.memory.members
    heard: dict[tuple[int, str], float] = {}
    for message in messages:
        key = (message.connection_id, message.topic)
        topic = topics.get(key)
        if topic is None or not topic.stands_in:
            continue
        if message.received_at - written.get(key, 0.0) >= WRITTEN_EVERY:
            place = (topic.id, message.topic)
            heard[place] = max(heard.get(place, 0.0), message.received_at)
    if not heard:
        return []
    for message in messages:
        key = (message.connection_id, message.topic)
        topic = topics.get(key)
        if topic is not None and (topic.id, message.topic) in heard:
            written[key] = heard[topic.id, message.topic]
    columns = [
        numbers(place[0] for place in heard),
        texts(place[1] for place in heard),
        numbers(map(microseconds, heard.values())),
    ]
    return [Query(_REMEMBER, columns)]


def _members(place: TopicKey) -> list[Member]:
    """With rows, in the order in which they were met."""
    newest = ask(_MEMBERS, [*place, LOOKED_AT]).records(Member)
    return list(newest)[::-1]


def _fold(
    place: TopicKey, keys: Sequence[TopicKey], topics: Topics, make: MakeTemplate, run: Run
) -> None:
    template = make(keys, place[1])
    if template is None:
        return  # the next batch finds it
    gone = {row[0] for row in ask(_TAKE_IN, [template.id] * 3).rows()}
    topics.templates[place] = template
    _replace(gone, template, topics, run)
    for key in keys:
        topics.rows[key] = template.member(key[1])
    site = run.rules[place[0]]
    link = MqttConnection(pk=site.connection_id, site_id=site.site_id)
    text = _FOLDED.format(template=place[1][:200], number=len(gone) + len(keys))
    log_connection_event(link, LogLevel.INFO, text)


def _replace(gone: Collection[int], template: Topic, topics: Topics, run: Run) -> None:
    """Rows of this batch that are not there any more."""
    for key, topic in list(topics.rows.items()):
        if topic.id in gone:
            topics.rows[key] = template.member(key[1])
            run.memory.topics.pop(key, None)
