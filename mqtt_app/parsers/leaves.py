"""Values of a decoded JSON tree, one at a time: what cannot be stored costs only itself."""

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from mqtt_app.domain.facts import FieldProblem, Value
from mqtt_app.domain.values import TRUTH_WORDS, UnstorableError, check_text, state_word, text_value

MAX_PATH = 255  # characters of a metric
SWITCH = ("ON", "OFF")  # in capitals; in small letters they are one of several modes


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """`path`: the keys down to the value, joined with dots. `unit`: as written behind a number."""

    path: str
    value: Value
    unit: str = ""


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
    if raw is None:
        return None
    try:
        _check_path(path)
        return _leaf(path, raw)
    except UnstorableError as error:
        shown = path[:60].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
        return FieldProblem(field=shown, reason=str(error))


def _check_path(path: str) -> None:
    check_text(path)
    if len(path) > MAX_PATH:
        raise UnstorableError(f"the name is {len(path):,} characters long; the limit is {MAX_PATH}")


def _leaf(path: str, raw: object) -> Leaf | None:
    if isinstance(raw, bool):
        return Leaf(path, raw)
    if isinstance(raw, int | float):
        return Leaf(path, _finite(raw))
    text = str(raw)
    name = path.rpartition(".")[2]
    if text in SWITCH or text.lower() in TRUTH_WORDS:
        state = state_word(text, name)
        return Leaf(path, text if state is None else state)
    quantity = text_value(text, name)
    if quantity is None:
        return None
    value = text if isinstance(quantity.value, bool) else quantity.value
    return Leaf(path, value, quantity.unit)


def _finite(number: float) -> float:
    try:
        finite = float(number)
    except OverflowError:
        finite = math.inf
    if not math.isfinite(finite):
        raise UnstorableError("no finite number, or too large to be stored")
    return finite


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
