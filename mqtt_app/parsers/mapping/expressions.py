"""JMESPath (https://jmespath.org/specification.html), bounded in time and memory on any input.

An expression can only select from the message: it may not build lists or objects, because a few
characters of that double a list again and again (`[@,@][]|[@,@][]|...`). What is left costs at most
the size of the message for each node of the expression, and every step is counted.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from jmespath.exceptions import JMESPathError
from jmespath.parser import Parser as ExpressionParser
from jmespath.visitor import TreeInterpreter

from mqtt_app.domain.facts import ParseError, ParseErrorKind
from mqtt_app.parsers.mapping.errors import MappingError

MAX_LENGTH = 256  # characters
MAX_NODES = 64  # of the compiled expression
MAX_NESTING = 16  # brackets in brackets; the compiler recurses
ITEMS_A_STEP = 16  # of a list or an object; walking over them is that much cheaper than a visit
MAX_STEPS = 100_000  # of all expressions on one message; about 0.1 s

_KINDS = frozenset(
    (
        *("field", "subexpression", "index", "index_expression", "slice", "projection"),
        *("filter_projection", "value_projection", "flatten", "comparator", "and_expression"),
        *("or_expression", "not_expression", "pipe", "literal", "current", "identity"),
        "function_expression",
    )
)
_FUNCTIONS: Mapping[str, range] = {
    **dict.fromkeys(("abs", "avg", "ceil", "floor", "length", "max", "min"), range(1, 2)),
    **dict.fromkeys(("keys", "sum", "to_number", "type", "values"), range(1, 2)),
    **dict.fromkeys(("starts_with", "ends_with"), range(2, 3)),
    "not_null": range(1, 9),
}
"""Those whose answer is no larger than what they are given, and how many arguments they take."""


class StepBudget:
    """The steps that remain for one message; shared by all expressions of its mapping."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self._steps = steps

    def spend(self, steps: int = 1) -> None:
        """Raises ParseError when nothing is left."""
        self._steps -= steps
        if self._steps < 0:
            reason = (
                f"the mapping takes more than {MAX_STEPS:,} steps on this message; map fewer"
                " metrics, or more direct paths"
            )
            raise ParseError(ParseErrorKind.VALIDATION, reason)


class NoAnswerError(ValueError):
    """The expression cannot be applied to this message; `str(error)` is a phrase."""


class Expression(msgspec.Struct, frozen=True):
    """`tree` is None for "", which stands for the value itself."""

    text: str
    tree: dict[str, Any] | None = None

    def find(self, value: Any, budget: StepBudget) -> Any:
        """None when there is nothing at the path. Raises NoAnswerError, and ParseError when the
        budget is used up.
        """
        if self.tree is None:
            return value
        try:
            return _CountingInterpreter(budget).visit(self.tree, value)
        except ParseError:
            raise
        except (JMESPathError, ArithmeticError, TypeError, ValueError) as error:
            raise NoAnswerError(f"{self.text} cannot be applied: {str(error)[:200]}") from None


class _CountingInterpreter(TreeInterpreter):
    def __init__(self, budget: StepBudget) -> None:
        super().__init__()
        self._budget = budget

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._budget.spend()
        found = super().visit(node, *args, **kwargs)
        if isinstance(found, list | dict):
            # Functions, slices and flattening walk over the whole of it without another visit.
            self._budget.spend(len(found) // ITEMS_A_STEP)
        return found


def compile_expression(text: str, field: str) -> Expression:
    """Raises MappingError at `field` for what does not compile or could explode."""
    stripped = text.strip()
    if not stripped:
        return Expression("")
    if len(stripped) > MAX_LENGTH:
        raise MappingError(field, f"The expression is longer than {MAX_LENGTH} characters.")
    if _nesting(stripped) > MAX_NESTING:
        raise MappingError(field, f"The expression has more than {MAX_NESTING} nested brackets.")
    try:
        tree: Any = ExpressionParser().parse(stripped).parsed
    except (JMESPathError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise MappingError(
            field, f"The expression does not compile: {reason}. Enter a JMESPath such as data.temp."
        ) from None
    _check_nodes(tree, field)
    return Expression(stripped, tree)


def _nesting(text: str) -> int:
    """Signs of negation count as brackets: the compiler recurses for them, too."""
    depth = 0
    deepest = 0
    for sign in text:
        if sign in "([{!":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ")]}":
            depth -= 1
    return deepest


def _check_nodes(tree: dict[str, Any], field: str) -> None:
    todo = [tree]
    count = 0
    while todo:
        node = todo.pop()
        count += 1
        if count > MAX_NODES:
            raise MappingError(field, f"The expression has more than {MAX_NODES} parts.")
        _check_node(node, field)
        todo += [child for child in node["children"] if isinstance(child, dict)]


def _check_node(node: dict[str, Any], field: str) -> None:
    kind = node["type"]
    if kind not in _KINDS:
        what = kind.replace("_", " ")
        raise MappingError(
            field, f"The expression builds something new ({what}). Only select from the message."
        )
    if kind == "literal" and isinstance(node["value"], list | dict):
        raise MappingError(
            field, "The expression holds a list or an object. Use numbers, texts and true or false."
        )
    if kind == "function_expression":
        _check_function(node, field)


def _check_function(node: dict[str, Any], field: str) -> None:
    name = node["value"]
    counts = _FUNCTIONS.get(name)
    if counts is None:
        known = ", ".join(sorted(_FUNCTIONS))
        raise MappingError(field, f"The function {name} cannot be used here. Known are: {known}.")
    if len(node["children"]) not in counts:
        raise MappingError(field, f"The function {name} has the wrong number of arguments.")
