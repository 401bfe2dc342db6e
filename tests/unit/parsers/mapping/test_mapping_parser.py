"""A mapping reads messages of a family that no built-in parser knows."""

import json
from typing import Any

import cbor2
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mqtt_app.domain.facts import (
    DeviceDescription,
    Fact,
    FieldProblem,
    ParseError,
    ParseErrorKind,
    ReadingFact,
)
from mqtt_app.parsers import registry
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.mapping.definition import as_json, read_definition
from mqtt_app.parsers.mapping.errors import MappingError
from mqtt_app.parsers.mapping.parser import SURE, MappingParser

TOPIC = "hall/kiln7/state"
KILN: dict[str, Any] = {
    "version": 1,
    "filter": "{site}/{device}/+",
    "device": {"text": "{site}/{device}"},
    "time": {"path": "hdr.at"},
    "gateway": {"text": "{site}"},
    "metrics": [
        {"name": {"text": "temperature"}, "value": "zone.t", "unit": {"text": "°C"}, "scale": 0.5},
        {"name": {"text": "door"}, "value": "zone.door", "type": "boolean"},
    ],
    "description": {"model": {"path": "hdr.type"}},
}
PAYLOAD = {"hdr": {"at": 1_700_000_000, "type": "KX"}, "zone": {"t": 9_215, "door": "on"}}
ENCODED = [json.dumps(PAYLOAD).encode(), cbor2.dumps(PAYLOAD), msgpack.packb(PAYLOAD)]


def parser_of(changes: dict[str, Any]) -> MappingParser:
    return MappingParser("mapping:kiln", "1", read_definition({**KILN, **changes}))


def facts_of(parser: MappingParser, payload: object, topic: str = TOPIC) -> list[Fact]:
    encoded = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return list(registry.run(parser, Message(topic, encoded, 1_700_000_100.0)))


@pytest.mark.parametrize("payload", ENCODED, ids=["json", "cbor", "messagepack"])
def test_paths_and_levels_give_device_time_values_and_units(payload: bytes) -> None:
    described, temperature, door = facts_of(parser_of({}), payload)
    assert described == DeviceDescription(device="hall/kiln7", model="KX", gateway="hall")
    common = ReadingFact(
        device="hall/kiln7", metric="", value=0.0, time=1_700_000_000.0, gateway="hall"
    )
    assert temperature == replace(common, metric="temperature", value=4607.5, unit="°C")
    assert door == replace(common, metric="door", value=True)


def test_each_element_of_a_list_is_a_record_that_may_name_its_own_metric() -> None:
    parser = parser_of(
        {
            "each": "values",
            "device": {"path": "id", "of_message": True},
            "gateway": {},
            "time": {},
            "metrics": [{"name": {"path": "n"}, "value": "v", "unit": {"path": "u"}}],
            "description": {},
        }
    )
    payload = {"id": 17, "values": [{"n": "t", "v": "21.5", "u": "°C"}, {"n": "h", "v": 40}]}
    assert facts_of(parser, payload) == [
        ReadingFact(device="17", metric="t", value=21.5, unit="°C"),
        ReadingFact(device="17", metric="h", value=40.0),
    ]


def test_all_numbers_under_a_path_are_metrics_that_no_rule_names() -> None:
    parser = parser_of(
        {
            "time": {},
            "gateway": {},
            "description": {},
            "metrics": [{"name": {"text": "m.a"}, "value": "m.a", "offset": 1}],
            "leaves": [{"under": "m", "prefix": "m"}],
        }
    )
    found = facts_of(parser, {"m": {"a": 1, "b": {"c": 2, "text": "no"}, "on": True}})
    values = {fact.metric: fact.value for fact in found if isinstance(fact, ReadingFact)}
    assert values == {"m.a": 2.0, "m.b.c": 2.0, "m.on": True}


def test_a_field_of_another_type_is_left_out_and_named_and_the_others_are_kept() -> None:
    found = facts_of(parser_of({}), {**PAYLOAD, "zone": {"t": {"x": 1}, "door": "on"}})
    problems = [fact for fact in found if isinstance(fact, FieldProblem)]
    assert problems == [
        FieldProblem(field="temperature", reason="it holds several values, not one")
    ]
    assert [fact.metric for fact in found if isinstance(fact, ReadingFact)] == ["door"]


@pytest.mark.parametrize(
    ("payload", "kind", "reason"),
    [
        (b'{"other": 1}', ParseErrorKind.VALIDATION, "nothing is at any of the mapping's paths"),
        (b"{", ParseErrorKind.PARSE, "breaks off"),
        (b"\xff\x13\x00rubbish", ParseErrorKind.PARSE, "neither JSON nor CBOR nor MessagePack"),
        (b'"' + b"x" * 262_144 + b'"', ParseErrorKind.VALIDATION, "a mapping reads up to 262,144"),
    ],
)
def test_a_message_that_gives_nothing_is_an_error_with_its_reason(
    payload: bytes, kind: ParseErrorKind, reason: str
) -> None:
    with pytest.raises(ParseError, match=reason) as caught:
        facts_of(parser_of({}), payload)
    assert caught.value.kind is kind


def test_summing_a_long_list_again_and_again_uses_the_steps_up() -> None:
    sums = [{"name": {"text": f"m{number}"}, "value": "sum(a)"} for number in range(64)]
    payload = {"a": [1] * 80_000}
    with pytest.raises(ParseError, match="more than 100,000 steps"):
        facts_of(parser_of({"metrics": sums}), payload)


def test_more_records_than_a_mapping_reads_are_refused() -> None:
    with pytest.raises(ParseError, match="more than 10,000 records"):
        facts_of(parser_of({}), [{}] * 10_001)


def test_the_mapping_is_sure_of_trees_on_its_filter_alone() -> None:
    parser = parser_of({})
    assert parser.matches(TOPIC, ENCODED[0]) == SURE
    assert parser.matches(TOPIC, b"21.5") == 0.0
    assert parser.matches(TOPIC, b"\xff\x13") == 0.0
    assert parser.matches("hall/kiln7", ENCODED[0]) == 0.0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": 2}, "version"),
        ({"filter": "a/{x}/{x}"}, "filter"),
        ({"filter": "a/b{x}"}, "filter"),
        ({"filter": "a/#/b"}, "filter"),
        ({"device": {}}, "device"),
        ({"device": {"text": "{floor}"}}, "device.text"),
        ({"device": {"text": "a", "path": "b"}}, "device"),
        ({"time": {"text": "now"}}, "time.text"),
        ({"metrics": []}, "metrics"),
        ({"metrics": [{"name": {}, "value": "a"}]}, "metrics.0.name"),
        ({"metrics": [{"name": {"text": "a"}, "value": "a."}]}, "metrics.0.value"),
        ({"metrics": [{"name": {"text": "a"}, "value": "a", "scale": 0}]}, "metrics.0.scale"),
        ({"metrics": [{"name": {"text": "a"}, "value": 5}]}, "metrics.0.value"),
        ({"metrics": [KILN["metrics"][0]] * 65}, "metrics"),
        ({"each": "[@,@]"}, "each"),
    ],
)
def test_a_definition_that_cannot_be_used_is_refused_at_its_field(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(MappingError) as caught:
        parser_of(changes)
    assert caught.value.field == field


def test_a_field_that_no_definition_has_is_named() -> None:
    with pytest.raises(MappingError, match="metricz"):
        read_definition({**KILN, "metricz": []})


def test_a_definition_is_the_same_after_it_has_travelled_as_json() -> None:
    definition = read_definition(KILN)
    assert read_definition(json.loads(json.dumps(as_json(definition)))) == definition


def fault_of(payload: bytes) -> ParseErrorKind | None:
    try:
        facts_of(parser_of({"leaves": [{}]}), payload)
    except ParseError as error:
        return error.kind
    return None


@given(st.binary(max_size=200))
def test_any_bytes_give_facts_or_an_error_of_the_message(payload: bytes) -> None:
    assert fault_of(payload) is not ParseErrorKind.UNKNOWN
