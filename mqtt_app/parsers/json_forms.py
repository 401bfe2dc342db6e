"""Formats that are known by the keys of their JSON, on whatever topics they come."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import Fact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import payload_text
from mqtt_app.parsers.json_tree import decode, invalid


class JsonForm(msgspec.Struct, frozen=True, kw_only=True):
    """`keys`: sets of keys as they are written, with their quotes; a payload of this form has all of
    one set. `begins`: what it begins with. `read` is given the topic and the decoded JSON; it raises
    ParseError.
    """

    name: str
    keys: tuple[tuple[bytes, ...], ...]
    read: Callable[[str, Any], Iterable[Fact]]
    confidence: float = 0.7
    begins: bytes = b""


class JsonFormParser:
    """The parser of one form."""

    version = "1"

    def __init__(self, form: JsonForm) -> None:
        self.name = form.name
        self._form = form

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if not sample.startswith(self._form.begins):
            return 0.0
        for keys in self._form.keys:
            if all(key in sample for key in keys):
                return self._form.confidence
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not payload_text(message.payload):
            return []
        return list(self._form.read(message.topic, decode(message.payload)))


def records_of(tree: Any, expected: str) -> list[dict[str, Any]]:
    """An object, or each of a list or of several documents. Raises ParseError for anything else."""
    if isinstance(tree, list):
        records = tree
    else:
        records = [tree]
    for record in records:
        if not isinstance(record, dict):
            raise invalid(f"expected {expected}")
    return records
