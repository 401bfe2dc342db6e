"""JSON (RFC 8259) to a flat list of values, in bounded time on any bytes."""

import math
import re
from typing import Any

import msgspec

from mqtt_app.domain.facts import ParseError, ParseErrorKind, Value
from mqtt_app.parsers.base import MAX_DEPTH, MAX_PAYLOAD

MAX_TEXT = 4096  # characters of one value
EXACT_DIGITS = 15  # longer digit strings are serial numbers, which a float would change
BOM = b"\xef\xbb\xbf"

# Possessive, and ending at the end of the payload too: linear on unterminated strings.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NUMBER = re.compile(
    r"-?(?:0|[1-9][0-9]{0,40})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,6})?", re.ASCII
)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LITERALS = (b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf", b"-inf")


def decode(payload: bytes) -> Any:
    """Any JSON value. Raises ParseError that says where it breaks off or what cannot be stored."""
    if not payload.strip():
        raise ParseError(ParseErrorKind.VALIDATION, "the payload is empty; expected JSON")
    if len(payload) > MAX_PAYLOAD:
        raise invalid(f"the payload is {len(payload):,} bytes long; the limit is {MAX_PAYLOAD:,}")
    payload = payload.removeprefix(BOM)
    _check_depth(payload)
    try:
        return msgspec.json.decode(payload)
    except msgspec.ValidationError:  # the only rule of an untyped decode: numbers must fit
        raise invalid("a number is too large to be stored") from None
    except msgspec.DecodeError as error:
        raise ParseError(ParseErrorKind.PARSE, _explained(payload, str(error))) from None
    except UnicodeDecodeError as error:
        text = f"not UTF-8: byte 0x{error.object[error.start]:02x} in a string"
        raise ParseError(ParseErrorKind.PARSE, text) from None


def flatten(tree: Any, path: str = "") -> list[tuple[str, Value]]:
    """(metric, value) pairs; nested names are joined as `a.b.0`, null gives nothing. `tree` came
    from `decode`.
    """
    found: list[tuple[str, Value]] = []
    _collect(tree, path, found)
    return found


def _collect(tree: Any, path: str, found: list[tuple[str, Value]]) -> None:
    if isinstance(tree, dict):
        for key, child in tree.items():
            _collect(child, _join(path, key or "_"), found)
    elif isinstance(tree, list):
        for place, child in enumerate(tree):
            _collect(child, _join(path, str(place)), found)
    elif tree is not None:
        metric = path or "value"
        found.append((metric, to_value(tree, metric)))


def to_value(leaf: object, metric: str) -> Value:
    """Numbers as floats, also those in strings; text as it is, if it can be stored."""
    if isinstance(leaf, bool):
        return leaf
    if isinstance(leaf, (float, int)):
        return _finite(leaf, metric)
    text = str(leaf)
    if is_number(text):
        return _finite(float(text), metric)
    if len(text) > MAX_TEXT:
        raise invalid(
            f"metric {metric[:60]!r}: the text is {len(text):,} characters long; the limit is {MAX_TEXT:,}"
        )
    if "\x00" in text:
        raise invalid(f"metric {metric[:60]!r}: the text contains a NUL character")
    return text


def is_number(text: str) -> bool:
    """A JSON number in a string, and not a long row of digits that names something."""
    return _NUMBER.fullmatch(text) is not None and not (len(text) > EXACT_DIGITS and text.isdigit())


def invalid(text: str) -> ParseError:
    return ParseError(ParseErrorKind.VALIDATION, text)


def _finite(number: float, metric: str) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise invalid(f"metric {metric[:60]!r}: the number is too large to be stored")
    return value


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _check_depth(payload: bytes) -> None:
    """Before decoding, because decoders recurse."""
    if payload.count(b"{") + payload.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _STRING.sub(b"", payload).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise invalid(f"nested deeper than {MAX_DEPTH} levels")


def _explained(payload: bytes, reason: str) -> str:
    if "truncated" in reason and b"\\u" not in payload[-12:]:
        return f"broken JSON: it breaks off after {len(payload):,} bytes"
    found = re.search(r"\(byte (\d+)\)", reason)
    place = int(found[1]) if found else 0
    if found and payload[place:].startswith(_LITERALS):
        return f"broken JSON: NaN and Infinity are no JSON numbers (byte {place})"
    if "surrogate" in reason or "truncated" in reason:
        return "broken JSON: it breaks off, or a \\u escape is only half of a surrogate pair"
    return f"broken JSON: {reason.removeprefix('JSON is malformed: ')}"
