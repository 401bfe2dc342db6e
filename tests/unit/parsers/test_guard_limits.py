"""The guard around parsers: each limit of what can be stored, at the limit and one beyond it."""

import math
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    GatewayDevices,
    Liveness,
    MetricDescription,
    ParseError,
    ReadingFact,
    Remark,
    Remembered,
    TopicDescription,
)
from mqtt_app.parsers import storable
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.built_in import built_ins
from mqtt_app.parsers.registry import Registry, load, run
from tests.narrowing import kind_of, present

NOW = 1_700_000_000.0
PARSERS = {parser.name: parser for parser in built_ins()}


class Made:
    version = "1"

    def __init__(
        self, name: str = "made", confidence: float = 0.5, answer: Sequence[Fact] = ()
    ) -> None:
        self.name, self.confidence, self.answer = name, confidence, answer

    def matches(self, topic: str, sample: bytes) -> float:
        return self.confidence

    def parse(self, message: Message) -> Sequence[Fact]:
        return self.answer


def passes(fact: Fact) -> bool:
    """False when a problem of one field stands in its place, which a log can hold."""
    (found,) = run(Made(answer=[fact]), Message("a", b"x", NOW))
    if isinstance(found, FieldProblem):
        assert found.field.encode()
        assert found.reason.encode()
        return False
    return True


def shown(fact: ReadingFact) -> list[tuple[type[Fact], float | None]]:
    """What is made of the fact: its kind, and its time if it is a reading."""
    found = run(Made(answer=[fact]), Message("a", b"x", NOW))
    return [(type(item), getattr(item, "time", None)) for item in found]


def reading(**changes: Any) -> ReadingFact:
    values: dict[str, Any] = {"device": "d", "metric": "m", "value": 1.0, **changes}
    return ReadingFact(**values)


@pytest.mark.parametrize(
    ("confidence", "chosen"), [(0.1, True), (0.099, False), (5.0, True), (math.inf, False)]
)
def test_from_a_tenth_of_confidence_on_a_parser_is_chosen(confidence: float, chosen: bool) -> None:
    assert (Registry([Made(confidence=confidence)]).recognise("a", b"") is not None) is chosen


def test_nobody_is_surer_than_sure() -> None:
    found = Registry([Made("first", 1.0), Made("boaster", 7.0)]).recognise("a", b"")
    assert present(found).name == "first"


# The guard around every parser


@pytest.mark.parametrize(
    ("fact", "fits"),
    [
        (reading(metric="x" * 255), True),
        (reading(metric="x" * 256), False),
        (reading(device="x" * 512), True),
        (reading(device="x" * 513), False),
        (reading(gateway="x" * 512), True),
        (reading(gateway="x" * 513), False),
        (reading(gateway=None), True),
        (reading(value="x" * 4096), True),
        (reading(value="x" * 4097), False),
        (reading(value=b"x" * 4096), True),
        (reading(value=b"x" * 4097), False),
        (reading(value=b"\x00"), True),
        (reading(value=True), True),
        (reading(value=[]), False),
        (reading(value=-math.inf), False),
        (reading(time=-62_135_510_400.0), True),
        (reading(time=253_402_128_000.0), True),
        (reading(unit="x" * 64), True),
        (reading(unit="x" * 65), False),
        (reading(unit="a\x00"), False),
        (reading(time=5), True),
        (DeviceDescription(device="d", name="x" * 200), True),
        (DeviceDescription(device="d", name="x" * 201), False),
        (DeviceDescription(device="d", name="a\x00"), False),
        (DeviceDescription(device="d", name=""), True),
        (DeviceDescription(device="d", model="\ud800"), False),
        (MetricDescription(device="d", metric="x" * 256), False),
        (MetricDescription(device="d", metric="x" * 255), True),
        (GatewayDevices(gateway="g", devices=("a", "")), False),
        (GatewayDevices(gateway="g", devices=("a", "b")), True),
        (Remembered(key="k", value=b"x" * 262_144), True),
        (Remembered(key="k", value=b"x" * 262_145), False),
        (Remembered(key="k", value=None), True),
        (TopicDescription(source="s", unit="a\x00"), False),
        (DeviceDescription(device="", name="a"), False),
        (Availability(identifier="x" * 512, state=Liveness.ONLINE), True),
        (Availability(identifier="x" * 513, state=Liveness.ONLINE), False),
        (Availability(identifier="x", state=Liveness.ONLINE, gateway=""), False),
        (reading(value="\U0001f600"), True),
        (reading(value="\ud800"), False),
        (reading(value="\ue000"), True),
    ],
)
def test_what_fits_into_a_row(fact: Fact, fits: bool) -> None:
    assert passes(fact) is fits


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric": ""},
        {"device": "new\x00"},
        {"gateway": "new\x00"},
        {"value": math.nan},
        {"value": math.inf},
        {"unit": "\x00"},
    ],
)
def test_names_that_are_known_spare_no_other_check(wrong: dict[str, float | str]) -> None:
    known = {"device": "known", "metric": "known", "gateway": "relay", "time": NOW}
    assert passes(reading(**known))
    assert not passes(reading(**known | wrong))


@pytest.mark.parametrize(
    "time", [1e12, -1e12, math.nan, -62_135_510_401.0, 253_402_128_001.0, "now"]
)
def test_a_bad_time_costs_the_time_only(time: float | str) -> None:
    assert shown(reading(time=time)) == [(FieldProblem, None), (ReadingFact, None)]
    assert shown(reading(time=time)) == [(FieldProblem, None), (ReadingFact, None)]  # now known


def test_one_bad_field_costs_no_other() -> None:
    answer = [reading(metric="a"), reading(metric="b", value=math.nan), reading(metric="c")]
    found = run(Made(answer=answer), Message("a", b"x", NOW))
    assert [type(fact) for fact in found] == [ReadingFact, FieldProblem, ReadingFact]
    problem = kind_of(FieldProblem, found[1])
    assert (problem.field, "finite" in problem.reason) == ("b", True)


def test_what_a_parser_says_of_a_problem_is_cut_to_what_a_log_holds() -> None:
    answer: list[Fact] = [
        FieldProblem(field="\ud800" * 300, reason="\x00" * 900),
        Remark(text="x" * 900),
    ]
    found = run(Made(answer=answer), Message("a", b"x", NOW))
    problem, remark = kind_of(FieldProblem, found[0]), kind_of(Remark, found[1])
    assert (len(problem.field), len(problem.reason), len(remark.text)) == (100, 500, 500)
    assert "\x00" not in problem.reason
    assert problem.field.encode()


def test_names_are_known_after_their_first_reading_and_forgotten_by_the_thousand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(storable, "SEEN", 3)
    monkeypatch.setattr(storable, "_metrics", set())
    monkeypatch.setattr(storable, "_identifiers", set())
    common = reading(device="d1", metric="m1")
    assert not storable._is_common(common)
    assert passes(common)
    assert storable._is_common(common)
    assert not storable._is_common(reading(device="d1", metric="m1", gateway="g"))
    assert passes(reading(device="d1", metric="m1", gateway="g"))
    assert storable._is_common(reading(device="d1", metric="m1", gateway="g"))
    for number in range(3):
        assert passes(reading(device="d1", metric=f"other {number}"))
    assert len(storable._metrics) <= 3


@pytest.mark.parametrize(("length", "fits"), [(0, False), (1, True), (100, True), (101, False)])
def test_how_long_the_name_of_a_parser_may_be(length: int, fits: bool) -> None:
    registry_ = load([_Point(Made("n" * length))])
    assert (registry_.get("n" * length) is not None, len(registry_.failures)) == (
        fits,
        0 if fits else 1,
    )


class _Point(EntryPoint):
    """Gives this parser, or what makes it."""

    def __init__(self, made: Made | type[Made]) -> None:
        super().__init__("point", "", "")
        vars(self)["made"] = made

    def load(self) -> Made | type[Made]:
        made: Made | type[Made] = vars(self)["made"]
        return made


@pytest.mark.parametrize("missing", ["name", "version", "matches", "parse"])
def test_a_parser_has_a_name_a_version_and_two_methods(missing: str) -> None:
    made = Made()
    setattr(made, missing, None)
    failures = load([_Point(made)]).failures
    assert [name for name, _ in failures] == ["point"]


def test_an_entry_point_may_be_a_class_or_a_ready_parser() -> None:
    assert load([_Point(Made)]).get("made") is not None
    assert load([_Point(Made())]).get("made") is not None


def test_two_entry_points_of_one_name_are_one_parser_and_one_failure() -> None:
    found = load([_Point(Made()), _Point(Made())])
    assert ([parser.name for parser in found.parsers][-1], len(found.failures)) == ("made", 1)


def test_the_order_of_the_built_in_parsers_decides_ties() -> None:
    names = [parser.name for parser in built_ins()]
    assert names[0] == "home_assistant"
    assert names[-1] == "scalar"
    assert names.index("milesight") < names.index("cbor") < names.index("json")


@pytest.mark.parametrize(("count", "fits"), [(100_000, True), (100_001, False)])
def test_a_parser_may_give_a_hundred_thousand_facts(count: int, fits: bool) -> None:
    made, message = Made(answer=[reading()] * count), Message("a", b"x", NOW)
    if fits:
        assert len(run(made, message)) == count
    else:
        with pytest.raises(ParseError, match="100,000"):
            run(made, message)


@pytest.mark.parametrize(("size", "fits"), [(1_048_576, True), (1_048_577, False)])
def test_a_parser_is_given_a_megabyte_at_most(size: int, fits: bool) -> None:
    message = Message("a", b"x" * size, NOW)
    if fits:
        assert run(Made(answer=[reading()]), message) == [reading()]
    else:
        with pytest.raises(ParseError, match="1,048,577"):
            run(Made(answer=[reading()]), message)


def test_halves_of_surrogate_pairs_are_refused_from_the_first_to_the_last() -> None:
    codes = {0xD7FF: True, 0xD800: False, 0xDFFF: False, 0xE000: True}
    assert {code: passes(reading(value=chr(code))) for code in codes} == codes
