"""A decoded object (JSON, CBOR, MessagePack) as readings, one bad field at a time.

What cannot be stored costs its own field: it becomes a `FieldProblem`, and the others are read.
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.characters import code_point, forbidden
from mqtt_app.domain.facts import (
    Fact,
    FieldProblem,
    ParseError,
    ParseErrorKind,
    ReadingFact,
    Value,
)
from mqtt_app.domain.values import Quantity, UnstorableError, check_text, text_value
from mqtt_app.parsers.base import MAX_DEPTH, MAX_FACTS
from mqtt_app.parsers.generic.key_roles import is_diagnostic
from mqtt_app.parsers.generic.record_times import NO_TIME, take_time

MAX_BYTES = 4096  # of one value
MAX_METRIC = 255  # characters
MAX_NAME = 200  # characters of a name of a device
KNOWN_METRICS = 16_384  # names remembered as well-formed: they come again with every message
MAX_SHOWN = 60  # characters of a name in a message for people
NO_UNITS: Mapping[str, str] = {}


class ReadingOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """What all readings of one record have in common."""

    device: str
    time: float | None = None
    gateway: str | None = None


class StoredValue(msgspec.Struct, frozen=True, gc=False):
    """A value as it is stored, and the unit that was written behind it."""

    value: Value
    unit: str = ""


class TreeReadings:
    """Facts as they are found, never two of one device, metric and time: a later one gets a number
    behind its name.
    """

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self._taken: set[tuple[str, str, float | None]] = set()

    def add_tree(
        self, origin: ReadingOrigin, tree: Any, path: str = "", units: Mapping[str, str] = NO_UNITS
    ) -> None:
        """Every leaf below `tree`; nested names are joined with dots, null gives nothing. `units`
        by metric.
        """
        self._collect(origin, tree, path, units, 0)

    def add(
        self,
        origin: ReadingOrigin,
        metric: str,
        value: object,
        unit: str = "",
        *,
        diagnostic: bool = False,
        is_literal: bool = False,
    ) -> None:
        """One value, or why it was left out. Text follows the grammar of values, unless it
        `is_literal`.
        """
        if value is None or value == "":
            return
        try:
            found = storable(value, _checked_name(metric), is_literal)
        except UnstorableError as error:
            self.leave_out(metric, str(error))
            return
        if found is None:
            return
        if len(self.facts) > MAX_FACTS:
            reason = f"more than {MAX_FACTS:,} values in one message"
            raise ParseError(ParseErrorKind.VALIDATION, reason)
        self.facts.append(
            ReadingFact(
                device=origin.device,
                metric=self._free_name(origin, metric),
                value=found.value,
                time=origin.time,
                gateway=origin.gateway,
                unit=found.unit or unit,
                diagnostic=diagnostic or is_diagnostic(metric),
            )
        )

    def take(self, origin: ReadingOrigin, fact: Fact) -> None:
        """A fact of another reader, with what holds for the whole message."""
        if not isinstance(fact, ReadingFact):
            self.facts.append(fact)
            return
        if fact.time is None:
            time = origin.time
        else:
            time = fact.time
        at = ReadingOrigin(device=fact.device, time=time)
        metric = self._free_name(at, fact.metric)
        self.facts.append(
            msgspec.structs.replace(fact, metric=metric, time=time, gateway=origin.gateway)
        )

    def has(self, origin: ReadingOrigin, metric: str) -> bool:
        return (origin.device, metric, origin.time) in self._taken

    def leave_out(self, field: str, reason: str) -> None:
        self.facts.append(FieldProblem(field=shown(field), reason=reason))

    def _free_name(self, origin: ReadingOrigin, metric: str) -> str:
        name = metric
        count = 1
        while (origin.device, name, origin.time) in self._taken:
            count += 1
            name = f"{metric}#{count}"
        self._taken.add((origin.device, name, origin.time))
        return name

    def _collect(
        self, origin: ReadingOrigin, tree: Any, path: str, units: Mapping[str, str], depth: int
    ) -> None:
        if depth > MAX_DEPTH:
            self.leave_out(path, f"nested deeper than {MAX_DEPTH} levels")
        elif isinstance(tree, dict):
            for key, child in tree.items():
                self._collect(origin, child, joined(path, str(key) or "_"), units, depth + 1)
        elif isinstance(tree, list):
            is_single = len(tree) == 1 and not isinstance(tree[0], dict)
            for place, item in enumerate(tree):
                at, values, name = _located(origin, item, path, "" if is_single else str(place))
                self._collect(at, values, name, units, depth + 1)
        else:
            self.add(origin, path or "value", tree, units.get(path, ""))


def _located(
    origin: ReadingOrigin, item: Any, path: str, place: str
) -> tuple[ReadingOrigin, Any, str]:
    """An item of a list and where it belongs: a record that has a time of its own is a reading at
    that time, under the same name; any other has its place in its name.
    """
    if isinstance(item, dict):
        found = take_time(item)
    else:
        found = NO_TIME
    if found.time is None:
        return origin, item, joined(path, place) if place else path
    at = ReadingOrigin(device=origin.device, time=found.time, gateway=origin.gateway)
    return at, {name: value for name, value in item.items() if name not in found.keys}, path


def storable(value: object, name: str, is_literal: bool = False) -> StoredValue | None:
    """The value as it is stored; None for text that stands for no value. Raises UnstorableError."""
    if isinstance(value, bool):
        return StoredValue(value)
    if isinstance(value, float | int):
        return StoredValue(_finite(value))
    if isinstance(value, bytes):
        if len(value) > MAX_BYTES:
            raise UnstorableError(f"{len(value):,} bytes; the limit is {MAX_BYTES:,}")
        return StoredValue(value)
    if not isinstance(value, str):
        raise UnstorableError(f"a value of type {type(value).__name__} cannot be stored")
    text = value.rstrip("\x00")
    if is_literal:
        found = _literal(text)
    else:
        found = text_value(text, name)
    if found is None:
        return None
    return StoredValue(found.value, found.unit)


def joined(path: str, key: str) -> str:
    if path:
        return f"{path}.{key}"
    return key


def shown(name: str) -> str:
    """A name from a payload as a log can show it: short and printable."""
    plain = name.encode("ascii", "backslashreplace").decode()
    plain = "".join(char if char.isprintable() else "?" for char in plain)
    if len(plain) <= MAX_SHOWN:
        return plain
    return f"{plain[:MAX_SHOWN]}..."


def clean_name(text: str) -> str:
    """A name of a device for people: without what cannot be stored or seen, at most 200 long."""
    found = text.strip()
    while wrong := forbidden(found):
        found = found.replace(wrong, "")
    return found[:MAX_NAME]


def _literal(text: str) -> Quantity | None:
    check_text(text)
    if text:
        return Quantity(text)
    return None


def _finite(number: float) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise UnstorableError("no finite number, or too large to be stored")
    return value


@lru_cache(maxsize=KNOWN_METRICS)
def _checked_name(metric: str) -> str:
    """The last part of a metric that is a name rather than a place in a list. Raises
    UnstorableError for a metric that no column holds.
    """
    if len(metric) > MAX_METRIC:
        reason = f"its name is {len(metric):,} characters long; the limit is {MAX_METRIC}"
        raise UnstorableError(reason)
    if wrong := forbidden(metric):
        raise UnstorableError(f"its name contains the character {code_point(wrong)}")
    return next((part for part in reversed(metric.split(".")) if not part.isdecimal()), metric)
