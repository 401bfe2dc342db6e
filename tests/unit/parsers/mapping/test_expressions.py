"""Paths select from a message; nothing that could explode is compiled, and every step counts."""

import pytest

from mqtt_app.domain.facts import ParseError
from mqtt_app.parsers.mapping.errors import MappingError
from mqtt_app.parsers.mapping.expressions import (
    MAX_LENGTH,
    NoAnswerError,
    StepBudget,
    compile_expression,
)

MESSAGE = {"zone": {"temp": 21.5, "door open": True}, "list": [{"k": "a", "v": 1}, {"k": "b"}]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", MESSAGE),
        ("zone.temp", 21.5),
        ('zone."door open"', True),
        ("list[0].v", 1),
        ("list[?k=='b'] | [0].k", "b"),
        ("list[*].k", ["a", "b"]),
        ("length(list)", 2),
        ("nothing.there", None),
    ],
)
def test_a_path_finds_what_it_points_to(path: str, expected: object) -> None:
    assert compile_expression(path, "value").find(MESSAGE, StepBudget()) == expected


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("zone.", "does not compile"),
        ("a" * (MAX_LENGTH + 1), "longer than"),
        ("(" * 17 + "a" + ")" * 17, "nested brackets"),
        ("!" * 200 + "a", "nested brackets"),
        (".".join("a" * 70), "more than 64 parts"),
        ("[@, @][] | [@, @][]", "builds something new"),
        ("{a: @, b: @}", "builds something new"),
        ("map(&@, list)", "cannot be used here"),
        ("sort_by(list, &v)", "cannot be used here"),
        ("join(@, @)", "cannot be used here"),
        ("to_string(@)", "cannot be used here"),
        ("`[1, 1, 1, 1]`", "holds a list or an object"),
        ("length(@, @)", "wrong number of arguments"),
        ("\ud800", "does not compile"),
        ("a\x00", "does not compile"),
    ],
)
def test_what_does_not_compile_or_could_explode_is_refused_at_its_field(
    path: str, reason: str
) -> None:
    with pytest.raises(MappingError, match=reason) as caught:
        compile_expression(path, "metrics.0.value")
    assert caught.value.field == "metrics.0.value"


def test_an_expression_that_does_not_fit_the_message_says_so() -> None:
    with pytest.raises(NoAnswerError, match="cannot be applied"):
        compile_expression("sum(zone)", "value").find(MESSAGE, StepBudget())


@pytest.mark.parametrize(
    "path",
    [
        "[*]" + "[*]" * 20,
        "[*].a || [*].b || [*].c || [*].d || [*].e || [*].f || [*].g || [*].h || [*].i",
        "[?a[?a[?a]] || b[?b] || c || d || e || f || g || h]",
        "[][][] | [*].a.b.c.d.e.f.g.h",
    ],
)
def test_an_expression_ends_when_its_steps_are_used_up(path: str) -> None:
    expression = compile_expression(path, "value")
    large: list[object] = [[[1]]] * 130_000
    with pytest.raises(ParseError, match="more than 100,000 steps"):
        expression.find(large, StepBudget())


def test_all_expressions_of_a_message_share_its_steps() -> None:
    budget = StepBudget(steps=5)
    expression = compile_expression("zone.temp", "value")
    expression.find(MESSAGE, budget)
    with pytest.raises(ParseError):
        expression.find(MESSAGE, budget)
