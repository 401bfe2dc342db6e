"""Readings of one message, so that a bad field costs that field and no place is taken twice."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from mqtt_app.domain.characters import code_point, forbidden
from mqtt_app.domain.facts import Fact, FieldProblem, ReadingFact, Value
from mqtt_app.parsers.base import MAX_DEPTH
from mqtt_app.parsers.json_tree import decode, invalid

MAX_METRIC = 255  # characters; the column holds no more
MAX_TEXT = 4096  # characters of text or raw bytes in one reading
MAX_LABEL = 200  # characters of a name, model or version
SHOWN = 60  # characters of a name in an error message

# Digits that a person reads as a number: no leading zeros, no exponent, at most 15 of them.
_NUMBER = re.compile(r"-?(?=[0-9.]{1,16}\Z)(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)


class Meaning(msgspec.Struct, frozen=True):
    """What a format documents of one of its fields."""

    unit: str = ""
    diagnostic: bool = False


MEASUREMENT = Meaning()
RADIO = Meaning(diagnostic=True)
Meanings = Callable[[str], Meaning]


class ReadingCollector:
    """`device`, `gateway` and `time` (unix seconds, or None) hold for what is added from then on."""

    def __init__(
        self, device: str, *, gateway: str | None = None, time: float | None = None
    ) -> None:
        self.device = device
        self.gateway = gateway
        self.time = time
        self._readings: dict[tuple[str, str, float | None], ReadingFact] = {}
        self._others: list[Fact] = []

    def say(self, fact: Fact) -> None:
        """Any fact that is no reading."""
        self._others.append(fact)

    def add(self, metric: str, value: Value, meaning: Meaning = MEASUREMENT) -> None:
        """The last value of a metric at one time counts."""
        problem = _name_problem(metric) or _value_problem(value)
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

    def add_tree(self, tree: Any, meaning_of: Meanings, path: str = "") -> None:
        """Every leaf of decoded JSON, names joined with dots; null and empty text give nothing."""
        for metric, leaf in leaves(tree, path):
            value = leaf_value(leaf)
            if value is not None:
                self.add(metric, value, meaning_of(metric))

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
    return found.strip() if isinstance(found, str) else ""


def label_at(record: dict[str, Any], key: str) -> str:
    """The text under a key as a description can hold it: printable, at most `MAX_LABEL` long."""
    return label(text_at(record, key))


def label(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:MAX_LABEL]


def object_at(record: dict[str, Any], key: str) -> dict[str, Any]:
    found = record.get(key)
    return found if isinstance(found, dict) else {}


def leaves(tree: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """(name, leaf) pairs of decoded JSON, no deeper than `MAX_DEPTH`."""
    if isinstance(tree, dict) and depth < MAX_DEPTH:
        for key, child in tree.items():
            yield from leaves(child, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(tree, list) and depth < MAX_DEPTH:
        for place, child in enumerate(tree):
            yield from leaves(child, f"{path}.{place}" if path else str(place), depth + 1)
    else:
        yield path or "value", tree


def leaf_value(leaf: Any) -> Value | None:
    """None for what is no value: null, empty text, an object that is nested too deep."""
    if isinstance(leaf, str):
        text = leaf.strip().rstrip("\x00")
        return text_value(text) if text else None
    return leaf if isinstance(leaf, bool | int | float) else None


def text_value(text: str) -> Value:
    """The number that a person would read, or else the text itself."""
    return float(text) if _NUMBER.fullmatch(text) else text


def shown(name: str) -> str:
    """A name as an error message can hold it: short, and of printable characters."""
    return "".join(char if char.isprintable() else "?" for char in name[:SHOWN]) or "(no name)"


def _name_problem(metric: str) -> str:
    if not metric:
        return "its name is empty"
    if len(metric) > MAX_METRIC:
        return f"its name is {len(metric):,} characters long; the limit is {MAX_METRIC}"
    wrong = forbidden(metric)
    return f"its name contains the character {code_point(wrong)}" if wrong else ""


def _value_problem(value: Value) -> str:
    if isinstance(value, int | float):  # a bool too
        return _number_problem(value)
    if len(value) > MAX_TEXT:
        return f"its value is {len(value):,} long; the limit is {MAX_TEXT:,}"
    return _text_problem(value) if isinstance(value, str) else ""


def _text_problem(value: str) -> str:
    if "\x00" in value:
        return "its text contains a NUL character"
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        return "its text contains half of a surrogate pair"
    return ""


def _number_problem(number: float) -> str:
    try:
        finite = math.isfinite(number)
    except OverflowError:
        return "the number is too large to be stored"
    return "" if finite else f"{number} is no finite number"
