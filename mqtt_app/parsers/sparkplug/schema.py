"""The messages of Sparkplug's `sparkplug_b.proto`, as far as readings need them.

Source: Sparkplug 3.0.0, chapter 6 (https://sparkplug.eclipse.org/specification/). Two things
differ from the published schema and not on the wire: text is declared as bytes, so that a name that
is not UTF-8 costs its metric and not the message; and data sets, templates and nested property sets
are bytes too, so that nothing is decoded that is not used and nesting has no depth.
"""

import zlib
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from mqtt_app.domain.facts import ParseError, ParseErrorKind
from mqtt_app.parsers.base import MAX_FACTS, MAX_PAYLOAD
from mqtt_app.parsers.json_tree import invalid
from mqtt_app.parsers.sparkplug import json_form

PACKAGE = "sitewire.sparkplug"
COMPRESSED = b"SPBV1.0_COMPRESSED"  # the uuid of a payload whose body is another one, packed
MAX_UNPACKED = 2 * MAX_PAYLOAD  # bytes; what is packed better breaks off, and does not decode

VALUE = "_value"  # the end of the names of fields of which one at most is set: oneof "value"

_KINDS = {
    "u32": FieldDescriptorProto.TYPE_UINT32,
    "u64": FieldDescriptorProto.TYPE_UINT64,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
}

# message -> field -> (number, kind or message, repeated)
_MESSAGES: dict[str, dict[str, tuple[int, str, bool]]] = {
    "PropertyValue": {
        "type": (1, "u32", False),
        "is_null": (2, "bool", False),
        "int_value": (3, "u32", False),
        "long_value": (4, "u64", False),
        "float_value": (5, "float", False),
        "double_value": (6, "double", False),
        "boolean_value": (7, "bool", False),
        "string_value": (8, "bytes", False),
    },
    "PropertySet": {
        "keys": (1, "bytes", True),
        "values": (2, "PropertyValue", True),
    },
    "Metric": {
        "name": (1, "bytes", False),
        "alias": (2, "u64", False),
        "timestamp": (3, "u64", False),
        "datatype": (4, "u32", False),
        "is_historical": (5, "bool", False),
        "is_transient": (6, "bool", False),
        "is_null": (7, "bool", False),
        "properties": (9, "PropertySet", False),
        "int_value": (10, "u32", False),
        "long_value": (11, "u64", False),
        "float_value": (12, "float", False),
        "double_value": (13, "double", False),
        "boolean_value": (14, "bool", False),
        "string_value": (15, "bytes", False),
        "bytes_value": (16, "bytes", False),
        "dataset_value": (17, "bytes", False),
        "template_value": (18, "bytes", False),
    },
    "Payload": {
        "timestamp": (1, "u64", False),
        "metrics": (2, "Metric", True),
        "seq": (3, "u64", False),
        "uuid": (4, "bytes", False),
        "body": (5, "bytes", False),
    },
}


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="sparkplug_b.proto", package=PACKAGE, syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if any(field_name.endswith(VALUE) for field_name in fields):
            message.oneof_decl.add(name="value")
        for field_name, (number, kind, repeated) in fields.items():
            field = message.field.add(name=field_name, number=number)
            if repeated:
                field.label = FieldDescriptorProto.LABEL_REPEATED
            else:
                field.label = FieldDescriptorProto.LABEL_OPTIONAL
            if field_name.endswith(VALUE):
                field.oneof_index = 0
            if kind in _KINDS:
                field.type = _KINDS[kind]
            else:
                field.type = FieldDescriptorProto.TYPE_MESSAGE
                field.type_name = f".{PACKAGE}.{kind}"
    return file


def _payload_class() -> Any:
    pool = DescriptorPool()
    pool.AddSerializedFile(_file().SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.Payload"))


Payload: Any = _payload_class()


def decode(payload: bytes) -> Any:
    """A `Payload` message, unpacked if it was compressed, also from its form in JSON. Raises
    ParseError (PARSE) for what is neither.
    """
    if payload.lstrip()[:1] == b"{":
        message = Payload()
        json_form.fill(message, payload)
        return message
    message = _decoded(payload)
    if message.uuid == COMPRESSED:
        message = _decoded(_unpacked(message.body))
    if len(message.metrics) > MAX_FACTS:
        raise invalid(f"more than {MAX_FACTS:,} metrics in one message")
    return message


def _decoded(payload: bytes) -> Any:
    try:
        return Payload.FromString(payload)
    except DecodeError:
        reason = f"expected a Sparkplug B payload (Protocol Buffers); {len(payload):,} bytes do not"
        raise _broken(f"{reason} decode as one") from None


def _unpacked(body: bytes) -> bytes:
    """GZIP or DEFLATE, as the metric `algorithm` names it, and as the first bytes show."""
    for window_bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # with a header, without one
        try:
            unpacked = zlib.decompressobj(window_bits).decompress(body, MAX_UNPACKED)
        except zlib.error:
            continue
        return unpacked
    raise _broken(f"the compressed body of {len(body):,} bytes is neither GZIP nor DEFLATE")


def _broken(reason: str) -> ParseError:
    return ParseError(ParseErrorKind.PARSE, reason)
