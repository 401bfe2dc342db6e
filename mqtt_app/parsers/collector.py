"""Readings of one message, so that a bad field costs that field and no place is taken twice."""

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.characters import code_point, forbidden
from mqtt_app.domain.facts import Fact, FieldProblem, ReadingFact, Value
from mqtt_app.domain.values import UnstorableError, check_text, text_value
from mqtt_app.parsers.base import MAX_DEPTH
from mqtt_app.parsers.json_tree import decode, invalid

MAX_METRIC = 255  # characters; the column holds no more
MAX_RAW = 4096  # raw bytes in one reading
MAX_LABEL = 200  # characters of a name, model or version
SHOWN = 60  # characters of a name in an error message


class Meaning(msgspec.Struct, frozen=True):
    """What a format documents of one of its fields."""

    unit: str = ""
    diagnostic: bool = False


MEASUREMENT = Meaning()
RADIO = Meaning(diagnostic=True)
Meanings = Callable[[str], Meaning]


class ReadingCollector:
    """`device`, `gateway` and `time` (unix seconds, or None) hold for what is added later."""

    def __init__(
        self, device: str, *, gateway: str | None = None, time: float | None = None
    ) -> None:
        self.device = device
        self.gateway = gateway
        self.time = time
        self._readings: dict[tuple[str, str, float | None], ReadingFact] = {}
        self._others: list[Fact] = []

    def add_fact(self, fact: Fact) -> None:
        """Any fact that is no reading."""
        self._others.append(fact)

    def add(self, metric: str, value: Value, meaning: Meaning = MEASUREMENT) -> None:
        """The last value of a metric at one time counts."""
        is_common = type(value) is float and math.isfinite(value)
        problem = _name_problem(metric) or ("" if is_common else _value_problem(value))
        if problem:
            self.refuse(metric, problem)
            return
        self._readings[self.device, metric, self.time] = ReadingFact(
            device=self.device,
            metric=metric,
            value=float(value) if type(value) is int else value,
            time=self.time,
            gateway=self.gateway,
            unit=meaning.unit,
            diagnostic=meaning.diagnostic,
        )

    def refuse(self, field: str, reason: str) -> None:
        self._others.append(FieldProblem(field=shown(field), reason=reason))

    def add_leaf(self, metric: str, leaf: Any, meaning: Meaning = MEASUREMENT) -> None:
        """A leaf of decoded JSON, or the text of a whole payload. Null and empty text give nothing;
        a unit within the text counts when the format has none of its own.
        """
        if isinstance(leaf, bool | int | float):
            self.add(metric, leaf, meaning)
        elif isinstance(leaf, str):
            self._add_text(metric, leaf, meaning)

    def add_tree(self, tree: Any, meaning_of: Meanings, path: str = "") -> None:
        """Every leaf of decoded JSON, names joined with dots."""
        for metric, leaf in leaves(tree, path):
            self.add_leaf(metric, leaf, meaning_of(metric))

    def _add_text(self, metric: str, text: str, meaning: Meaning) -> None:
        try:
            quantity = text_value(text.rstrip("\x00"), metric)
        except UnstorableError as error:
            self.refuse(metric, str(error))
            return
        if quantity is not None:
            written = Meaning(meaning.unit or quantity.unit, meaning.diagnostic)
            self.add(metric, quantity.value, written)

    def facts(self) -> list[Fact]:
        return [*self._others, *self._readings.values()]


def decode_object(payload: bytes) -> dict[str, Any]:
    """A JSON object. Raises ParseError for anything else."""
    tree = decode(payload)
    if not isinstance(tree, dict):
        raise invalid("expected a JSON object")
    return tree


def text_at(record: dict[str, Any], key: str) -> str:
    """The text under a key, stripped; "" when there is none."""
    found = record.get(key)
    if isinstance(found, str):
        return found.strip()
    return ""


def label_at(record: dict[str, Any], key: str) -> str:
    """The text under a key as a description can hold it: printable, at most `MAX_LABEL` long."""
    return label(text_at(record, key))


def label(text: str) -> str:
    if text.isprintable():
        return text[:MAX_LABEL]
    return "".join(char for char in text if char.isprintable())[:MAX_LABEL]


def object_at(record: dict[str, Any], key: str) -> dict[str, Any]:
    found = record.get(key)
    if isinstance(found, dict):
        return found
    return {}


def list_at(record: dict[str, Any], key: str) -> list[Any]:
    """The array under a key, empty when there is none."""
    found = record.get(key)
    if isinstance(found, list):
        return found
    return []


def _below(path: str, name: object) -> str:
    if path:
        return f"{path}.{name}"
    return str(name)


def leaves(tree: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """(name, leaf) pairs of decoded JSON, no deeper than `MAX_DEPTH`."""
    if isinstance(tree, dict) and depth < MAX_DEPTH:
        for key, child in tree.items():
            yield from leaves(child, _below(path, key), depth + 1)
    elif isinstance(tree, list) and depth < MAX_DEPTH:
        for place, child in enumerate(tree):
            yield from leaves(child, _below(path, place), depth + 1)
    else:
        yield path or "value", tree


def shown(name: str) -> str:
    """A name as an error message can hold it: short, and of printable characters."""
    return "".join(char if char.isprintable() else "?" for char in name[:SHOWN]) or "(no name)"


@lru_cache(maxsize=16_384)  # names come again with every message
def _name_problem(metric: str) -> str:
    if not metric:
        return "its name is empty"
    if len(metric) > MAX_METRIC:
        return f"its name is {len(metric):,} characters long; the limit is {MAX_METRIC}"
    wrong = forbidden(metric)
    if wrong:
        return f"its name contains the character {code_point(wrong)}"
    return ""


def _value_problem(value: Value) -> str:
    if isinstance(value, int | float):  # a bool too
        return _number_problem(value)
    if isinstance(value, bytes):
        limit = f"its value is {len(value):,} bytes long; the limit is {MAX_RAW:,}"
        if len(value) > MAX_RAW:
            return limit
        return ""
    try:
        check_text(value)
    except UnstorableError as error:
        return str(error)
    return ""


def _number_problem(number: float) -> str:
    try:
        finite = math.isfinite(number)
    except OverflowError:
        return "the number is too large to be stored"
    if finite:
        return ""
    return f"{number} is no finite number"
