"""The parsers of this process, as ingest calls them."""

import logging
from collections.abc import Sequence
from functools import cache

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import Fact, ParseError
from mqtt_app.parsers import registry
from mqtt_app.parsers.base import Message, Parser
from mqtt_app.services.ingest.records import Topic

log = logging.getLogger(__name__)


@cache
def installed() -> registry.Registry:
    """Loaded once a process: a newly installed parser is found after a restart."""
    found = registry.load()
    for name, reason in found.failures:
        log.error("The parser %s could not be loaded: %s", name, reason)
    return found


def run(parser: Parser, message: Envelope) -> Sequence[Fact]:
    """Raises ParseError."""
    return registry.run(
        parser, Message(message.topic, message.payload, message.received_at, message.retain)
    )


def can_parse(message: Envelope, topic: Topic | None) -> bool:
    """Whether the topic's parser, or the one that recognises it when it has none, makes something
    of the message.
    """
    if topic is not None and topic.is_processable:
        parser = installed().get(topic.parser_name)
    else:
        parser = installed().recognise(message.topic, message.payload)
    if parser is None:
        return False
    try:
        run(parser, message)
    except ParseError:
        return False
    return True
