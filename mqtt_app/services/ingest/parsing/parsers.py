"""The parsers of this process, as the ingest asks them."""

import logging
from collections.abc import Sequence
from functools import cache

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import Availability, DeviceDescription, Fact, ParseError, ReadingFact
from mqtt_app.parsers import registry
from mqtt_app.parsers.base import Message, Parser
from mqtt_app.services.ingest.topics.rows import Topic

log = logging.getLogger(__name__)

STORED = (ReadingFact, Availability, DeviceDescription)


@cache
def installed() -> registry.Registry:
    """Loaded once a process: a newly installed parser is found after a restart."""
    found = registry.load()
    for name, reason in found.failures:
        log.error("The parser %s could not be loaded: %s", name, reason)
    return found


def run(parser: Parser, message: Envelope) -> Sequence[Fact]:
    """Raises ParseError."""
    facts = registry.run(
        parser, Message(message.topic, message.payload, message.received_at, message.retain)
    )
    return [fact for fact in facts if isinstance(fact, STORED)]


def can_parse(message: Envelope, topic: Topic | None) -> bool:
    """Would the topic's parser, or the one that recognises it when it has none, make something of
    the message?
    """
    if topic is not None and topic.is_processable:
        parser = installed().get(topic.parser_name)
    else:
        parser = installed().recognise(message.topic, message.payload)
    try:
        return parser is not None and run(parser, message) is not None
    except ParseError:
        return False
