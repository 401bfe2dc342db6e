"""The scalars of many records by their path, as JMESPath writes it."""

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from mqtt_app.parsers.mapping.errors import MappingError
from mqtt_app.parsers.mapping.expressions import MAX_LENGTH, compile_expression

MAX_LEAVES = 400  # paths that are looked at in one record
MAX_ITEMS = 8  # of a list of numbers; longer ones are waves and logs, not metrics
MAX_DISTINCT = 50  # values of a path that are kept

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class SurveyedLeaf(msgspec.Struct, kw_only=True):
    """`name` is the keys joined with dots, `key` the last of them. `values`: the first distinct."""

    path: str
    name: str
    key: str
    seen: int = 0
    values: list[Any] = []

    @property
    def is_number(self) -> bool:
        return all(isinstance(value, int | float) for value in self.values) and not self.is_boolean

    @property
    def is_boolean(self) -> bool:
        return all(isinstance(value, bool) for value in self.values)

    @property
    def is_text(self) -> bool:
        return all(isinstance(value, str) for value in self.values)


class _Found(msgspec.Struct, frozen=True):
    path: str
    name: str
    key: str
    value: Any


def survey(records: Iterable[Any]) -> list[SurveyedLeaf]:
    """In the order in which the paths are first met."""
    leaves: dict[str, SurveyedLeaf] = {}
    for record in records:
        found: list[_Found] = []
        _collect(record, _Found("", "", "", None), found)
        for leaf in found:
            known = leaves.get(leaf.path)
            if known is None:
                known = SurveyedLeaf(path=leaf.path, name=leaf.name, key=leaf.key)
                leaves[leaf.path] = known
            known.seen += 1
            if len(known.values) < MAX_DISTINCT and not _is_among(leaf.value, known.values):
                known.values.append(leaf.value)
    return list(leaves.values())


def written_key(key: str) -> str:
    """A key as JMESPath takes it."""
    if _BARE.fullmatch(key):
        return key
    return json.dumps(key)


def is_writable(path: str) -> bool:
    """Whether a mapping takes the path: some keys are too long, or full of brackets."""
    try:
        compile_expression(path, "")
    except MappingError:
        return False
    return True


def _collect(tree: Any, place: _Found, found: list[_Found]) -> None:
    if len(found) >= MAX_LEAVES or len(place.path) > MAX_LENGTH:
        return
    if isinstance(tree, dict):
        for key, child in tree.items():
            path = _joined(place.path, written_key(key))
            _collect(child, _Found(path, _joined(place.name, key), key, None), found)
    elif isinstance(tree, list):
        if len(tree) <= MAX_ITEMS:
            for position, child in enumerate(tree):
                name = _joined(place.name, str(position))
                path = f"{place.path}[{position}]"
                _collect(child, _Found(path, name, place.key, None), found)
    elif tree is not None and place.path:
        found.append(_Found(place.path, place.name, place.key, tree))


def _is_among(value: Any, values: list[Any]) -> bool:
    """1 and true are two values."""
    return any(value == known and type(value) is type(known) for known in values)


def _joined(path: str, name: str) -> str:
    if path:
        return f"{path}.{name}"
    return name
