"""What parsers of device families share: text of a payload, values of its fields, one problem a
field instead of one error a message.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.characters import code_point, forbidden
from mqtt_app.domain.facts import Fact, FieldProblem, Liveness, ReadingFact, Value
from mqtt_app.domain.values import Quantity, UnstorableError, check_text
from mqtt_app.domain.values import number as read_number

MAX_METRIC = 255  # characters of a metric's name; the column holds no more
BOM = "\ufeff"

NO_VALUE = frozenset({"", "-", "--", "nan", "-nan", "+nan", "null", "none", "undefined", "inf"})

_ONLINE = frozenset({"online", "true", "1", "connected", "ready", "alive"})
_OFFLINE = frozenset({"offline", "false", "0", "disconnected", "lost", "dead"})
_ASLEEP = frozenset({"asleep", "sleeping", "sleep", "deepsleep"})


class Trait(msgspec.Struct, frozen=True):
    """What a format says of all metrics of one kind. `ignored`: no reading at all."""

    unit: str = ""
    diagnostic: bool = False
    ignored: bool = False


PLAIN = Trait()
IGNORED = Trait(ignored=True)
DIAGNOSTIC = Trait(diagnostic=True)


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """How the fields of one message are read.

    `trait` describes a metric by its name; `read` makes a value of a string, or None for no value.
    """

    device: str
    trait: Callable[[str], Trait]
    read: Callable[[str], Value | Quantity | None]
    time: float | None = None
    gateway: str | None = None

    def facts(self, tree: Any, path: str = "") -> list[Fact]:
        """A reading for each leaf of decoded JSON, named by its keys joined with dots."""
        found: list[Fact] = []
        seen: set[str] = set()
        for metric, leaf in leaves(tree, path):
            if len(metric) > MAX_METRIC:
                found.append(_problem(metric, unfit(metric, None)))
                continue
            trait = self.trait(metric)
            if trait.ignored:
                continue
            if metric in seen:
                found.append(_problem(metric, "two fields of the message have this name"))
                continue
            seen.add(metric)
            found += self.fact(metric, leaf, trait)
        return found

    def fact(self, metric: str, leaf: object, trait: Trait) -> tuple[Fact, ...]:
        """The reading of one field, the reason why it cannot be stored, or nothing for no value."""
        value: object = self.read(leaf) if isinstance(leaf, str) else leaf
        unit = trait.unit
        if isinstance(value, Quantity):
            unit = value.unit or unit
            value = value.value
        if value is None:
            return ()
        if problem := unfit(metric, value):
            return (_problem(metric, problem),)
        has_unit = not isinstance(value, bool | str)
        reading = ReadingFact(
            device=self.device,
            metric=metric,
            value=float(value) if has_unit else value,  # type: ignore[arg-type]
            time=self.time,
            gateway=self.gateway,
            unit=unit if has_unit else "",
            diagnostic=trait.diagnostic,
        )
        return (reading,)


def leaves(tree: Any, path: str = "") -> list[tuple[str, object]]:
    """(name, scalar) of decoded JSON; `tree` is no deeper than `json_tree.decode` allows."""
    found: list[tuple[str, object]] = []
    _collect(tree, path, found)
    return found


def _collect(tree: Any, path: str, found: list[tuple[str, object]]) -> None:
    if isinstance(tree, dict):
        for key, child in tree.items():
            _collect(child, f"{path}.{key}" if path else key or "_", found)
    elif isinstance(tree, list):
        for place, child in enumerate(tree):
            _collect(child, f"{path}.{place}" if path else str(place), found)
    else:
        found.append((path or "value", tree))


def _problem(metric: str, reason: str) -> FieldProblem:
    return FieldProblem(field=metric[:MAX_METRIC], reason=reason)


def unfit(metric: str, value: object) -> str:
    """Why the value or its name cannot be stored; "" when both can."""
    if len(metric) > MAX_METRIC:
        return f"its name is {len(metric):,} characters long; the limit is {MAX_METRIC}"
    if problem := _unfit_name(metric):
        return problem
    if isinstance(value, str):
        return _unfit_text(value)
    if isinstance(value, int | float) and not math.isfinite(_float(value)):
        return f"{value if isinstance(value, float) else 'an integer that large'} cannot be stored"
    return ""


@lru_cache(maxsize=16_384)
def _unfit_name(metric: str) -> str:
    wrong = forbidden(metric)
    return f"its name contains the character {code_point(wrong)}" if wrong else ""


def payload_text(payload: bytes) -> str:
    """The stripped text of a payload, without BOM and the NUL bytes that C programs leave."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = payload.decode("cp1252", "replace")
    return text.strip("\x00 \t\r\n").removeprefix(BOM)


def number(text: str) -> Quantity | None:
    """A number as a person reads it, with the unit behind it; None for anything else."""
    try:
        return read_number(text.strip())
    except UnstorableError:
        return None


def number_or_text(text: str) -> Quantity | str | None:
    """A number, else the text itself; None where the text stands for no value."""
    text = text.strip()
    if text.lower() in NO_VALUE:
        return None
    return number(text) or text


def only_text(text: str) -> Value | None:
    """For formats that write numbers as numbers: their strings are never numbers."""
    return text or None


def liveness(word: str) -> Liveness | None:
    """What a word on a topic of availability says, in any case; None for any other word."""
    small = word.strip().lower()
    if small in _ONLINE:
        return Liveness.ONLINE
    if small in _OFFLINE:
        return Liveness.OFFLINE
    return Liveness.ASLEEP if small in _ASLEEP else None


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _unfit_text(text: str) -> str:
    try:
        check_text(text)
    except UnstorableError as error:
        return str(error)
    return ""
