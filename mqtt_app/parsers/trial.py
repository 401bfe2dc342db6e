"""One message tried on all parsers: which claim it, and what the surest of them makes of it."""

import msgspec

from mqtt_app.domain.facts import Fact, ParseError
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.registry import THRESHOLD, Registry, confidence, run


class ParserClaim(msgspec.Struct, frozen=True):
    """How sure a parser is that the message is its own: more than 0.0, up to 1.0."""

    parser: str
    version: str
    confidence: float


class ParserTrial(msgspec.Struct, frozen=True):
    """`claims`: the surest first. `facts` are those of the first; empty, with `error`, when it could
    not read the message, and empty without one when the message holds nothing to store.
    """

    claims: tuple[ParserClaim, ...]
    facts: tuple[Fact, ...] = ()
    error: ParseError | None = None


def try_parsers(registry: Registry, message: Message) -> ParserTrial:
    """Births and other earlier messages are not known to the parsers here."""
    claims = claims_of(registry, message)
    if claims:
        parser = registry.get(claims[0].parser)
    else:
        parser = None
    if parser is None:
        return ParserTrial(claims)
    try:
        return ParserTrial(claims, tuple(run(parser, message)))
    except ParseError as error:
        return ParserTrial(claims, error=error)


def claims_of(registry: Registry, message: Message) -> tuple[ParserClaim, ...]:
    """All parsers that would take the topic; first the one that `Registry.recognise` gives."""
    asked = (
        ParserClaim(parser.name, parser.version, confidence(parser, message.topic, message.payload))
        for parser in registry.parsers
    )
    found = [claim for claim in asked if claim.confidence >= THRESHOLD]
    return tuple(sorted(found, key=lambda claim: -claim.confidence))
