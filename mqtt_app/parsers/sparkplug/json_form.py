"""The payload of Sparkplug B in JSON, as Eclipse Tahu's tools and some gateways publish it.

{"timestamp": <ms>, "seq": 0, "metrics": [{"name", "alias", "timestamp", "dataType", "value"}]}
"""

import sys
from collections.abc import Mapping
from typing import Any

from mqtt_app.parsers.collector import decode_object, list_at, object_at

DATA_TYPES = {
    "int8": 1,
    "int16": 2,
    "int32": 3,
    "int64": 4,
    "uint8": 5,
    "uint16": 6,
    "uint32": 7,
    "uint64": 8,
    "float": 9,
    "double": 10,
    "boolean": 11,
    "string": 12,
    "datetime": 13,
    "text": 14,
    "uuid": 15,
    "dataset": 16,
    "template": 19,
}
TYPE_KEYS = ("dataType", "datatype", "type")
LARGEST = 2**64 - 1
LARGEST_DOUBLE = sys.float_info.max


def fill(payload: Any, text: bytes) -> None:
    """Sets the fields of an empty `Payload` from its JSON form. Raises ParseError."""
    tree = decode_object(text)
    _set_number(payload, "timestamp", tree.get("timestamp"))
    _set_number(payload, "seq", tree.get("seq"))
    for entry in list_at(tree, "metrics"):
        if isinstance(entry, dict):
            _fill_metric(payload.metrics.add(), entry)


def _fill_metric(metric: Any, entry: dict[str, Any]) -> None:
    name = entry.get("name")
    if isinstance(name, str):
        metric.name = name.encode("utf-8", "replace")
    _set_number(metric, "alias", entry.get("alias"))
    _set_number(metric, "timestamp", entry.get("timestamp"))
    metric.datatype = _datatype(entry)
    value = entry.get("value")
    metric.is_null = value is None
    _set_value(metric, value)
    for key, found in object_at(entry, "properties").items():
        if isinstance(found, Mapping):
            shown = found.get("value")
        else:
            shown = found
        metric.properties.keys.append(key.encode("utf-8", "replace"))
        _set_value(metric.properties.values.add(), shown)


def _set_value(holder: Any, value: Any) -> None:
    """Numbers are signed already, so they need no data type; what is no single value is left out."""
    if isinstance(value, bool):
        holder.boolean_value = value
    elif isinstance(value, int) and 0 <= value <= LARGEST:
        holder.long_value = value
    elif isinstance(value, int | float) and abs(value) <= LARGEST_DOUBLE:
        holder.double_value = value
    elif isinstance(value, str):
        holder.string_value = value.encode("utf-8", "replace")


def _datatype(entry: dict[str, Any]) -> int:
    for key in TYPE_KEYS:
        found = entry.get(key)
        if isinstance(found, str):
            return DATA_TYPES.get(found.lower(), 0)
        if type(found) is int and 0 <= found < 64:
            return found
    return 0


def _set_number(holder: Any, field: str, value: Any) -> None:
    if type(value) is int and 0 <= value <= LARGEST:
        setattr(holder, field, value)
