"""The tree of a payload that a mapping is to read: JSON, CBOR or MessagePack."""

from typing import Any

from mqtt_app.domain.facts import ParseError, ParseErrorKind
from mqtt_app.parsers.binary_codecs import decode_cbor, decode_messagepack
from mqtt_app.parsers.binary_trees import SELF_DESCRIBED
from mqtt_app.parsers.json_tree import decode, invalid

MAX_MAPPED = 262_144  # bytes; every path walks over the whole tree in the worst case
_DECODERS = {"json": decode, "cbor": decode_cbor, "messagepack": decode_messagepack}


def tree_of(payload: bytes, written: str = "auto") -> Any:
    """`written` is a format, or `auto`. Raises ParseError for what is none of them."""
    if len(payload) > MAX_MAPPED:
        raise invalid(
            f"the payload is {len(payload):,} bytes long; a mapping reads up to {MAX_MAPPED:,}"
        )
    decoder = _DECODERS.get(written)
    if decoder is not None:
        return decoder(payload)
    if payload[:1] >= b"\x80" and not _is_text(payload):
        return _binary(payload)
    return decode(payload)


def _binary(payload: bytes) -> Any:
    decoders = [decode_messagepack, decode_cbor]
    if payload.startswith(SELF_DESCRIBED):
        decoders = [decode_cbor]
    for decoder in decoders:
        try:
            tree = decoder(payload)
        except ParseError:
            continue
        if isinstance(tree, dict | list):
            return tree
    raise ParseError(ParseErrorKind.PARSE, "neither JSON nor CBOR nor MessagePack")


def _is_text(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
