"""Eclipse Ditto's protocol, also of Bosch IoT Things: `{"topic", "path", "value"}`.

Source: https://eclipse.dev/ditto/protocol-specification.html. The thing `<namespace>:<name>` is the
device; a metric is its feature and the property, or the attribute. What the twin or the device
says of itself (`events`, and `commands/modify` and `merge` on its way up) are readings; live messages, answers and
errors are none.
"""

from typing import Any

from mqtt_app.domain.facts import Fact
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.collector import MEASUREMENT, ReadingCollector, text_at
from mqtt_app.parsers.json_forms import JsonForm
from mqtt_app.parsers.json_tree import invalid

KEYS = (b'"topic"', b'"path"', b"/things/")
REPORTS = frozenset(("created", "modified", "merged", "modify", "merge", "create"))
LEFT_OUT = frozenset(("properties", "features", "attributes"))
NO_VALUES = frozenset(("desiredProperties", "definition", "policyId", "thingId", "_policy"))


def read(_topic: str, tree: Any) -> list[Fact]:
    if not isinstance(tree, dict):
        raise invalid("expected an object with topic, path and value")
    levels = text_at(tree, "topic").split("/")
    if len(levels) < 6 or levels[2] != "things" or levels[5] not in REPORTS:
        return []
    names = [name for name in text_at(tree, "path").split("/") if name]
    readings = ReadingCollector(f"{levels[0]}:{levels[1]}")
    readings.time = parse_time(tree.get("timestamp"))
    _add(readings, names, tree.get("value"))
    return readings.facts()


def _add(readings: ReadingCollector, names: list[str], value: Any) -> None:
    if not NO_VALUES.isdisjoint(names):
        return
    if isinstance(value, dict):
        for key, child in value.items():
            _add(readings, [*names, key], child)
        return
    metric = ".".join(name for name in names if name not in LEFT_OUT)
    readings.add_tree(value, lambda _: MEASUREMENT, metric or "value")


FORM = JsonForm(name="ditto", keys=(KEYS,), read=read, confidence=0.75)
