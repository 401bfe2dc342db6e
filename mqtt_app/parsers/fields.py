"""What parsers of device families share: text of a payload, and readings of its fields.

What cannot be stored is yielded as it is: the guard (`storable.py`) leaves out the field and names
it.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from mqtt_app.domain.facts import Fact, FieldProblem, Liveness, ReadingFact, Value
from mqtt_app.domain.values import Quantity, UnstorableError
from mqtt_app.domain.values import number as read_number
from mqtt_app.parsers.encoding import text_of
from mqtt_app.parsers.generic import availability
from mqtt_app.parsers.json_tree import Documents, decode, invalid, to_float

MAX_METRIC = 255  # characters of a metric's name; the column holds no more
NO_VALUE = frozenset({"", "-", "--", "nan", "-nan", "+nan", "null", "none", "undefined", "inf"})


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
            trait = self.trait(metric[:MAX_METRIC])
            if trait.ignored:
                continue
            if metric in seen:
                reason = "two fields of the message have this name"
                found.append(FieldProblem(field=metric, reason=reason))
                continue
            seen.add(metric)
            found += self.fact(metric, leaf, trait)
        return found

    def fact(self, metric: str, leaf: object, trait: Trait) -> tuple[Fact, ...]:
        """The reading of one field, or nothing for no value."""
        value: object = self.read(leaf) if isinstance(leaf, str) else leaf
        unit = trait.unit
        if isinstance(value, Quantity):
            unit = value.unit or unit
            value = value.value
        if value is None:
            return ()
        if isinstance(value, dict | list):
            return (FieldProblem(field=metric, reason="it holds several values, not one"),)
        has_unit = not isinstance(value, bool | str)
        reading = ReadingFact(
            device=self.device,
            metric=metric,
            value=to_float(value) if has_unit else value,  # type: ignore[arg-type]
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
            _collect(child, _below(path, key) or "_", found)
    elif isinstance(tree, list):
        for place, child in enumerate(tree):
            _collect(child, _below(path, str(place)), found)
    else:
        found.append((path or "value", tree))


def _below(path: str, name: str) -> str:
    if path:
        return f"{path}.{name}"
    return name


def decoded_object(payload: bytes) -> dict[str, Any]:
    """The JSON object; of several that follow one another one, in which the later ones count.
    Raises ParseError for anything else.
    """
    tree = decode(payload)
    if isinstance(tree, Documents):
        parts: list[Any] = tree
    else:
        parts = [tree]
    merged: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, dict):
            raise invalid("expected a JSON object")
        merged |= part
    return merged


def payload_text(payload: bytes) -> str:
    """The stripped text of a payload, without BOM and the NUL bytes that C programs leave."""
    return text_of(payload).text.strip("\x00 \t\r\n")


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
    """What a word says on a topic that a family keeps for availability, `true` and `0` included."""
    return availability.liveness(word, false_is_death=True)
