import math
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    Liveness,
    ParseError,
    ParseErrorKind,
    ReadingFact,
)
from mqtt_app.parsers.base import MAX_FACTS, MAX_PAYLOAD, Message
from mqtt_app.parsers.registry import GROUP, THRESHOLD, Registry, load, run
from tests.narrowing import kind_of, present

MESSAGE = Message("a/b", b"x", 1_700_000_000.0)


class Made:
    """A parser made of what it answers; an exception is raised. Also of what no parser may answer."""

    version = "1"

    def __init__(self, name: str = "made", confidence: object = 0.5, answer: object = ()) -> None:
        self.name, self.confidence, self.answer = name, confidence, answer

    def matches(self, topic: str, sample: bytes) -> Any:
        return given(self.confidence)

    def parse(self, message: Message) -> Any:
        return given(self.answer)


def given(answer: object) -> object:
    if isinstance(answer, BaseException):
        raise answer
    return answer


def reading(**changes: Any) -> ReadingFact:
    return ReadingFact(**{"device": "d", "metric": "m", "value": 1.0, **changes})


def error_of(
    answer: Exception | Iterator[Any] | list[ReadingFact | str], message: Message = MESSAGE
) -> ParseError:
    with pytest.raises(ParseError) as caught:
        run(Made(answer=answer), message)
    return caught.value


def recognised(*parsers: Made) -> str | None:
    found = Registry(parsers).recognise("a/b", b"x")
    return found.name if found else None


def test_the_surest_parser_is_chosen() -> None:
    assert recognised(Made("unsure", 0.2), Made("sure", 0.9)) == "sure"


def test_the_earlier_of_two_equally_sure_parsers_is_chosen() -> None:
    assert recognised(Made("first", 0.5), Made("second", 0.5)) == "first"


@pytest.mark.parametrize(
    "confidence", [0.0, THRESHOLD / 2, math.nan, "much", None, RecursionError()]
)
def test_a_parser_without_confidence_is_not_chosen(
    confidence: RecursionError | float | str | None,
) -> None:
    assert recognised(Made("odd", confidence)) is None


def test_a_parser_that_fails_to_match_does_not_hide_the_others() -> None:
    assert recognised(Made("broken", ValueError("no")), Made("good", 0.3)) == "good"


@pytest.mark.parametrize(
    ("topic", "sample", "name"),
    [
        ("zigbee2mqtt/lamp", b'{"a":1}', "zigbee2mqtt"),
        ("tele/plug/SENSOR", b'{"a":1}', "tasmota"),
        ("plug/tele/LWT", b"Online", "tasmota"),
        ("plant/dev1", b'{"a":1}', "json"),
        ("plant/dev1", b'{"a":', "json"),
        ("plant/dev1", b"21.5", "scalar"),
    ],
)
def test_built_in_parsers_know_their_own(topic: str, sample: bytes, name: str) -> None:
    assert present(load([]).recognise(topic, sample)).name == name


@pytest.mark.parametrize(
    "sample", [b"\x00\xff\x12", b"", b" \n", b"\x00", b"nan", b"-", b"null", b"\xe4\xf6\xfc"]
)
def test_nothing_is_recognised_by_noise_or_by_what_stands_for_no_value(sample: bytes) -> None:
    assert load([]).recognise("plant/dev1", sample) is None


def test_an_entry_point_that_fails_is_reported_and_the_others_work() -> None:
    registry = load(
        [
            EntryPoint("gone", "no_such_module_here:Parser", GROUP),
            EntryPoint("odd", "math:pi", GROUP),
        ]
    )
    assert [name for name, _ in registry.failures] == ["gone", "odd"]
    assert "no_such_module_here" in registry.failures[0][1]
    assert registry.get("json") is not None
    assert "no_such_module_here" in str(registry.absence("gone"))
    assert "not installed" in str(registry.absence("never"))


def test_a_name_that_is_taken_is_refused() -> None:
    registry = load([EntryPoint("again", "mqtt_app.parsers.scalar:ScalarParser", GROUP)])
    assert "already" in registry.failures[0][1]


@pytest.mark.parametrize("fault", [ValueError("odd"), RecursionError("deep"), MemoryError("much")])
def test_any_fault_of_a_parser_is_an_unknown_error_with_its_cause(fault: Exception) -> None:
    found = error_of(fault)
    assert found.kind == ParseErrorKind.UNKNOWN
    assert found.__cause__ is fault


def test_a_parse_error_passes_unchanged() -> None:
    told = ParseError(ParseErrorKind.PARSE, "mine")
    assert error_of(told) is told


def test_a_fault_while_facts_are_generated_is_caught() -> None:
    found = error_of(1 / 0 for _ in range(1))
    assert (found.kind, type(found.__cause__)) == (ParseErrorKind.UNKNOWN, ZeroDivisionError)


@pytest.mark.parametrize(
    "answer",
    [
        reading(value=math.nan),
        reading(value=math.inf),
        reading(value=10**400),
        reading(value="a\x00"),
        reading(value="\ud800"),
        reading(value=None),
        reading(value="x" * 5000),
        reading(value=b"x" * 5000),
        reading(device=""),
        reading(device="a\x00"),
        reading(device="x" * 513),
        reading(metric=""),
        reading(metric="x" * 256),
        reading(metric=7),
        reading(gateway=""),
        Availability(identifier="\udc00", state=Liveness.ONLINE),
        DeviceDescription(device="", name="a"),
    ],
)
def test_facts_that_could_not_be_stored_become_problems_of_their_field(answer: Fact) -> None:
    (found,) = run(Made(answer=[answer]), MESSAGE)
    assert isinstance(found, FieldProblem)


def test_the_metric_at_fault_is_named_and_the_others_are_kept() -> None:
    found = run(Made(answer=[reading(), reading(metric="oil", value=math.nan)]), MESSAGE)
    assert found[0] == reading()
    assert kind_of(FieldProblem, found[1]).field == "oil"


def test_an_integer_is_stored_as_a_float() -> None:
    (found,) = run(Made(answer=[reading(value=3, time=5.0, gateway="g")]), MESSAGE)
    assert found == reading(value=3.0, time=5.0, gateway="g")
    assert isinstance(kind_of(ReadingFact, found).value, float)


def test_something_else_than_facts_is_a_fault_of_the_parser() -> None:
    assert error_of(["reading"]).kind == ParseErrorKind.UNKNOWN


def test_an_endless_answer_is_cut_short_and_refused() -> None:
    assert "100,000" in str(error_of(reading() for _ in iter(int, 1)))


def test_as_many_facts_as_allowed_pass() -> None:
    assert len(run(Made(answer=[reading()] * MAX_FACTS), MESSAGE)) == MAX_FACTS


def test_a_payload_that_is_too_large_is_refused_before_parsing() -> None:
    assert "limit" in str(error_of([reading()], Message("a", b"x" * (MAX_PAYLOAD + 1), 0.0)))
