"""Keys and values in one line: `a=1,b=2`, `a=1 b=2`, `temp:21.5;hum:40`, logfmt.

Sources: https://brandur.org/logfmt and what home-grown devices send. With a colon between key and
value, which also stands in times of day and addresses, at least one value has to be a number.
Values follow the grammar of values in JSON strings.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from mqtt_app.domain.facts import Fact, ParseError, ParseErrorKind
from mqtt_app.domain.values import number
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.records import facts_of_tree
from mqtt_app.parsers.text_payloads import remarks_on, written_text

MAX_LENGTH = 65_536  # bytes; longer text is a document
MAX_LINES = 1000

_KEY = r"[A-Za-z_][\w.\-/]{0,63}"
_LOGFMT = re.compile(rf'({_KEY})=("(?:[^"\\]|\\.)*+"|[^\s"=,;&]*+)(?:[ \t]++|$)')
_ENTRY = re.compile(rf"\s*({_KEY})\s?([=:])\s*(.*)", re.DOTALL)
_SPACED_NUMBER = re.compile(rf"({_KEY}):[ \t]?([+-]?[0-9]++(?:\.[0-9]++)?)(?:[ \t]++|$)")


class KeyValuePairs(msgspec.Struct, frozen=True):
    values: dict[str, str]


class KeyValueParser:
    name = "key_value"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        """Below every parser that knows the topic, above plain text."""
        if (b"=" not in sample and b":" not in sample) or len(sample) > MAX_LENGTH:
            return 0.0
        lines = _lines(written_text(sample))
        found = [_pairs(line) for line in lines[:3]]
        if not found or any(pairs is None for pairs in found):
            return 0.0
        if sum(len(pairs.values) for pairs in found if pairs) > 1:
            return 0.35
        return 0.25

    def parse(self, message: Message) -> Sequence[Fact]:
        if not message.payload.strip():
            return []
        lines = _lines(written_text(message.payload[:MAX_LENGTH]))
        records = [pairs.values for line in lines if (pairs := _pairs(line)) is not None]
        if not records:
            raise ParseError(ParseErrorKind.PARSE, "expected keys and values, as in a=1,b=2")
        found = facts_of_tree(message, records[0] if len(records) == 1 else records)
        return [*found, *remarks_on(message.payload)]


def _lines(text: str) -> list[str]:
    if text.lstrip()[:1] in ("{", "[", "<"):
        return []
    return [line.strip() for line in text.split("\n")[:MAX_LINES] if line.strip()]


def _pairs(line: str) -> KeyValuePairs | None:
    """The pairs of a line that is nothing else; None when it is something else."""
    for separator in (";", ",", "&", "|"):
        if separator in line:
            found = _separated(line, separator)
            if found is not None:
                return found
    return _separated(line, "\n") or _spaced(line)


def _separated(line: str, separator: str) -> KeyValuePairs | None:
    """Entries between separators, all with the same sign between key and value."""
    entries = [entry for entry in line.split(separator) if entry.strip()]
    found = [_ENTRY.fullmatch(entry) for entry in entries]
    values: dict[str, str] = {}
    signs = set()
    for entry in found:
        if entry is None:
            return None
        key, sign, value = entry.groups()
        value = value.strip()
        if sign in value or "://" in value or ('"' not in value and "=" in value):
            return None
        signs.add(sign)
        values[key] = value.strip('"')
    if len(signs) != 1 or (signs == {":"} and not any(number(value) for value in values.values())):
        return None
    return KeyValuePairs(values)


def _spaced(line: str) -> KeyValuePairs | None:
    """`a=1 b="two words"`, or `a:1 b:2`."""
    for pattern in (_LOGFMT, _SPACED_NUMBER):
        values = dict(_consecutive(pattern, line))
        if values:
            return KeyValuePairs(values)
    return None


def _consecutive(pattern: re.Pattern[str], line: str) -> Iterator[tuple[str, str]]:
    """Keys and values, none at all when something else is between them."""
    found = []
    place = 0
    while place < len(line):
        entry = pattern.match(line, place)
        if entry is None:
            return iter(())
        found.append((entry[1], entry[2].strip('"')))
        place = entry.end()
    return iter(found)
