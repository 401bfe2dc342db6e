"""Each parser, on the topics of its own cases: any bytes, any JSON, any memory, and its cases'
payloads with bytes changed, cut off and repeated.
"""

import json
from collections import defaultdict
from collections.abc import KeysView
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from hypothesis.strategies._internal.core import DataObject

from mqtt_app.domain.facts import ParseError, ParseErrorKind
from mqtt_app.parsers.base import Message, Parser
from mqtt_app.parsers.built_in import built_ins
from mqtt_app.parsers.registry import run
from tests.unit.parsers.test_cases import CASES, ROOT, payload_of

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)


def entries_by_parser() -> dict[str, list[dict[str, Any]]]:
    """{parser: [message of a case]}, the huge ones left out."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for case in CASES:
        given_messages = json.loads((ROOT / case / "message.json").read_text())
        messages = given_messages if isinstance(given_messages, list) else [given_messages]
        found[case.parts[0]] += [entry for entry in messages if "payload_repeated" not in entry]
    return found


def keys_of(entry: dict[str, Any]) -> KeysView[str] | tuple[()]:
    tree = entry.get("json")
    return tree.keys() if isinstance(tree, dict) else ()


ENTRIES = entries_by_parser()
KEYS = {
    name: sorted({key for entry in entries for key in keys_of(entry)})
    for name, entries in ENTRIES.items()
}
WORDS = {
    name: sorted({word for entry in entries for word in entry["topic"].split("/")})
    for name, entries in ENTRIES.items()
}


@st.composite
def mutated(draw: st.DrawFn, payload: bytes) -> bytes:
    """The payload with a part cut out, and other bytes in its place."""
    start = draw(st.integers(0, len(payload)))
    end = draw(st.integers(start, len(payload)))
    middle = draw(
        st.binary(max_size=4) | st.sampled_from([b"null", b"[]", b"{}", b"1e999", b"NaN"])
    )
    return payload[:start] + middle * draw(st.integers(1, 3)) + payload[end:]


def trees(keys: list[str]) -> SearchStrategy[Any]:
    names = st.text(max_size=10) | (st.sampled_from(keys) if keys else st.nothing())
    return st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
        max_leaves=12,
    )


def outcome(parser: Parser, message: Message) -> ParseErrorKind | None:
    """None, or the kind of the error."""
    try:
        run(parser, message)
    except ParseError as error:
        return error.kind
    return None


@pytest.mark.parametrize("parser", built_ins(), ids=lambda parser: parser.name)
@settings(max_examples=50, deadline=None)  # other processes take the processor, too
@given(data=st.data())
def test_no_parser_fails_on_its_own_topics(parser: Parser, data: DataObject) -> None:
    entry = data.draw(st.sampled_from(ENTRIES[parser.name]))
    trees_of_its_keys = trees(KEYS[parser.name]).map(lambda tree: json.dumps(tree).encode())
    payload = data.draw(mutated(payload_of(entry)) | st.binary(max_size=60) | trees_of_its_keys)
    topic = entry["topic"]
    if data.draw(st.booleans()):
        topic = "/".join(data.draw(st.lists(st.sampled_from(WORDS[parser.name]), min_size=1)))
    remembers = getattr(parser, "remembers", lambda _: ())
    memory = {key: data.draw(st.binary(max_size=20)) for key in remembers(topic)}
    message = Message(topic or "a", payload, 1_700_000_000.0, False, "", memory)
    assert 0.0 <= parser.matches(message.topic, payload) <= 1.0
    assert outcome(parser, message) != ParseErrorKind.UNKNOWN
