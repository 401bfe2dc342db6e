"""CBOR (RFC 8949) and MessagePack to the tree that JSON would give, in bounded time and memory.

What JSON does not have becomes what a person would write there: times ISO 8601 in UTC, decimals and
rationals numbers, `undefined` null, keys that are no text their text. Bytes stay bytes. Trailing
bytes make the whole message wrong: neither format marks its end, so they are how a message in
another format shows.
"""

import io
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import cbor2
import msgpack

from mqtt_app.domain.facts import ParseError, ParseErrorKind
from mqtt_app.parsers.base import MAX_DEPTH, MAX_FACTS, MAX_PAYLOAD

MAX_KEY = 300  # characters of a key; longer ones cannot be stored anyway
MAX_RECORDS = 10_000  # items one after the other in a CBOR sequence (RFC 8742)
REFERENCE_TAGS = (
    25,
    29,
)  # to earlier strings and values, by which a few bytes could stand for many
PLAIN_TAGS = (28, 35, 36, 256)  # something that may be referred to, patterns, mail: their content
MAX_EXPONENT = 400  # of a decimal or big float; beyond it is no finite number

_TagDecoder = Callable[[Any, bool], Any]  # what is under the tag, whether it must be immutable


def decode_cbor(payload: bytes) -> Any:
    """One item, or a list of those that follow one another. Raises ParseError."""
    _check_size(payload)
    stream = io.BytesIO(payload)
    decoder = cbor2.CBORDecoder(
        stream,
        str_errors="replace",
        max_depth=MAX_DEPTH,
        semantic_decoders=_TAGS,
    )
    items: list[Any] = []
    try:
        while stream.tell() < len(payload):
            if len(items) == MAX_RECORDS:
                raise _broken("CBOR", f"more than {MAX_RECORDS:,} items")
            items.append(_plain(decoder.decode(), "CBOR"))
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, ArithmeticError) as error:
        raise _broken("CBOR", str(error)) from None
    if len(items) > 1 and not all(isinstance(item, dict) for item in items):
        raise _broken("CBOR", "bytes follow after the first item")
    if len(items) == 1:
        return items[0]
    return items


def decode_messagepack(payload: bytes) -> Any:
    """The one item of the payload. Raises ParseError."""
    _check_size(payload)
    try:
        tree = msgpack.unpackb(
            payload, strict_map_key=False, raw=False, unicode_errors="replace", timestamp=0
        )
    except (msgpack.UnpackException, ValueError, TypeError, OverflowError) as error:
        raise _broken("MessagePack", str(error)) from None
    return _plain(tree, "MessagePack")


def _check_size(payload: bytes) -> None:
    if not payload:
        raise ParseError(ParseErrorKind.VALIDATION, "the payload is empty")
    if len(payload) > MAX_PAYLOAD:
        reason = f"the payload is {len(payload):,} bytes long; the limit is {MAX_PAYLOAD:,}"
        raise ParseError(ParseErrorKind.VALIDATION, reason)


def _broken(name: str, reason: str) -> ParseError:
    return ParseError(ParseErrorKind.PARSE, f"broken {name}: {reason[:200]}")


def _refused(content: Any, immutable: bool) -> Any:  # noqa: ARG001  as it is called
    raise ValueError("references to earlier values are not followed")


def _content(content: Any, immutable: bool) -> Any:  # noqa: ARG001  as it is called
    return content


def _scaled(base: int) -> _TagDecoder:
    """Tags 4 and 5: `[exponent, mantissa]`."""

    def decode(content: Any, immutable: bool) -> float | None:  # noqa: ARG001  as it is called
        exponent, mantissa = content
        if abs(exponent) > MAX_EXPONENT * (1 if base == 10 else 4):
            return None
        return float(Fraction(mantissa) * Fraction(base) ** exponent)

    return decode


def _epoch(content: Any, immutable: bool) -> str | None:  # noqa: ARG001  as it is called
    """Tag 1: seconds since 1970, as ISO 8601; None for what no calendar holds."""
    try:
        return datetime.fromtimestamp(float(content), UTC).isoformat()
    except (ValueError, OverflowError, OSError, TypeError):
        return None


_TAGS: Mapping[int, _TagDecoder] = {
    **dict.fromkeys(REFERENCE_TAGS, _refused),
    **dict.fromkeys(PLAIN_TAGS, _content),
    0: _content,
    1: _epoch,
    4: _scaled(10),
    5: _scaled(2),
}


def _plain(item: Any, name: str, depth: int = 0) -> Any:
    """As JSON would have it. Decoded trees share nothing, so this ends."""
    if depth > MAX_DEPTH:
        raise _broken(name, f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(item, bool | int | str | bytes):
        return item
    if isinstance(item, msgpack.ExtType):  # a tuple too
        return item.data
    if hasattr(item, "__len__") and len(item) > MAX_FACTS:
        raise _broken(name, f"more than {MAX_FACTS:,} values in one list")
    if isinstance(item, dict | cbor2.frozendict):
        return {_key(key): _plain(child, name, depth + 1) for key, child in item.items()}
    if isinstance(item, list | tuple | set | frozenset):
        return [_plain(child, name, depth + 1) for child in item]
    return _leaf(item, name, depth)


def _leaf(item: Any, name: str, depth: int) -> Any:
    if isinstance(item, float | Decimal | Fraction):
        number = float(item)
        if math.isfinite(number):
            return number
        return None
    if isinstance(item, msgpack.Timestamp):
        return _epoch(item.seconds + item.nanoseconds / 1e9, False)
    if isinstance(item, cbor2.CBORTag):
        return _plain(item.value, name, depth + 1)
    if item is None or item is cbor2.undefined or isinstance(item, cbor2.CBORSimpleValue):
        return None
    return str(item)  # UUIDs, addresses, dates


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key[:MAX_KEY]
    if isinstance(key, bytes):
        return key[:MAX_KEY].hex()
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    if isinstance(key, int) and abs(key) >= 1 << 64:
        return hex(key)[:MAX_KEY]
    return str(key)[:MAX_KEY]
