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
from mqtt_app.services.ingest.parsing.mapped import LIMIT, mapped_parsers
from mqtt_app.services.ingest.records import SiteRules, Topic

log = logging.getLogger(__name__)


@cache
def installed() -> registry.Registry:
    """Loaded once a process: a newly installed parser is found after a restart."""
    found = registry.load()
    for name, reason in found.failures:
        log.error("The parser %s could not be loaded: %s", name, reason)
    return found


def of(rules: SiteRules) -> registry.Registry:
    """The parsers of a site: its mappings, which people made for it, before those installed."""
    return of_site(rules.site_id, rules.mappings_version)


def of_site(site_id: int, mappings_version: int) -> registry.Registry:
    """As `of`, for callers without rules."""
    everywhere = installed()
    if not mappings_version:
        return everywhere
    mapped = mapped_parsers(site_id, mappings_version)
    if not mapped:
        return everywhere
    known = _combined.get(site_id)
    if known is None or known.mapped is not mapped or known.everywhere is not everywhere:
        if len(_combined) >= LIMIT:
            _combined.clear()
        both = registry.Registry([*mapped, *everywhere.parsers], everywhere.failures)
        known = _Combined(mapped, everywhere, both)
        _combined[site_id] = known
    return known.both


class _Combined(msgspec.Struct, frozen=True):
    """A registry, and what it was made of."""

    mapped: Sequence[Parser]
    everywhere: registry.Registry
    both: registry.Registry


_combined: dict[int, _Combined] = {}


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


def can_parse(message: Envelope, topic: Topic | None, known: registry.Registry) -> bool:
    """Whether the topic's parser, or the one that recognises it when it has none, makes something
    of the message. `known`: the parsers of its site.
    """
    if topic is not None and topic.is_processable:
        parser = known.get(topic.parser_name)
    else:
        found = recognise(known, message.topic, [message.payload])
        if found:
            parser = known.get(found.parser_name)
        else:
            parser = None
    if parser is None:
        return False
    try:
        run(parser, message)
    except ParseError:
        return False
    return True
