"""JSON (RFC 8259) to Python values and to a flat list of values, in bounded time on any bytes.

Clean JSON is decoded by msgspec. What it refuses is tried again with what devices really send: NaN
and infinity in any spelling, half surrogate pairs, control characters in strings, numbers beyond a
double, NUL bytes at the end, UTF-16, Windows-1252, several values one after the other (NDJSON).
Values that no column holds stay in the tree; the guard of the registry leaves out their field.
"""

import json
import math
import re
from typing import Any

import msgspec

from mqtt_app.domain.facts import ParseError, ParseErrorKind, Value
from mqtt_app.domain.values import UnstorableError, text_value
from mqtt_app.parsers import encoding
from mqtt_app.parsers.base import MAX_DEPTH, MAX_FACTS, MAX_PAYLOAD

BOM = encoding.BOM

# Possessive, and ending at the end of the payload too: linear on unterminated strings.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_STRING_OR_NAN = re.compile(
    r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
    r"|(?<![\w.])(?P<sign>[+-]?)(?P<token>nan(?:\([a-z]*\))?|inf(?:inity)?)(?![\w.])",
    re.DOTALL | re.IGNORECASE | re.ASCII,
)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LONGEST_INTEGER = 400  # digits; far beyond a double, far below what Python refuses to convert
_SEPARATORS = re.compile(r"[\s\x1e,]*")  # between values: lines, and RFC 7464's record separator


class Documents(list[Any]):
    """JSON values that were written one after the other, such as NDJSON."""


def decode(payload: bytes) -> Any:
    """Any JSON value; several values one after the other as `Documents`. A string that holds an
    object or array is decoded once more. NaN and what is beyond a double are floats that are not
    finite. Raises ParseError that says where it breaks off.
    """
    if len(payload) > MAX_PAYLOAD:
        raise invalid(f"the payload is {len(payload):,} bytes long; the limit is {MAX_PAYLOAD:,}")
    _check_depth(payload)
    try:
        tree = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        tree = _decode_tolerantly(payload)
    if isinstance(tree, str) and looks_like_json(tree):
        return decode_text(tree)
    return tree


def decode_text(text: str) -> Any:
    """The JSON in a string; the string itself when it is broken."""
    encoded = text.encode("utf-8", "replace")
    try:
        _check_depth(encoded)
        return msgspec.json.decode(encoded)
    except (msgspec.MsgspecError, ParseError):
        return text


def looks_like_json(text: str) -> bool:
    """An object, or an array of objects or arrays; `[1]` inside a string is more often a text."""
    stripped = text.strip()
    return stripped[:1] + stripped[-1:] in ("{}", "[]") and "{" in stripped


def flatten(tree: Any, path: str = "") -> list[tuple[str, Value]]:
    """(metric, value) pairs; nested names are joined as `a.b.0`; null and texts that say nothing
    give nothing, state words stay text. `tree` came from `decode`.
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
        value = to_value(tree, metric)
        if value is not None:
            found.append((metric, value))


def to_value(leaf: object, metric: str) -> Value | None:
    """Numbers as floats, also those in strings, without their unit; text as it is. What cannot be
    stored comes back as it is, so that the registry's guard can name it.
    """
    if isinstance(leaf, bool):
        return leaf
    if isinstance(leaf, float | int):
        return to_float(leaf)
    text = str(leaf)
    try:
        found = text_value(text, metric.rpartition(".")[2])
    except UnstorableError:
        return text
    if found is None:
        return None
    if isinstance(found.value, bool):
        return text
    return found.value


def to_float(number: float) -> float:
    """Infinity for an integer that no double holds."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


def invalid(text: str) -> ParseError:
    return ParseError(ParseErrorKind.VALIDATION, text)


def _join(path: str, key: str) -> str:
    if path:
        return f"{path}.{key}"
    return key


def _check_depth(payload: bytes) -> None:
    """Before decoding, because decoders recurse."""
    if payload.count(b"{") + payload.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _STRING.sub(b"", payload).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise invalid(f"nested deeper than {MAX_DEPTH} levels")


def _decode_tolerantly(payload: bytes) -> Any:
    text = encoding.text_of(payload).text
    if not text.strip():
        raise ParseError(ParseErrorKind.VALIDATION, "the payload is empty; expected JSON")
    _check_depth(text.encode("utf-8", "surrogatepass"))
    text = _STRING_OR_NAN.sub(_standard_token, text)
    values: list[Any] = []
    place = _SEPARATORS.match(text, 0).end()  # type: ignore[union-attr]
    while place < len(text):
        try:
            value, place = _TOLERANT.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise ParseError(ParseErrorKind.PARSE, _explained(payload, text, error)) from None
        values.append(value)
        if len(values) > MAX_FACTS:
            raise invalid(f"more than {MAX_FACTS:,} values one after the other")
        place = _SEPARATORS.match(text, place).end()  # type: ignore[union-attr]
    if len(values) == 1:
        return values[0]
    return Documents(values)


def _standard_token(found: re.Match[str]) -> str:
    """`NaN` for every spelling that is outside of a string."""
    if found["token"]:
        return "NaN"
    return found[0]


def _integer(digits: str) -> float:
    if len(digits) <= _LONGEST_INTEGER:
        return int(digits)
    return math.inf


_TOLERANT = json.JSONDecoder(strict=False, parse_int=_integer)


def _explained(payload: bytes, text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return f"broken JSON: it breaks off after {len(payload):,} bytes"
    return f"broken JSON: {error.msg} (character {error.pos})"
