"""Samples of topics: a few of the last messages, as they came. They cost a batch a look at its
topics, and at most one small statement that travels with the others.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import islice

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.sampling import (
    EVERY,
    KEPT,
    MAX_BYTES,
    Sampled,
    is_due,
    is_new_shape,
    shape_of,
)
from mqtt_app.services.ingest.records import Topic, TopicKey, topic_key
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import blobs, booleans, microseconds, numbers, texts
from mqtt_app.services.postgres.statements import Query

SHAPES = 16  # topics whose shape is looked at, once a second

# Rows that another process is removing are passed over: nothing here may wait.
_WRITE = f"""
WITH new AS (
    SELECT w.* FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bytea[], %s::int[],
        %s::smallint[], %s::bool[], %s::bigint[], %s::int[])
        AS w(site_id, topic_id, name, payload, size, qos, retain, received_at, shape)
    WHERE NOT EXISTS (SELECT FROM mqtt_topicsample s WHERE s.topic_id = w.topic_id
        AND s.shape = w.shape
        AND s.received_at > to_timestamp(w.received_at / 1e6::float8 - {EVERY / 2}))
), gone AS (
    DELETE FROM mqtt_topicsample WHERE id = ANY(ARRAY(
        SELECT s.id FROM mqtt_topicsample s WHERE s.id = ANY(ARRAY(
            SELECT r.id FROM (SELECT o.id, row_number() OVER (PARTITION BY o.topic_id
                    ORDER BY o.id DESC) AS place
                FROM mqtt_topicsample o WHERE o.topic_id = ANY(ARRAY(SELECT topic_id FROM new))) r
            WHERE r.place >= {KEPT})) FOR UPDATE SKIP LOCKED))
)
INSERT INTO mqtt_topicsample (site_id, topic_id, name, payload, size, qos, retain, received_at,
    shape)
SELECT site_id, topic_id, name, payload, size, qos, retain,
    to_timestamp(received_at / 1e6::float8), shape FROM new
"""


def sample(messages: Sequence[Envelope], topics: Mapping[TopicKey, Topic], run: Run) -> list[Query]:
    """The newest message of each topic that is due, and of some that look different now."""
    now = run.now.timestamp()
    known = run.memory.memory.sampled
    allowance = run.memory.memory.sample_allowance
    allowance.begin(now)
    if not allowance.samples:
        return []
    due = {key for key, topic in topics.items() if is_due(known.get(topic.id), now)}
    looked: set[TopicKey] = set()
    if len(due) < len(topics) and allowance.may_look():
        looked = _looked_at([key for key in topics if key not in due], now)
    if not due and not looked:
        return []
    newest = _newest(messages, due | looked)
    for key in looked & newest.keys():
        if not is_new_shape(known[topics[key].id], shape_of(newest[key].payload), now):
            del newest[key]
    chosen = {topics[key].id: message for key, message in newest.items()}
    return _kept(dict(islice(chosen.items(), allowance.samples)), run)


def _kept(chosen: Mapping[int, Envelope], run: Run) -> list[Query]:
    """The statement that writes messages by the id of their topic. What is not committed is
    forgotten with the run's memory.
    """
    if not chosen:
        return []
    run.memory.memory.sample_allowance.spend(len(chosen))
    shapes = {number: shape_of(message.payload) for number, message in chosen.items()}
    now = run.now.timestamp()
    run.memory.sampled |= {number: Sampled(now, shape) for number, shape in shapes.items()}
    return [_write(chosen, shapes)]


def _looked_at(others: Sequence[TopicKey], now: float) -> set[TopicKey]:
    """Some of the topics that are not due, others each second."""
    start = int(now) * SHAPES % len(others)
    return {*others[start : start + SHAPES], *others[: max(0, start + SHAPES - len(others))]}


def _newest(messages: Sequence[Envelope], keys: Collection[TopicKey]) -> dict[TopicKey, Envelope]:
    """Without those that are empty: a cleared retained message says nothing about its topic."""
    found: dict[TopicKey, Envelope] = {}
    for message in reversed(messages):
        key = topic_key(message)
        if key in keys and key not in found and message.payload:
            found[key] = message
            if len(found) == len(keys):
                break
    return found


def _write(chosen: Mapping[int, Envelope], shapes: Mapping[int, int]) -> Query:
    messages = chosen.values()
    parameters = [
        numbers(message.site_id for message in messages),
        numbers(chosen),
        texts(message.topic for message in messages),
        blobs(message.payload[:MAX_BYTES] for message in messages),
        numbers(len(message.payload) for message in messages),
        numbers(message.qos for message in messages),
        booleans(message.retain for message in messages),
        numbers(microseconds(message.received_at) for message in messages),
        numbers(shapes[number] for number in chosen),
    ]
    return Query(_WRITE, parameters)
