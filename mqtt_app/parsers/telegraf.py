"""Telegraf in JSON: `{"name": "cpu", "tags": {...}, "fields": {...}, "timestamp": 1700000000}`.

Source: https://docs.influxdata.com/telegraf/v1/data_formats/output/json/. Several metrics in one
message are a list under `metrics`. Devices and metrics are named as those of line protocol are, so
that both formats of one plugin give the same.
"""

from collections.abc import Sequence
from typing import Any

from mqtt_app.domain.facts import Fact
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.influx_line import source_of
from mqtt_app.parsers.json_tree import Documents, decode, invalid
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings

MARKS = (b'"fields"', b'"tags"', b'"name"', b'"timestamp"')
MAX_METRICS = 10_000  # of one message


class TelegrafParser:
    name = "telegraf"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        is_object = sample.lstrip()[:1] in (b"{", b"[")
        return 0.7 if is_object and all(mark in sample for mark in MARKS) else 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not message.payload.strip():
            return []
        readings = TreeReadings()
        for metric in _metrics(decode(message.payload)):
            _add(readings, message.topic, metric)
        return readings.facts


def _metrics(tree: Any) -> list[dict[str, Any]]:
    listed = tree.get("metrics") if isinstance(tree, dict) else None
    if isinstance(listed, list):
        found = listed
    else:
        found = list(tree) if isinstance(tree, Documents | list) else [tree]
    metrics = [metric for metric in found if _is_metric(metric)][:MAX_METRICS]
    if found and not metrics:
        raise invalid("expected a JSON object with name, tags and fields")
    return metrics


def _is_metric(metric: Any) -> bool:
    return (
        isinstance(metric, dict)
        and isinstance(metric.get("name"), str)
        and isinstance(metric.get("fields"), dict)
    )


def _add(readings: TreeReadings, topic: str, metric: dict[str, Any]) -> None:
    tags = metric.get("tags")
    named = tags if isinstance(tags, dict) else {}
    texts = {key: str(value) for key, value in sorted(named.items()) if value not in ("", None)}
    source = source_of(topic, metric["name"], texts)
    origin = ReadingOrigin(device=source.device, time=parse_time(metric.get("timestamp")))
    for field, value in metric["fields"].items():
        if isinstance(value, dict | list):
            readings.add_tree(origin, value, source.metric(field))
        else:
            readings.add(origin, source.metric(field), value, is_literal=True)
