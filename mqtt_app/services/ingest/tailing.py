"""What became of messages, for those who look at that moment. Costs nothing when nobody does."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.db import transaction

from mqtt_app import events
from mqtt_app.coordination.tails import WATCH, Tail
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.ingest.samples import storable
from mqtt_app.domain.topics import matches
from mqtt_app.services.ingest.parsing.facts import BatchFacts
from mqtt_app.services.ingest.records import Topic, TopicKey, topic_key
from mqtt_app.services.ingest.run import Run

MAX_TEXT = 300  # characters of a payload
MAX_TOPIC = 300
HEX = 64  # bytes of a payload that is no text


def show(
    messages: Sequence[Envelope], topics: Mapping[TopicKey, Topic], facts: BatchFacts, run: Run
) -> None:
    """To the browsers, on commit."""
    tails = WATCH.current()
    if not tails:
        return
    by_site: defaultdict[int, list[Tail]] = defaultdict(list)
    for tail in tails:
        by_site[tail.site_id].append(tail)
    concerned = [message for message in messages if message.site_id in by_site]
    if not concerned:
        return
    outcomes = _outcomes(facts)
    for site_id, watched in by_site.items():
        own = [message for message in concerned if message.site_id == site_id]
        for tail in watched:
            _show(tail, own, topics, outcomes, run)


def _show(
    tail: Tail,
    messages: Sequence[Envelope],
    topics: Mapping[TopicKey, Topic],
    outcomes: Mapping[int, str],
    run: Run,
) -> None:
    chosen = [message for message in messages if matches(tail.filter, message.topic)]
    if not chosen:
        return
    room = run.memory.memory.tail_allowance.take(tail, len(chosen), run.now.timestamp())
    lines = [
        _line(message, outcomes.get(id(message)) or _kept_out(topics.get(topic_key(message))))
        for message in chosen[:room]
    ]
    publish = partial(
        events.tail,
        site_id=tail.site_id,
        filter=tail.filter,
        messages=lines,
        more=len(chosen) - room,
    )
    transaction.on_commit(publish)


def _outcomes(facts: BatchFacts) -> dict[int, str]:
    """By the identity of the message: two equal ones may fare differently."""
    found: dict[int, str] = {}
    for parsed in facts.parsed:
        number = len(parsed.readings)
        word = "reading"
        if number != 1:
            word = "readings"
        found[id(parsed.message)] = f"{parsed.parser_name}: {number} {word}"
    for failure in facts.failures:
        found[id(failure.message)] = f"failed: {failure.error}"
    return found


def _kept_out(topic: Topic | None) -> str:
    if topic is None:
        return "dropped: the topic has no row"
    if not topic.is_processable:
        return "no parser"
    return "switched off"


def _line(message: Envelope, outcome: str) -> dict[str, Any]:
    return {
        "topic": storable(message.topic)[:MAX_TOPIC],
        "at": message.received_at,
        "size": len(message.payload),
        "qos": message.qos,
        "retain": message.retain,
        "payload": _text(message.payload),
        "outcome": storable(outcome)[:MAX_TEXT],
    }


def _text(payload: bytes) -> str:
    try:
        return storable(payload[: 4 * MAX_TEXT].decode())[:MAX_TEXT]
    except UnicodeDecodeError:
        return payload[:HEX].hex(" ")
