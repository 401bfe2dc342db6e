"""CBOR and MessagePack on any topic, read by the rules of JSON.

Sources: RFC 8949 (https://www.rfc-editor.org/rfc/rfc8949) and
https://github.com/msgpack/msgpack/blob/master/spec.md. Neither has a mark that is always there, so
bytes are taken for one of them only when they are no text and can be read to their last byte.
"""

from collections.abc import Callable, Sequence
from typing import Any

from mqtt_app.domain.facts import Fact, ParseError, ParseErrorKind
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.binary_codecs import decode_cbor, decode_messagepack
from mqtt_app.parsers.records import facts_of_tree

SELF_DESCRIBED = b"\xd9\xd9\xf7"  # RFC 8949, 3.4.6: a tag that marks CBOR
MAX_SAMPLE = 65_536  # bytes that are decoded to recognise a format


class CborParser:
    name = "cbor"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if sample.startswith(SELF_DESCRIBED):
            return 0.6
        if sample[:1] >= b"\x80":
            return _confidence(sample, decode_cbor)
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        return _facts(message, decode_cbor)


class MessagePackParser:
    name = "messagepack"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if sample[:1] >= b"\x80":
            return _confidence(sample, decode_messagepack)
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        return _facts(message, decode_messagepack)


def _facts(message: Message, decode: Callable[[bytes], Any]) -> Sequence[Fact]:
    if not message.payload:
        return []
    tree = decode(message.payload)
    if not isinstance(tree, dict | list):
        raise ParseError(ParseErrorKind.VALIDATION, "expected a map or an array")
    return facts_of_tree(message, tree)


def _confidence(sample: bytes, decode: Callable[[bytes], Any]) -> float:
    """Surest of a map whose keys are text; a list of numbers may be anything."""
    if len(sample) > MAX_SAMPLE or _is_text(sample):
        return 0.0
    try:
        tree = decode(sample)
    except ParseError:
        return 0.0
    if isinstance(tree, list):
        records = tree
    else:
        records = [tree]
    if not records or not all(isinstance(record, dict) and record for record in records):
        if isinstance(tree, list) and len(tree) > 1:
            return 0.2
        return 0.0
    if all(_is_name(key) for record in records for key in record):
        return 0.5
    return 0.0


def _is_text(sample: bytes) -> bool:
    try:
        sample.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_name(key: str) -> bool:
    return bool(key) and key.isprintable() and "\ufffd" not in key
