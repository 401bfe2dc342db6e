"""OPC UA over MQTT in JSON: OPC 10000-14 (PubSub) and Azure's OPC Publisher.

Source: https://reference.opcfoundation.org/Core/Part14/v105/docs/7.2.5 and
https://azure.github.io/Industrial-IoT/opc-publisher/messageformats.html. A node or a field is a
metric: nodes by the text of their `NodeId`, else by their `DisplayName`. The device is the topic, and
below it the server (`ApplicationUri`, `EndpointUrl`), or the publisher and the writer of the data
set. A value with a bad `StatusCode` is none.
"""

import re
from collections.abc import Iterator
from typing import Any

from mqtt_app.domain.facts import Fact, MetricDescription
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.collector import MEASUREMENT, ReadingCollector, label_at, object_at, text_at
from mqtt_app.parsers.generic.topic_roles import below_device, device_of_topic
from mqtt_app.parsers.json_forms import JsonForm, records_of

NODE = (b'"NodeId"', b'"Value"')
MESSAGE = (b'"Payload"', b'"DataSetWriter')
METADATA = frozenset({"ua-metadata", "ua-keepalive", "ua-status", "ua-connection"})
_WRITTEN_ID = re.compile(r"(?:^|;)s=(?P<id>.+)", re.DOTALL)
BAD = 0x8000_0000  # the highest bit of a status code; the one below it is "uncertain"


def read(topic: str, tree: Any) -> Iterator[Fact]:
    device = device_of_topic(topic)
    for record in records_of(tree, "objects with NodeId and Value, or with Payload"):
        yield from _facts(device, record)


def _facts(device: str, record: dict[str, Any]) -> Iterator[Fact]:
    if str(record.get("MessageType")) in METADATA:
        return
    if "NodeId" in record:
        yield from _node(below_device(device, _server(record)), record)
        return
    messages = record.get("Messages", [record])
    for message in messages if isinstance(messages, list) else [messages]:
        if isinstance(message, dict) and str(message.get("MessageType")) not in METADATA:
            publisher = below_device(device, _name(record, "PublisherId"))
            yield from _data_set(publisher, message)


def _node(device: str, record: dict[str, Any]) -> Iterator[Fact]:
    node = record["NodeId"]
    if isinstance(node, str):
        text = node
    else:
        text = _id_of(node)
    name = label_at(record, "DisplayName")
    written = _WRITTEN_ID.search(text)
    if written:
        metric = written["id"]
    else:
        metric = name or text
    readings = ReadingCollector(device)
    _add(readings, metric, record.get("Value"), record)
    facts = readings.facts()
    if facts and name and name != metric:
        facts.append(MetricDescription(device=device, metric=metric, name=name))
    yield from facts


def _data_set(publisher: str, message: dict[str, Any]) -> list[Fact]:
    writer = _name(message, "DataSetWriterName") or _name(message, "DataSetWriterId")
    readings = ReadingCollector(below_device(publisher, writer))
    for field, value in object_at(message, "Payload").items():
        _add(readings, field, value, message)
    return readings.facts()


def _add(readings: ReadingCollector, metric: str, value: Any, above: dict[str, Any]) -> None:
    """A value as it is, as a DataValue, or as a Variant with `Type` and `Body`."""
    if isinstance(value, dict):
        fields = value
    else:
        fields = {}
    is_data_value = "Value" in fields or "StatusCode" in fields
    if is_data_value:
        inner = fields.get("Value")
    else:
        inner = value
    if isinstance(inner, dict) and "Body" in inner:
        inner = inner["Body"]
    status = fields.get("StatusCode", above.get("StatusCode"))
    if _is_bad(status):
        readings.refuse(metric, "its status code is bad")
        return
    readings.time = _time(fields, above)
    readings.add_tree(inner, lambda _: MEASUREMENT, metric)


def _time(fields: dict[str, Any], above: dict[str, Any]) -> float | None:
    keys = ("SourceTimestamp", "ServerTimestamp", "Timestamp")
    times = (parse_time(record.get(key)) for record in (fields, above) for key in keys)
    return next((time for time in times if time is not None), None)


def _is_bad(status: object) -> bool:
    if isinstance(status, dict):
        status = status.get("Code", status.get("Symbol"))
    if isinstance(status, str):
        return status.lower().startswith("bad")
    return isinstance(status, int) and bool(status & BAD)


def _server(record: dict[str, Any]) -> str:
    endpoint = text_at(record, "EndpointUrl").partition("://")[2].strip("/")
    return text_at(record, "ApplicationUri") or endpoint


def _name(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    if isinstance(value, str | int):
        return str(value).strip()
    return ""


def _id_of(node: Any) -> str:
    """A NodeId as an object: `{"IdType": 1, "Id": "Temp", "Namespace": 2}`."""
    if isinstance(node, dict):
        found = node.get("Id")
    else:
        found = node
    if isinstance(found, str):
        return f"s={found}"
    return str(found)[:60]


FORM = JsonForm(name="opc_ua", keys=(NODE, MESSAGE), read=read)
