"""No field of a message may be of a type that its parser does not survive: each field of each case
in turn is replaced by values of every other type.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from mqtt_app.domain.facts import ParseErrorKind
from mqtt_app.parsers.base import Message, Parser
from mqtt_app.parsers.built_in import built_ins
from tests.unit.parsers.test_totality_of_cases import ENTRIES, outcome

MISPLACED: tuple[object, ...] = (None, [], {}, "x", True, [[]], {"a": {}}, 1e308, "")
MAX_FIELDS = 60  # of one message
Path = tuple[Any, ...]


def fields(tree: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(tree, dict):
        for key, below in tree.items():
            yield from fields(below, (*path, key))
    elif isinstance(tree, list):
        for place, below in enumerate(tree[:4]):
            yield from fields(below, (*path, place))


def replaced(tree: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(tree)
    node = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return changed


@pytest.mark.parametrize("parser", built_ins(), ids=lambda parser: parser.name)
def test_a_field_of_another_type_is_survived(parser: Parser) -> None:
    for entry in ENTRIES.get(parser.name, ()):
        if "json" not in entry:
            continue
        for path in list(fields(entry["json"]))[:MAX_FIELDS]:
            for value in MISPLACED:
                payload = json.dumps(replaced(entry["json"], path, value)).encode()
                message = Message(entry["topic"], payload, 1_700_000_000.0, False, "", {})
                assert outcome(parser, message) != ParseErrorKind.UNKNOWN, (path, value)
