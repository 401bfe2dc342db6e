"""A decoded object (JSON, CBOR, MessagePack) as readings, one bad field at a time.

What cannot be stored costs its own field: it becomes a `FieldProblem`, and the others are read.
"""

import math
import re
from collections.abc import Mapping
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
from mqtt_app.domain.ingest.times import looks_like_time, parse_time
from mqtt_app.parsers.base import MAX_DEPTH, MAX_FACTS

MAX_TEXT = 4096  # characters or bytes of one value
MAX_METRIC = 255  # characters
MAX_NAME = 200  # characters of a name of a device
MAX_SHOWN = 60  # characters of a name in a message for people
EXACT_DIGITS = 15  # more than these a float would change: such a number names something
TIME_KEYS = ("ts", "timestamp", "time")
EARLIEST_EPOCH = 1e8  # seconds: the year 1973; less is a duration or a counter
NO_UNITS: Mapping[str, str] = {}
DIAGNOSTIC = frozenset(
    ["rssi", "snr", "lorasnr", "linkquality", "lqi", "fcnt", "f_cnt", "uptime", "heap", "free_heap"]
)

_NUMBER = re.compile(
    r"[+-]?(?:0|[1-9][0-9]{0,40})(?:\.[0-9]{1,40}(?:[eE][+-]?[0-9]{1,3})?)?", re.ASCII
)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What all readings of one record have in common."""

    device: str
    time: float | None = None
    gateway: str | None = None


class Readings:
    """Facts as they are found, never two of one device, metric and time."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self._taken: set[tuple[str, str, float | None]] = set()

    def add_tree(
        self, origin: Origin, tree: Any, path: str = "", units: Mapping[str, str] = NO_UNITS
    ) -> None:
        """Every leaf below `tree`; nested names are joined with dots, null gives nothing. `units`
        by metric.
        """
        self._collect(origin, tree, path, units, 0)

    def add(
        self,
        origin: Origin,
        metric: str,
        value: object,
        unit: str = "",
        *,
        diagnostic: bool = False,
        is_literal: bool = False,
    ) -> None:
        """One value, or why it was left out. Text that is written like a number is one, unless it
        `is_literal`.
        """
        if value is None or value == "":
            return
        reason = _why_no_metric(metric)
        found = None if reason else storable(value, is_literal)
        if isinstance(found, Unfit) or found is None:
            self.leave_out(metric, reason or (found.reason if found else "it is no value"))
            return
        place = (origin.device, metric, origin.time)
        if place in self._taken:
            self.leave_out(metric, "the message has two values under this name")
            return
        if len(self.facts) > MAX_FACTS:
            reason = f"more than {MAX_FACTS:,} values in one message"
            raise ParseError(ParseErrorKind.VALIDATION, reason)
        self._taken.add(place)
        self.facts.append(
            ReadingFact(
                device=origin.device,
                metric=metric,
                value=found,
                time=origin.time,
                gateway=origin.gateway,
                unit=unit,
                diagnostic=diagnostic or metric.rpartition(".")[2].lower() in DIAGNOSTIC,
            )
        )

    def has(self, origin: Origin, metric: str) -> bool:
        return (origin.device, metric, origin.time) in self._taken

    def leave_out(self, field: str, reason: str) -> None:
        self.facts.append(FieldProblem(field=shown(field), reason=reason))

    def _collect(
        self, origin: Origin, tree: Any, path: str, units: Mapping[str, str], depth: int
    ) -> None:
        if depth > MAX_DEPTH:
            self.leave_out(path, f"nested deeper than {MAX_DEPTH} levels")
        elif isinstance(tree, dict):
            for key, child in tree.items():
                self._collect(origin, child, joined(path, str(key) or "_"), units, depth + 1)
        elif isinstance(tree, list):
            for place, item in enumerate(tree):
                self._collect(*_located(origin, item, path, place), units, depth + 1)
        else:
            self.add(origin, path or "value", tree, units.get(path, ""))


def _located(origin: Origin, item: Any, path: str, place: int) -> tuple[Origin, Any, str]:
    """An item of a list and where it belongs: a record that has a time of its own is a reading at
    that time, under the same name; any other has its place in its name.
    """
    key = time_key(item) if isinstance(item, dict) else ""
    if not key:
        return origin, item, joined(path, str(place))
    at = Origin(device=origin.device, time=parse_time(item[key]), gateway=origin.gateway)
    return at, {name: value for name, value in item.items() if name != key}, path


class Unfit(msgspec.Struct, frozen=True):
    """Why a value cannot be stored."""

    reason: str


def storable(value: object, is_literal: bool = False) -> Value | Unfit:
    """The value as it is stored: numbers as floats, also those in text that is not literal."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float | int):
        return _finite(value)
    if isinstance(value, bytes):
        if len(value) > MAX_TEXT:
            return Unfit(f"{len(value):,} bytes; the limit is {MAX_TEXT:,}")
        return value
    if not isinstance(value, str):
        return Unfit(f"a value of type {type(value).__name__} cannot be stored")
    return _text(value.rstrip("\x00"), is_literal)


def time_key(record: Mapping[str, Any]) -> str:
    """The key under which a record has its time; "" when it has none."""
    for key in TIME_KEYS:
        value = record.get(key)
        if isinstance(value, str) and looks_like_time(value) and parse_time(value) is not None:
            return key
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if value >= EARLIEST_EPOCH and parse_time(value) is not None:
            return key
    return ""


def joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def shown(name: str) -> str:
    """A name of a stranger as it can be shown: short and without odd characters."""
    plain = name.encode("ascii", "backslashreplace").decode()
    plain = "".join(char if char.isprintable() else "?" for char in plain)
    return plain if len(plain) <= MAX_SHOWN else f"{plain[:MAX_SHOWN]}..."


def is_number(text: str) -> bool:
    """A person would read it as a number: no leading zeros, no exponent without a point, and not
    so many digits that it names something.
    """
    if _NUMBER.fullmatch(text) is None:
        return False
    mantissa = text.lower().partition("e")[0]
    return sum(char.isdigit() for char in mantissa) <= EXACT_DIGITS


def _text(text: str, is_literal: bool) -> Value | Unfit:
    if len(text) > MAX_TEXT:
        return Unfit(f"{len(text):,} characters; the limit is {MAX_TEXT:,}")
    if "\x00" in text:
        return Unfit("the text contains a NUL character")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        return Unfit("the text contains half of a surrogate pair")
    return _finite(float(text)) if not is_literal and is_number(text) else text


def _finite(number: float) -> Value | Unfit:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    return value if math.isfinite(value) else Unfit("it is no finite number")


def _why_no_metric(metric: str) -> str:
    """Why the name cannot be stored; "" when it can."""
    if len(metric) > MAX_METRIC:
        return f"its name is {len(metric):,} characters long; the limit is {MAX_METRIC}"
    if wrong := forbidden(metric):
        return f"its name contains the character {code_point(wrong)}"
    if not metric.isascii() and any("\ud800" <= char <= "\udfff" for char in metric):
        return "its name contains half of a surrogate pair"
    return ""


def clean_name(text: str) -> str:
    """A name of a device for people: without what cannot be stored or seen, at most 200 long."""
    found = text.strip()
    while wrong := forbidden(found):
        found = found.replace(wrong, "")
    return found[:MAX_NAME]
