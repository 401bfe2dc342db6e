"""Telegraf's JSON: `{"name": ..., "tags": {...}, "fields": {...}, "timestamp": ...}`, or `metrics` of it.

Source: https://docs.influxdata.com/telegraf/v1/data_formats/output/json/. As in line protocol the
`host` or another tag that names a device is the device below the topic, and the other tags stand in
the name of the metric.
"""

from collections.abc import Iterator
from typing import Any

from mqtt_app.domain.facts import Fact
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.collector import MEASUREMENT, ReadingCollector, object_at, text_at
from mqtt_app.parsers.influx_line import device_and_names
from mqtt_app.parsers.json_forms import JsonForm, records_of

KEYS = (b'"fields"', b'"name"', b'"tags"', b'"timestamp"')


def read(topic: str, tree: Any) -> Iterator[Fact]:
    if isinstance(tree, dict):
        tree = tree.get("metrics", tree)
    for record in records_of(tree, "an object with fields, or a list of them"):
        yield from _facts(topic, record)


def _facts(topic: str, record: dict[str, Any]) -> Iterator[Fact]:
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


FORM = JsonForm(name="telegraf", keys=(KEYS,), read=read)
