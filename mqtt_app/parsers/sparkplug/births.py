"""What the birth messages of an edge node and its devices defined, as data messages need it.

A data message may bring an alias only, or a name without its data type; both are in the birth of
the same node or device. Each birth is remembered under a key of its own, so that an edge node with
hundreds of devices stays within the limit of one key.
"""

import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from mqtt_app.domain.facts import Remembered

MAX_BYTES = 256 * 1024  # of one key, see Remembered
MAX_UNPACKED = 8 * MAX_BYTES  # no honest birth packs better
PACKED_FROM = 16 * 1024  # bytes; smaller births are not worth the time
PLAIN, PACKED = b"\x00", b"\x01"  # first byte of what is remembered
CACHED = 256  # births that are kept decoded: of the edge nodes that speak at the moment


class Definition(msgspec.Struct, frozen=True, array_like=True):
    name: str
    alias: int | None
    datatype: int
    unit: str


class Birth(msgspec.Struct, frozen=True):
    """`by_alias` and `by_name` hold the same definitions. `session` is the birth's bdSeq."""

    session: int | None
    by_alias: Mapping[int, Definition]
    by_name: Mapping[str, Definition]


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    session: int | None
    definitions: list[Definition]


NONE = Birth(None, {}, {})


def remember(key: str, session: int | None, definitions: Iterable[Definition]) -> Remembered | None:
    """None when it is larger than what can be remembered."""
    stored = _Stored(session, list(definitions))
    plain = msgspec.msgpack.encode(stored)
    if len(plain) < PACKED_FROM:
        value = PLAIN + plain
    else:
        value = PACKED + zlib.compress(plain, 1)
    if len(value) <= MAX_BYTES:
        return Remembered(key=key, value=value)
    return None


def recall(memory: Mapping[str, bytes], key: str) -> Birth | None:
    """None when no birth was seen, or what is remembered is of another version of this parser."""
    value = memory.get(key)
    if value:
        return _decoded(value)
    return None


@lru_cache(maxsize=CACHED)
def _decoded(value: bytes) -> Birth | None:
    try:
        plain = value[1:]
        if value[:1] == PACKED:
            plain = zlib.decompressobj().decompress(plain, MAX_UNPACKED)
        stored = msgspec.msgpack.decode(plain, type=_Stored)
    except (zlib.error, msgspec.DecodeError):
        return None
    return Birth(
        stored.session,
        {item.alias: item for item in stored.definitions if item.alias is not None},
        {item.name: item for item in stored.definitions},
    )
