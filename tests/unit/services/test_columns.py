"""Values on their way to PostgreSQL, byte by byte as its documents say; and what a process
remembers.
"""

import struct

import pytest

from mqtt_app.services.ingest.memory import RowCache
from mqtt_app.services.postgres.columns import (
    CopyRow,
    blobs,
    booleans,
    copy_rows,
    microseconds,
    numbers,
    texts,
)


def test_array_literals() -> None:
    assert numbers([1, None, -2.5, 1e300]) == "{1,NULL,-2.5,1e+300}"
    assert booleans([True, False, None]) == "{t,f,NULL}"
    assert texts(["a", None, 'q"\\,{}', ""]) == '{"a",NULL,"q\\"\\\\,{}",""}'
    assert blobs([b"\x00\xff", None, b""]) == '{"\\\\x00ff",NULL,"\\\\x"}'
    assert numbers([]) == booleans([]) == texts([]) == blobs([]) == "{}"


@pytest.mark.parametrize(
    ("seconds", "micros"),
    [(0.0, 0), (1.0000004, 1_000_000), (1.0000016, 1_000_002), (-1.5, -1_500_000)],
)
def test_a_moment_is_the_nearest_microsecond(seconds: float, micros: int) -> None:
    assert microseconds(seconds) == micros


NULL = b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        (1.5, b"\0\0\0\x08" + struct.pack("!d", 1.5) + NULL * 3),
        (2, b"\0\0\0\x08" + struct.pack("!d", 2.0) + NULL * 3),
        (True, NULL + b"\0\0\0\x01\x01" + NULL * 2),
        (False, NULL + b"\0\0\0\x01\x00" + NULL * 2),
        ("\u00fc", NULL * 2 + b"\0\0\0\x02\xc3\xbc" + NULL),
        (b"\xff", NULL * 3 + b"\0\0\0\x01\xff"),
    ],
)
def test_a_row_of_a_binary_copy(value: bool | bytes | float | str, columns: bytes) -> None:
    since_2000 = 5
    unix = 946_684_800_000_000 + since_2000
    found = copy_rows([CopyRow(7, "m", unix, unix + 1, 2, value)])
    head = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8 + struct.pack("!hiq", 9, 8, 7) + b"\0\0\0\x01m"
    times = struct.pack("!iqiqih", 8, since_2000, 8, since_2000 + 1, 2, 2)
    assert found == head + times + columns + b"\xff\xff"
    assert copy_rows([]) == head[:19] + b"\xff\xff"


def test_what_is_remembered_is_forgotten_when_it_is_too_much() -> None:
    known: RowCache[int, str] = RowCache(limit=3)
    known.learn({1: "a", 2: "b", 3: "c"})
    assert known.known([1, 3, 9]) == {1: "a", 3: "c"}
    known.learn({4: "d"})
    assert known.known([1, 2, 3, 4]) == {4: "d"}
    known.forget()
    assert known.known([4]) == {}
