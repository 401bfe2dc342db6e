"""The topics of a site as a tree by level, and searched."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection as database
from django.db.models import QuerySet

from mqtt_app.domain.dead_letters.selection import pattern_of
from mqtt_app.domain.topics import TopicError, validate_filter
from mqtt_app.models import DiscoveredTopic, MqttConnection

MOST_NODES = 200  # of a level; a search narrows it
MOST_FOUND = 200  # topics of a search

_LEVEL = """
SELECT split_part(t.topic, '/', %(depth)s) COLLATE "C" AS name, count(*) AS topics,
    count(*) FILTER (WHERE t.is_active) AS active,
    count(*) FILTER (WHERE t.is_processable) AS processable,
    count(*) FILTER (WHERE t.was_retained AND NOT t.heard_live) AS dead,
    sum(t.message_count)::bigint AS messages, max(t.last_seen) AS last_seen,
    min(t.parser_name COLLATE "C") FILTER (WHERE t.is_processable) AS parser,
    max(t.parser_name COLLATE "C") FILTER (WHERE t.is_processable) AS last_parser,
    max(t.id) FILTER (WHERE split_part(t.topic, '/', %(depth)s + 1) = ''
        AND t.topic = %(start)s || split_part(t.topic, '/', %(depth)s)) AS topic_id,
    bool_or(position('/' in substr(t.topic, length(%(start)s) + 1)) > 0) AS has_more,
    count(*) OVER () AS nodes
FROM mqtt_discoveredtopic t
WHERE t.connection_id = %(connection)s AND starts_with(t.topic, %(start)s)
GROUP BY 1 ORDER BY topics DESC, name LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class TopicNode:
    """A level below a prefix, with all topics that begin with it. `dead`: only a retained message
    was ever seen. `parser` and `last_parser`: of those that read them, the first and the last by
    name. `topic_id`: of the topic that ends
    here, None when there is none; `has_more`: others go on.
    """

    name: str
    topics: int
    active: int
    processable: int
    dead: int
    messages: int
    last_seen: datetime | None
    parser: str | None
    last_parser: str | None
    topic_id: int | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class TopicLevel:
    """`total`: how many nodes there are; the largest MOST_NODES are in `nodes`."""

    prefix: str
    nodes: list[TopicNode]
    total: int

    @property
    def hidden(self) -> int:
        return self.total - len(self.nodes)


@dataclass(frozen=True, slots=True)
class FoundTopics:
    """The newest MOST_FOUND in `topics`. `error`: why the text is no filter."""

    topics: list[DiscoveredTopic]
    total: int
    error: str = ""

    @property
    def hidden(self) -> int:
        return self.total - len(self.topics)


def level_below(connection: MqttConnection, prefix: str) -> TopicLevel:
    """`prefix`: whole levels without a slash at the end, "" for the first level."""
    if prefix:
        start = f"{prefix}/"
    else:
        start = ""
    values: dict[str, int | str] = {
        "connection": connection.pk,
        "start": start,
        "depth": start.count("/") + 1,
        "limit": MOST_NODES,
    }
    with database.cursor() as cursor:
        cursor.execute(_LEVEL, values)
        rows = cursor.fetchall()
    total = 0
    if rows:
        total = rows[0][-1]
    return TopicLevel(prefix, [TopicNode(*row[:-1]) for row in rows], total)


def find_topics(connection: MqttConnection, text: str) -> FoundTopics:
    """By an MQTT filter where the text has a wildcard, else by a part of the name."""
    topics = DiscoveredTopic.objects.filter(connection=connection)
    if "+" in text or "#" in text:
        try:
            validate_filter(text)
        except TopicError as error:
            return FoundTopics([], 0, str(error))
        return _found(topics.filter(topic__regex=pattern_of(text)))
    return _found(topics.filter(topic__icontains=text))


def _found(topics: QuerySet[DiscoveredTopic]) -> FoundTopics:
    shown = list(topics.order_by("-id")[:MOST_FOUND])
    total = len(shown)
    if total == MOST_FOUND:
        total = topics.count()
    return FoundTopics(shown, total)
