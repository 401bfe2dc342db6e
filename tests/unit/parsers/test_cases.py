"""Every folder in tests/cases/<parser>/ is a test: a message in, facts or an error out."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    GatewayDevices,
    MetricDescription,
    ParseError,
    ReadingFact,
    Remark,
    Remembered,
    TopicDescription,
)
from mqtt_app.parsers.base import Message, Parser
from mqtt_app.parsers.registry import load, run
from tests.narrowing import present

ROOT = Path(__file__).parents[2] / "cases"
CASES = sorted(path.parent.relative_to(ROOT) for path in ROOT.glob("*/*/message.json"))


NAMES = {
    ReadingFact: "reading",
    Availability: "availability",
    DeviceDescription: "device",
    MetricDescription: "metric",
    TopicDescription: "topic",
    GatewayDevices: "gateway_devices",
    Remembered: "remembered",
    FieldProblem: "field_problem",
    Remark: "remark",
}


def payload_of(given: dict[str, Any]) -> bytes:
    """`payload` is text, `payload_base64` any bytes, `payload_repeated` a list of [text, times];
    `json` a value.
    """
    if "json" in given:
        return json.dumps(given["json"]).encode()
    if "payload_base64" in given:
        return base64.b64decode(given["payload_base64"])
    return "".join(
        text * times for text, times in given.get("payload_repeated", [[given.get("payload"), 1]])
    ).encode()


def as_data(fact: Fact) -> dict[str, Any]:
    """The fact with its kind as key, and without what is at its default."""
    defaults = dict(zip(fact.__struct_fields__[::-1], fact.__struct_defaults__[::-1], strict=False))
    values = msgspec.to_builtins(fact)
    return {
        NAMES[type(fact)]: {
            key: value
            for key, value in values.items()
            if key not in defaults or defaults[key] != value
        }
    }


def facts_of(parser: Parser, given: list[dict[str, Any]]) -> list[Fact]:
    """Facts of the last message; what the earlier ones left in the parser's memory is there."""
    memory: dict[str, bytes] = {}
    found: list[Fact] = []
    for entry in given:
        message = Message(
            entry["topic"],
            payload_of(entry),
            entry.get("received_at", 1_700_000_000.0),
            entry.get("retain", False),
            entry.get("time_zone", ""),
            memory,
        )
        found = list(run(parser, message))
        for fact in found:
            if isinstance(fact, Remembered):
                memory.pop(fact.key, None)
                if fact.value is not None:
                    memory[fact.key] = fact.value
    return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_parser_says_what_the_case_expects(case: Path) -> None:
    """`message.json` is a message, or a list of those that came one after the other."""
    given = json.loads((ROOT / case / "message.json").read_text())
    expected = json.loads((ROOT / case / "expected.json").read_text())
    messages = given if isinstance(given, list) else [given]
    parser = present(load([]).get(case.parts[0]))
    if "facts" in expected:
        found = [as_data(fact) for fact in facts_of(parser, messages)]
        assert json.dumps(found, sort_keys=True) == json.dumps(expected["facts"], sort_keys=True)
        return
    with pytest.raises(ParseError) as caught:
        facts_of(parser, messages)
    assert (str(caught.value.kind), expected["says"] in str(caught.value)) == (
        expected["error"],
        True,
    ), caught.value


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_parser_of_the_case_is_the_one_that_is_chosen(case: Path) -> None:
    given = json.loads((ROOT / case / "message.json").read_text())
    expected = json.loads((ROOT / case / "expected.json").read_text())
    last = given[-1] if isinstance(given, list) else given
    if "error" in expected or last.get("chosen", True) is False:
        pytest.skip("a message that no one would be chosen for")
    chosen = load([]).recognise(last["topic"], payload_of(last))
    assert chosen is not None
    assert chosen.name == last.get("chosen", case.parts[0])


def test_there_are_cases_for_every_built_in_parser() -> None:
    assert {case.parts[0] for case in CASES} == {parser.name for parser in load([]).parsers}
