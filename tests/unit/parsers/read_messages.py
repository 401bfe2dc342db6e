"""What the built-in parsers make of one message, for tables of examples."""

import json
from collections.abc import Sequence

import pytest

from mqtt_app.domain.facts import Fact, FieldProblem, ParseError, ReadingFact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.built_in import built_ins
from mqtt_app.parsers.registry import run

NOW = 1_700_000_000.0
PARSERS = {parser.name: parser for parser in built_ins()}


def facts(
    name: str,
    topic: str,
    payload: object,
) -> Sequence[Fact]:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return run(PARSERS[name], Message(topic, raw, NOW))


def values(
    name: str,
    topic: str,
    payload: object,
) -> dict[str, float | bool | str | bytes]:
    """{metric: value} of what is read."""
    found = facts(name, topic, payload)
    return {fact.metric: fact.value for fact in found if isinstance(fact, ReadingFact)}


def problems(name: str, topic: str, payload: object) -> dict[str, str]:
    """{field: reason} of what was left out."""
    found = facts(name, topic, payload)
    return {fact.field: fact.reason for fact in found if isinstance(fact, FieldProblem)}


def error(name: str, topic: str, payload: bytes) -> ParseError:
    with pytest.raises(ParseError) as caught:
        facts(name, topic, payload)
    return caught.value
