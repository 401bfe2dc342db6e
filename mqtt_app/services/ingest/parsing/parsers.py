"""The parsers of this process, as ingest calls them."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache

import msgspec

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import Fact, ParseError
from mqtt_app.parsers import registry
from mqtt_app.parsers.base import NOTHING, Message, Parser
from mqtt_app.parsers.recognition import recognise
from mqtt_app.services.ingest.records import Topic

log = logging.getLogger(__name__)


@cache
def installed() -> registry.Registry:
    """Loaded once a process: a newly installed parser is found after a restart."""
    found = registry.load()
    for name, reason in found.failures:
        log.error("The parser %s could not be loaded: %s", name, reason)
    return found


def run(
    parser: Parser,
    message: Envelope,
    *,
    time_zone: str = "",
    memory: Mapping[str, bytes] = NOTHING,
) -> Sequence[Fact]:
    """Raises ParseError. An empty payload is never an error: it deletes what a broker retained."""
    try:
        return registry.run(
            parser,
            Message(
                message.topic,
                message.payload,
                message.received_at,
                message.retain,
                time_zone,
                memory,
            ),
        )
    except ParseError:
        if message.payload:
            raise
        return ()


def as_asked(topic: Topic, parser_name: str) -> Topic:
    """The topic as a replay by this parser sees it, pinned so that no other takes it over; "" leaves
    it as it is.
    """
    if not parser_name:
        return topic
    return msgspec.structs.replace(
        topic, parser_name=parser_name, is_processable=True, is_pinned=True
    )


def can_parse(message: Envelope, topic: Topic | None) -> bool:
    """Whether the topic's parser, or the one that recognises it when it has none, makes something
    of the message.
    """
    if topic is not None and topic.is_processable:
        parser = installed().get(topic.parser_name)
    else:
        found = recognise(installed(), message.topic, [message.payload])
        if found:
            parser = installed().get(found.parser_name)
        else:
            parser = None
    if parser is None:
        return False
    try:
        run(parser, message)
    except ParseError:
        return False
    return True
