"""Values of a decoded JSON tree, one at a time: what cannot be stored costs only itself."""

import math
from typing import Any

import msgspec

from mqtt_app.domain.facts import FieldProblem, Value
from mqtt_app.domain.values import TRUTH_WORDS, UnstorableError, check_text, state_word, text_value

MAX_PATH = 255  # characters of a metric
SWITCH = ("ON", "OFF")  # in capitals; in small letters they are one of several modes
SEEN = 16_384  # paths remembered as well-formed: they come again with every message

_WITH_UNIT = {"value", "unit"}
_paths: set[str] = set()


class TreeValue(msgspec.Struct, frozen=True, gc=False):
    """`path`: the keys down to the value, joined with dots. `unit`: as written behind a number."""

    path: str
    value: Value
    unit: str = ""


def tree_values(tree: Any, path: str = "") -> list[TreeValue | FieldProblem]:
    """Each path once. null and an empty text are no values; a list of one is its element, so that
    a metric keeps its name when the number of channels changes; `{"value": 1.6, "unit": "kW"}` is
    one value.
    """
    found: list[TreeValue | FieldProblem] = []
    _collect(tree, path, found, set())
    return found


def tree_value(path: str, raw: object, unit: str = "") -> TreeValue | FieldProblem | None:
    """None for what is no value. `unit`: what is said of it elsewhere."""
    if raw is None:
        return None
    try:
        if path not in _paths:
            _check_path(path)
        if isinstance(raw, bool):
            return TreeValue(path, raw, unit)
        if isinstance(raw, int | float):
            return TreeValue(path, _finite(raw), unit)
        return _text_leaf(path, str(raw), unit)
    except UnstorableError as error:
        shown = path[:60].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
        return FieldProblem(field=shown, reason=str(error))


def _collect(tree: Any, path: str, found: list[TreeValue | FieldProblem], seen: set[str]) -> None:
    if isinstance(tree, dict):
        _collect_object(tree, path, found, seen)
    elif isinstance(tree, list):
        for place, child in enumerate(tree):
            if len(tree) == 1 and path:
                below = path
            else:
                below = _join(path, str(place))
            _collect(child, below, found, seen)
    elif tree is not None:
        _add(path or "value", tree, "", found, seen)


def _collect_object(
    tree: dict[str, Any], path: str, found: list[TreeValue | FieldProblem], seen: set[str]
) -> None:
    if path and tree.keys() == _WITH_UNIT and isinstance(tree["unit"], str):
        _add(path, tree["value"], tree["unit"], found, seen)
        return
    for key, child in tree.items():
        below = _join(path, key or "_")
        if isinstance(child, dict | list):
            _collect(child, below, found, seen)
        elif child is not None:
            _add(below, child, "", found, seen)


def _add(
    path: str, raw: object, unit: str, found: list[TreeValue | FieldProblem], seen: set[str]
) -> None:
    if path in seen:
        reason = "another field of the message has this name"
        found.append(FieldProblem(field=path[:60], reason=reason))
        return
    leaf = tree_value(path, raw, unit)
    if leaf is not None:
        seen.add(path)
        found.append(leaf)


def _join(path: str, key: str) -> str:
    if path:
        return f"{path}.{key}"
    return key


def _check_path(path: str) -> None:
    check_text(path)
    if len(path) > MAX_PATH:
        raise UnstorableError(f"the name is {len(path):,} characters long; the limit is {MAX_PATH}")
    if len(_paths) >= SEEN:
        _paths.clear()
    _paths.add(path)


def _text_leaf(path: str, text: str, unit: str) -> TreeValue | None:
    name = path.rpartition(".")[2]
    if text in SWITCH or text.lower() in TRUTH_WORDS:
        state = state_word(text, name)
        return TreeValue(path, text if state is None else state)
    quantity = text_value(text, name)
    if quantity is None:
        return None
    if isinstance(quantity.value, bool):
        value: float | bool | str = text
    else:
        value = quantity.value
    return TreeValue(path, value, quantity.unit or unit)


def _finite(number: float) -> float:
    try:
        finite = float(number)
    except OverflowError:
        finite = math.inf
    if not math.isfinite(finite):
        raise UnstorableError("no finite number, or too large to be stored")
    return finite
