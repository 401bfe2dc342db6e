"""Columns of values in the two forms that PostgreSQL reads fastest: array literals, and binary
COPY.

psycopg's own dumper of lists is general and takes 10 us a value; these know their types.
Formats: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO,
https://www.postgresql.org/docs/current/sql-copy.html (Binary Format).
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

# characters of the texts that are remembered: names come again and again, long values do not
REMEMBERED = 128
_BOOLEANS = {None: "NULL", True: "t", False: "f"}
_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"'})
_EPOCH = 946_684_800_000_000  # 2000-01-01 in unix microseconds: where PostgreSQL counts from

COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!ii", 0, 0)
COPY_END = struct.pack("!h", -1)
_NULL = struct.pack("!i", -1)
_LENGTH = struct.Struct("!i")
_FLOAT = struct.Struct("!id")
_ROW_START = struct.Struct("!hiq")  # number of fields, device_id
_TIMES = struct.Struct("!iqiqih")  # time, received_at, quality


def numbers(values: Iterable[float | None]) -> str:
    """Finite numbers and None as a literal, for a parameter that is cast to an array of any numeric
    type.
    """
    return "{" + ",".join(["NULL" if value is None else repr(value) for value in values]) + "}"


def booleans(values: Iterable[bool | None]) -> str:
    return "{" + ",".join([_BOOLEANS[value] for value in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    """Text without NUL."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def blobs(values: Iterable[bytes | None]) -> str:
    return "{" + ",".join([_blob(value) for value in values]) + "}"


def _blob(value: bytes | None) -> str:
    if value is None:
        return "NULL"
    return f'"\\\\x{value.hex()}"'


def _quoted(text: str) -> str:
    if len(text) <= REMEMBERED:
        return _remembered(text)
    return _quote(text)


def _quote(text: str) -> str:
    return f'"{text.translate(_QUOTED)}"'


_remembered = lru_cache(maxsize=65_536)(_quote)


def microseconds(moment: float) -> int:
    """Unix seconds as the nearest whole microsecond, which is what a timestamptz holds."""
    return round(moment * 1e6)


class CopyRow(msgspec.Struct, frozen=True, gc=False):
    """A row of mqtt_reading. Times in unix microseconds; the value as `domain.facts` has it, finite
    if it is a number.
    """

    device_id: int
    metric: str
    time: int
    received_at: int
    quality: int
    value: Any


def copy_rows(rows: Sequence[CopyRow]) -> bytes:
    """The body of `COPY ... (device_id, metric, time, received_at, quality, value, boolean, text,
    raw) ... BINARY`.
    """
    parts = [COPY_HEADER]
    for row in rows:
        parts += (
            _ROW_START.pack(9, 8, row.device_id),
            _field(row.metric),
            _TIMES.pack(8, row.time - _EPOCH, 8, row.received_at - _EPOCH, 2, row.quality),
            _VALUE[type(row.value)](row.value),
        )
    parts.append(COPY_END)
    return b"".join(parts)


@lru_cache(maxsize=65_536)
def _field(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH.pack(len(encoded)) + encoded


def _float(value: float) -> bytes:
    return _FLOAT.pack(8, value) + _NULL * 3


def _boolean(value: bool) -> bytes:
    return _NULL + _LENGTH.pack(1) + (b"\x01" if value else b"\x00") + _NULL * 2


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _NULL * 2 + _LENGTH.pack(len(encoded)) + encoded + _NULL


def _raw(value: bytes) -> bytes:
    return _NULL * 3 + _LENGTH.pack(len(value)) + value


_VALUE: dict[type, Callable[[Any], bytes]] = {
    float: _float,
    int: _float,
    bool: _boolean,
    str: _text,
    bytes: _raw,
}
