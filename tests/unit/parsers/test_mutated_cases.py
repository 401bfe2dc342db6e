"""Every parser survives the messages of every other one, whole and damaged; what the parsers of no
known family read from any JSON can be stored, and is the same each time.
"""

import json
import math
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_app.domain.facts import (
    Fact,
    FieldProblem,
    ParseError,
    ParseErrorKind,
    ReadingFact,
    Remark,
)
from mqtt_app.domain.word_lists import words
from mqtt_app.parsers.base import Message, Parser
from mqtt_app.parsers.built_in import built_ins
from mqtt_app.parsers.generic.key_roles import known
from mqtt_app.parsers.registry import run
from tests.unit.parsers.test_cases import CASES, ROOT, payload_of

NOW = 1_700_000_000.0
KEYS = st.text(max_size=8) | st.sampled_from(
    words(
        "a b a.b _ ts t time value val unit id name type phase device mac serial model state status"
        " temp data values 1700000000 1700000000000 #2 a#2 0 1"
    )
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["offline", "ON", "nan", "1.2 kW", '{"a":1}', "L1", 1_700_000_000, 10**20])
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
TOPICS = st.sampled_from(["a/b", "a/status", "a/online", "a/1/connected", "a/set", "x", "/", "a//"])


def messages() -> Iterator[tuple[str, bytes]]:
    """(topic, payload) of every case, the huge ones left out."""
    for case in CASES:
        given_messages = json.loads((ROOT / case / "message.json").read_text())
        for entry in given_messages if isinstance(given_messages, list) else [given_messages]:
            if "payload_repeated" not in entry:
                yield entry["topic"], payload_of(entry)


MESSAGES = sorted(set(messages()))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A message of a case with a part of its payload cut out, doubled or replaced."""
    topic, payload = draw(st.sampled_from(MESSAGES))
    start = draw(st.integers(0, len(payload)))
    end = draw(st.integers(start, len(payload)))
    part = payload[start:end] * draw(st.integers(0, 2))
    instead = draw(st.sampled_from([b"", b"\x00", b"\xff", b"NaN", b'"', b"{", b"[[", b"1e999"]))
    return topic, payload[:start] + part + instead + payload[end:]


def facts_of(parser: Parser, topic: str, payload: bytes) -> list[Fact] | None:
    """None for a ParseError that is no fault of the parser; a fault is raised."""
    try:
        return list(run(parser, Message(topic, payload, NOW)))
    except ParseError as error:
        if error.kind is ParseErrorKind.UNKNOWN:
            raise
        return None


@pytest.mark.parametrize("parser", built_ins(), ids=lambda parser: parser.name)
def test_every_parser_survives_the_messages_of_every_other(parser: Parser) -> None:
    for topic, payload in MESSAGES:
        assert 0.0 <= parser.matches(topic, payload) <= 1.0
        facts_of(parser, topic, payload)


@pytest.mark.parametrize("parser", built_ins(), ids=lambda parser: parser.name)
@settings(deadline=None)
@given(message=damaged())
def test_every_parser_survives_damaged_messages(parser: Parser, message: tuple[str, bytes]) -> None:
    assert 0.0 <= parser.matches(*message) <= 1.0
    facts_of(parser, *message)


def assert_storable(facts: list[Fact]) -> None:
    places = [(f.device, f.metric, f.time) for f in facts if isinstance(f, ReadingFact)]
    assert len(places) == len(set(places))
    for fact in facts:
        if isinstance(fact, ReadingFact) and isinstance(fact.value, float):
            assert math.isfinite(fact.value)
        elif isinstance(fact, FieldProblem):
            assert (fact.field + fact.reason).encode()
        elif isinstance(fact, Remark):
            assert fact.text


@pytest.mark.parametrize(
    "parser", [p for p in built_ins() if p.name in ("json", "scalar")], ids=lambda p: p.name
)
@settings(deadline=None)
@given(topic=TOPICS, tree=TREES, lines=st.integers(1, 3))
def test_what_is_read_can_be_stored_in_a_place_of_its_own_and_is_the_same_again(
    parser: Parser, topic: str, tree: object, lines: int
) -> None:
    payload = b"\n".join([json.dumps(tree).encode()] * lines)
    known.clear()  # so that the keys are new first, and the quick way is taken only then
    facts = facts_of(parser, topic, payload)
    assert_storable(facts or [])
    assert facts == facts_of(parser, topic, payload)


@settings(deadline=None)
@given(
    value=st.integers(-(10**9), 10**9).map(lambda number: number / 1_000)
    | st.sampled_from(["ON", "1.2 kW", "heating", "007"]),
    name=st.sampled_from(["temp", "state", "x", "door"]),
)
def test_a_list_of_one_and_an_object_of_one_value_have_the_name_of_the_value(
    value: float | str, name: str
) -> None:
    parser = next(p for p in built_ins() if p.name == "json")
    bare = json.dumps(value).strip('"').encode()
    forms = [bare, [value], {"value": value}, [[value]]]
    encoded = [form if isinstance(form, bytes) else json.dumps(form).encode() for form in forms]
    assert len({str(facts_of(parser, f"d/{name}", payload)) for payload in encoded}) == 1
