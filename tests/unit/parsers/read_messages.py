"""What the built-in parsers make of one message, for tables of examples."""

import json

import pytest

from mqtt_app.domain.facts import FieldProblem, ParseError, ReadingFact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.registry import built_ins, run

NOW = 1_700_000_000.0
PARSERS = {parser.name: parser for parser in built_ins()}


def facts(name, topic, payload):
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return run(PARSERS[name], Message(topic, raw, NOW))


def values(name, topic, payload):
    """{metric: value} of what is read."""
    found = facts(name, topic, payload)
    return {fact.metric: fact.value for fact in found if isinstance(fact, ReadingFact)}


def problems(name, topic, payload):
    """{field: reason} of what was left out."""
    found = facts(name, topic, payload)
    return {fact.field: fact.reason for fact in found if isinstance(fact, FieldProblem)}


def error(name, topic, payload):
    with pytest.raises(ParseError) as caught:
        facts(name, topic, payload)
    return caught.value
