"""Telegraf's JSON: `{"name": ..., "tags": {...}, "fields": {...}, "timestamp": ...}`, or `metrics` of it.

Source: https://docs.influxdata.com/telegraf/v1/data_formats/output/json/. As in line protocol the
`host` or another tag that names a device is the device below the topic, and the other tags stand in
the name of the metric.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import Fact
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import MEASUREMENT, ReadingCollector, object_at, text_at
from mqtt_app.parsers.fields import payload_text
from mqtt_app.parsers.influx_line import device_and_names
from mqtt_app.parsers.json_tree import decode, invalid

KEYS = (b'"fields"', b'"name"', b'"tags"', b'"timestamp"')


class TelegrafParser:
    name = "telegraf"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if all(key in sample for key in KEYS):
            return 0.7
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not payload_text(message.payload):
            return []
        tree = decode(message.payload)
        if isinstance(tree, dict):
            records = tree.get("metrics", [tree])
        else:
            records = tree
        if not isinstance(records, list):
            raise invalid("expected an object with fields, or a list of them")
        return [fact for record in records for fact in _facts(message.topic, record)]


def _facts(topic: str, record: Any) -> Iterator[Fact]:
    if not isinstance(record, dict):
        raise invalid("expected an object with fields")
    name = text_at(record, "name") or "value"
    written = object_at(record, "tags")
    tags = {key: str(written[key]) for key in sorted(written)}
    place = device_and_names(topic, name, tags)
    readings = ReadingCollector(place.device, time=parse_time(record.get("timestamp")))
    for field, value in object_at(record, "fields").items():
        if field == "value":
            last = []
        else:
            last = [field]
        readings.add_tree(value, lambda _: MEASUREMENT, ".".join([name, *place.names, *last]))
    yield from readings.facts()
