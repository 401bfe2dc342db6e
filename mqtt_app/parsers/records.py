"""Decoded objects, and lists of them, as readings of the device of their topic."""

from collections.abc import Sequence
from typing import Any

from mqtt_app.domain.facts import Fact
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.json_objects import DEVICE_KEYS, device_of_topic
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings, time_key


def facts_of_tree(message: Message, tree: Any) -> Sequence[Fact]:
    """Each object of a list is a record with its own device and time."""
    readings = TreeReadings()
    device = device_of_topic(message.topic)
    if not isinstance(tree, list) or not any(isinstance(item, dict) for item in tree):
        tree = [tree]
    for place, record in enumerate(tree):
        if isinstance(record, dict):
            _add_record(readings, device, record)
        else:
            readings.add_tree(
                ReadingOrigin(device=device), record, str(place) if len(tree) > 1 else ""
            )
    return readings.facts


def _add_record(readings: TreeReadings, device: str, record: dict[str, Any]) -> None:
    timed = time_key(record)
    named = next((key for key in DEVICE_KEYS if _is_name(record.get(key))), "")
    origin = ReadingOrigin(
        device=record[named].strip() if named else device,
        time=parse_time(record[timed]) if timed else None,
    )
    values = {key: value for key, value in record.items() if key not in (timed, named)}
    if timed and isinstance(values.get("values"), dict):
        values = values | values.pop("values")
    readings.add_tree(origin, values)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
