"""Samples of an unknown family give a mapping that reads them."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.facts import ParseError, ParseErrorKind, ReadingFact
from mqtt_app.parsers import registry
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.mapping.definition import (
    MappingDefinition,
    TextSource,
    as_json,
    read_definition,
)
from mqtt_app.parsers.mapping.parser import MappingParser
from mqtt_app.parsers.mapping.proposing.propose import MappingProposal, MappingSample, propose


def sample(topic: str, tree: Any) -> MappingSample:
    return MappingSample(topic, json.dumps(tree).encode())


def kilns() -> list[MappingSample]:
    return [sample(f"hall/kiln{number % 3}/x", kiln(number)) for number in range(6)]


def kiln(number: int) -> dict[str, Any]:
    return {
        "hdr": {"ts": 1_700_000_000 + number, "model": "KX", "site": "north"},
        "zone": {"temp_C": 900 + number, "door open": number % 2 == 0},
        "phase": ("heat", "hold")[number % 2],
    }


def proposed(found: MappingProposal) -> MappingDefinition:
    assert found.definition is not None
    return found.definition


def test_keys_become_time_metrics_units_and_model_and_the_level_that_varies_the_device() -> None:
    found = proposed(propose("hall/#", kilns()))
    assert found.filter == "hall/{device}/+"
    assert found.device == TextSource(text="hall/{device}")
    assert found.time == TextSource(path="hdr.ts")
    assert found.description.model == TextSource(path="hdr.model")
    values = {rule.name.text: (rule.value, rule.unit.text) for rule in found.metrics}
    assert values == {
        "zone.temp_C": ("zone.temp_C", "°C"),
        "zone.door open": ('zone."door open"', ""),
        "phase": ("phase", ""),
    }


def test_a_text_that_never_changes_is_left_out_and_that_is_said() -> None:
    notes = propose("hall/#", kilns()).notes
    assert notes == ("Always the same text, and left out: hdr.site.",)


def test_the_same_samples_give_the_same_proposal() -> None:
    assert propose("hall/#", kilns()) == propose("hall/#", kilns())


def test_samples_that_are_no_tree_are_counted_and_the_others_are_read() -> None:
    rubbish = MappingSample("hall/kiln1/x", b"\xff\x13\x00rubbish")
    found = propose("hall/#", [*kilns(), rubbish])
    assert found.notes[0] == "1 of 7 samples are no JSON, CBOR or MessagePack."
    assert proposed(found) == proposed(propose("hall/#", kilns()))


def test_rubbish_alone_gives_no_mapping_and_the_reason() -> None:
    found = propose("hall/#", [MappingSample("hall/a", b"\xff\x13\x00rubbish")])
    assert found.definition is None
    assert found.notes[-1] == "No sample holds an object with keys to map."


def test_a_key_that_names_the_device_goes_before_the_topic() -> None:
    samples = [
        sample(f"x/{place}", {"deveui": f"70B3D57ED000000{place}", "level": 3.5 + place})
        for place in range(3)
    ]
    assert proposed(propose("x/+", samples)).device == TextSource(path="deveui")


def test_a_list_of_named_values_is_one_rule() -> None:
    values = [{"name": "t", "value": 1, "unit": "°C"}, {"name": "h", "value": 2, "unit": "%"}]
    samples = [
        sample("plant/all", {"dev": f"PX-{number}", "time": 1_700_000_000, "vals": values})
        for number in range(3)
    ]
    found = proposed(propose("plant/all", samples))
    assert found.each == "vals"
    assert found.device == TextSource(path="dev", of_message=True)
    assert found.time == TextSource(path="time", of_message=True)
    [rule] = found.metrics
    assert (rule.name.path, rule.value, rule.unit.path) == ("name", "value", "unit")


def test_a_level_whose_values_have_keys_of_their_own_is_no_device() -> None:
    samples = [
        sample(f"hall/{device}/{kind}", {kind: device * 1.5})
        for device in (1, 2)
        for kind in ("flow", "level")
    ]
    assert proposed(propose("hall/+/+", samples)).filter == "hall/{device}/+"


def test_what_is_proposed_reads_every_sample_that_it_was_made_from() -> None:
    parser = MappingParser("mapping:kiln", "1", proposed(propose("hall/#", kilns())))
    found = [
        fact
        for one in kilns()
        for fact in registry.run(parser, Message(one.topic, one.payload, 1_700_000_100.0))
    ]
    readings = [fact for fact in found if isinstance(fact, ReadingFact)]
    assert len(readings) == 6 * 3
    assert {fact.device for fact in readings} == {"hall/kiln0", "hall/kiln1", "hall/kiln2"}


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4)
    ),
    max_leaves=20,
)


def fault_of(parser: MappingParser, one: MappingSample) -> ParseErrorKind | None:
    try:
        registry.run(parser, Message(one.topic, one.payload, 1_700_000_100.0))
    except ParseError as error:
        return error.kind
    return None


@given(st.lists(TREES, max_size=4))
def test_any_samples_give_a_mapping_that_can_be_stored_or_none(trees: list[Any]) -> None:
    samples = [sample("a/b", tree) for tree in trees]
    found = propose("a/#", samples)
    if found.definition is not None:
        parser = MappingParser("mapping:any", "1", read_definition(as_json(found.definition)))
        faults = {fault_of(parser, one) for one in samples}
        assert ParseErrorKind.UNKNOWN not in faults
