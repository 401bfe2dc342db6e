"""Values of a decoded JSON tree, one at a time: what cannot be stored costs only itself."""

import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from mqtt_app.domain.facts import FieldProblem, Value

MAX_TEXT = 4096  # characters of one value
MAX_PATH = 255  # characters of a metric
SWITCH = {"ON": True, "OFF": False}

# No leading zeros, an exponent only after a decimal point: anything else names something ("007",
# "1685E6"). Longer rows of digits are serial numbers, which a float would change.
_NUMBER = re.compile(
    r"[+-]?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,20}(?:[eE][+-]?[0-9]{1,3})?)?", re.ASCII
)


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """`path`: the keys down to the value, joined with dots."""

    path: str
    value: Value


def leaves(tree: Any, path: str = "") -> Iterator[Leaf | FieldProblem]:
    """Each path once. null and an empty text are no values; a list of one is its element, so that
    a metric keeps its name when the number of channels does not change.
    """
    seen: set[str] = set()
    for found, raw in _walk(tree, path):
        if found in seen:
            yield FieldProblem(field=found, reason="another field of the message has this name")
            continue
        leaf = leaf_of(found, raw)
        if leaf is not None:
            seen.add(found)
            yield leaf


def leaf_of(path: str, raw: object) -> Leaf | FieldProblem | None:
    """None for what is no value."""
    if raw is None or raw == "":
        return None
    if len(path) > MAX_PATH:
        return FieldProblem(field=path[:60], reason=f"the name is longer than {MAX_PATH}")
    if "\x00" in path or not _is_unicode(path):
        return FieldProblem(
            field=ascii(path[:60]), reason="the name holds characters that no text has"
        )
    if isinstance(raw, bool):
        return Leaf(path, raw)
    if isinstance(raw, int | float):
        return _number(path, raw)
    return _text(path, str(raw))


def _walk(tree: Any, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(tree, dict):
        for key, child in tree.items():
            yield from _walk(child, f"{path}.{key or '_'}" if path else key or "_")
    elif isinstance(tree, list):
        for place, child in enumerate(tree):
            yield from _walk(child, path if len(tree) == 1 and path else _join(path, str(place)))
    else:
        yield path or "value", tree


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _text(path: str, text: str) -> Leaf | FieldProblem | None:
    if text in SWITCH:
        return Leaf(path, SWITCH[text])
    if _NUMBER.fullmatch(text):
        return _number(path, float(text))
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return FieldProblem(field=path, reason=f"{text} is no finite number")
    if len(text) > MAX_TEXT:
        return FieldProblem(field=path, reason=f"the text is longer than {MAX_TEXT:,} characters")
    if "\x00" in text or not _is_unicode(text):
        return FieldProblem(field=path, reason="the text holds characters that no text has")
    return Leaf(path, text)


def _number(path: str, raw: float) -> Leaf | FieldProblem:
    try:
        number = float(raw)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        return FieldProblem(field=path, reason="the number is not finite or too large")
    return Leaf(path, number)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)
