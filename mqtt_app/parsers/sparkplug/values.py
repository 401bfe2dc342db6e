"""Values of Sparkplug B by their data types (Sparkplug 3.0.0, chapter 6.4.16).

Signed integers are two's complement in unsigned fields, and encoders differ in whether an Int8 is
widened to 8 or to 32 bits, so the width of the data type decides. Arrays are packed little-endian.
"""

import math
import struct
from collections.abc import Callable
from typing import Any

from mqtt_app.domain.facts import Value

UNKNOWN = 0
DATE_TIME, DATA_SET, BYTES, FILE, TEMPLATE = 13, 16, 17, 18, 19
BOOLEAN, STRING_ARRAY, BOOLEAN_ARRAY = 11, 33, 32
TEXTS = frozenset({12, 14, 15})  # String, Text, UUID
SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}  # data type -> bits
STRUCTURES = {DATA_SET: "a DataSet", TEMPLATE: "a Template"}
ARRAYS = {22: "b", 23: "h", 24: "i", 25: "q", 26: "B", 27: "H", 28: "I", 29: "Q"} | {
    30: "f",
    31: "d",
    34: "Q",
}
MAX_ITEMS = 1000  # of one array


class Unreadable(ValueError):
    """`str(error)` is the reason why the value was left out."""


def raw_value(holder: Any) -> tuple[str, Any]:
    """The value field that is set in a metric or property, and what it holds; ("", None) if none.
    The last one counts when an encoder set two.
    """
    field = holder.WhichOneof("value")
    if field:
        return (field, getattr(holder, field))
    return ("", None)


def to_values(field: str, raw: Any, datatype: int) -> dict[str, Value]:
    """Suffix of the metric's name -> value: one with the suffix "", or one per item of an array.

    Raises Unreadable.
    """
    if field in {"int_value", "long_value"}:
        return {"": _from_integer(raw, datatype, 32 if field == "int_value" else 64)}
    if field == "float_value":
        return {"": shortest(raw)}
    if field == "string_value":
        text = text_of(raw)
        return {"": text} if text.strip() else {}
    if field == "bytes_value":
        return _from_bytes(raw, datatype)
    if field in {"dataset_value", "template_value"}:
        return {}
    return {"": raw}


def text_of(raw: bytes) -> str:
    """Raises Unreadable when it is not UTF-8."""
    try:
        return raw.decode().rstrip("\x00")
    except UnicodeDecodeError:
        raise Unreadable("its text is not UTF-8") from None


def shortest(number: float) -> float:
    """The double that a person would write for a 32-bit float: 22.3, not 22.299999237060547."""
    if not math.isfinite(number):
        return number
    single = struct.pack("<f", number)
    for digits in (6, 7, 8):
        written = float(f"{number:.{digits}g}")
        if abs(written) < 3.4e38 and struct.pack("<f", written) == single:
            return written
    return number


def _from_integer(raw: int, datatype: int, width: int) -> Value:
    if datatype == BOOLEAN:
        return raw != 0
    if datatype in SIGNED:
        bits = SIGNED[datatype]
        number = raw & (1 << bits) - 1
        if number >> (bits - 1):
            return number - (1 << bits)
        return number
    if datatype == UNKNOWN and raw >> (width - 1):
        raise Unreadable(
            "whether it is negative is known only from the data type in the birth message, "
            "and none was seen"
        )
    return raw


def _from_bytes(raw: bytes, datatype: int) -> dict[str, Value]:
    if datatype in ARRAYS:
        code = ARRAYS[datatype]
        if len(raw) % struct.calcsize(f"<{code}"):
            raise Unreadable(f"its array of {len(raw):,} bytes breaks off within an item")
        return _items(_unpacked(raw, code))
    if datatype == BOOLEAN_ARRAY:
        return _items(_booleans(raw))
    if datatype == STRING_ARRAY:
        return _items([text for text in text_of(raw).split("\x00") if text])
    if raw:
        return {"": raw}
    return {}


def _unpacked(raw: bytes, code: str) -> list[Value]:
    count = len(raw) // struct.calcsize(f"<{code}")
    read: Callable[[Any], Value] = shortest if code == "f" else float
    return [read(number) for number in struct.unpack(f"<{count}{code}", raw)]


def _booleans(raw: bytes) -> list[Value]:
    """Four bytes with their number, then one bit each, the highest bit first."""
    count = int.from_bytes(raw[:4], "little")
    if len(raw) < 4 or count > (len(raw) - 4) * 8:
        raise Unreadable("its array of booleans breaks off")
    return [
        bool(raw[4 + place // 8] >> (7 - place % 8) & 1) for place in range(min(count, MAX_ITEMS))
    ]


def _items(items: list[Any]) -> dict[str, Value]:
    if len(items) > MAX_ITEMS:
        raise Unreadable(f"its array has {len(items):,} items; the limit is {MAX_ITEMS:,}")
    return {f".{place}": item for place, item in enumerate(items)}
