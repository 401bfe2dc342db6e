"""Every folder in tests/cases/<parser>/ is a test: a message in, facts or an error out."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mqtt_app.domain.readings import Fact, ParseError
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.registry import load, run

ROOT = Path(__file__).parents[2] / "cases"
CASES = sorted(path.parent.relative_to(ROOT) for path in ROOT.glob("*/*/message.json"))


def payload_of(told: dict[str, Any]) -> bytes:
    """`payload` is text, `payload_base64` any bytes, `payload_repeated` a list of [text, times]."""
    if "payload_base64" in told:
        return base64.b64decode(told["payload_base64"])
    return "".join(
        text * times for text, times in told.get("payload_repeated", [[told.get("payload"), 1]])
    ).encode()


def as_told(fact: Fact) -> dict[str, Any]:
    """The fact with its type as key and without what is at its default."""
    values = msgspec.to_builtins(fact)
    return {
        type(fact).__name__.lower(): {
            key: value for key, value in values.items() if keep(key, value)
        }
    }


def keep(key: str, value: object) -> bool:
    return value is not None and not (key == "is_gateway" and value is False)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_parser_says_what_the_case_expects(case):
    told = json.loads((ROOT / case / "message.json").read_text())
    expected = json.loads((ROOT / case / "expected.json").read_text())
    message = Message(told["topic"], payload_of(told), told["received_at"])
    parser = load([]).get(case.parts[0])
    if "facts" in expected:
        found = [as_told(fact) for fact in run(parser, message)]
        assert json.dumps(found, sort_keys=True) == json.dumps(expected["facts"], sort_keys=True)
        return
    with pytest.raises(ParseError) as caught:
        run(parser, message)
    assert (str(caught.value.kind), expected["says"] in str(caught.value)) == (
        expected["error"],
        True,
    ), caught.value


def test_there_are_cases_for_every_built_in_parser():
    assert {case.parts[0] for case in CASES} == {parser.name for parser in load([]).parsers}
