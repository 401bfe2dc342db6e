"""Tags as gateways of plants send them: Neuron, Siemens Industrial Edge, SiteWise, ThingsPro.

Source: https://docs.emqx.com/en/neuron/latest/configuration/north-apps/mqtt/api.html; Siemens, "Common
Connector" payloads (`vals` with `id`, `qc`, `ts`, `val`);
https://docs.aws.amazon.com/iot-sitewise/latest/userguide/mqtt-topics.html; Moxa, "ThingsPro Edge" (`tags`
with `srcName`, `tagName`, `dataValue`). A tag is a metric. A tag with an error or a bad quality is
named and has no reading.
"""

from collections.abc import Callable, Iterator
from typing import Any

from mqtt_app.domain.facts import Fact, FieldProblem
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.collector import MEASUREMENT, Meaning, ReadingCollector, object_at, text_at
from mqtt_app.parsers.generic.topic_roles import below_device, device_of_topic
from mqtt_app.parsers.json_forms import JsonForm, records_of

GOOD = 3  # the two bits of OPC's quality code, as `qc` has them
Reader = Callable[[str, dict[str, Any]], Iterator[Fact]]


def neuron(device: str, tree: dict[str, Any]) -> Iterator[Fact]:
    """The device is the south node; tags that could not be read have an error code."""
    readings = ReadingCollector(below_device(device, text_at(tree, "node")))
    readings.time = parse_time(tree.get("timestamp"))
    for name, value in object_at(tree, "values").items():
        readings.add_tree(value, _measurement, name)
    for name, code in object_at(tree, "errors").items():
        readings.refuse(name, f"the driver answers {code}")
    for tag in _records(tree, "tags"):
        name = text_at(tag, "name")
        if "value" in tag:
            readings.add_tree(tag["value"], _measurement, name)
        else:
            readings.refuse(name, f"the driver answers {tag.get('error')}")
    yield from readings.facts()


def industrial_edge(device: str, tree: dict[str, Any]) -> Iterator[Fact]:
    readings = ReadingCollector(device)
    for tag in _records(tree, "vals"):
        name = str(tag.get("id", ""))
        if tag.get("qc", GOOD) != GOOD:
            readings.refuse(name, f"its quality code is {tag['qc']}")
            continue
        readings.time = parse_time(tag.get("ts"))
        readings.add_tree(tag.get("val"), _measurement, name)
    yield from readings.facts()


def sitewise(device: str, tree: dict[str, Any]) -> Iterator[Fact]:
    """The device is the alias down to its last level, or the asset."""
    above, _, last = text_at(tree, "propertyAlias").rpartition("/")
    inner = object_at(tree, "payload") or tree
    readings = ReadingCollector(above or text_at(inner, "assetId") or device)
    metric = last or text_at(inner, "propertyId") or "value"
    for entry in [*_records(inner, "propertyValues"), *_records(inner, "values")]:
        if str(entry.get("quality", "GOOD")).upper() == "BAD":
            readings.refuse(metric, "its quality is bad")
            continue
        time = object_at(entry, "timestamp")
        parts = {"seconds": time.get("timeInSeconds"), "nanos": time.get("offsetInNanos", 0)}
        readings.time = parse_time(parts)
        for value in object_at(entry, "value").values():
            readings.add_leaf(metric, value)
    yield from readings.facts()


def thingspro(device: str, tree: dict[str, Any]) -> Iterator[Fact]:
    for tag in _records(tree, "tags"):
        name = text_at(tag, "tagName")
        if not name:
            yield FieldProblem(field="tags", reason="a tag without a name")
            continue
        readings = ReadingCollector(below_device(device, text_at(tag, "srcName")))
        readings.time = parse_time(tag.get("ts"))
        readings.add_tree(tag.get("dataValue"), _measurement, name)
        yield from readings.facts()


def _measurement(_name: str) -> Meaning:
    return MEASUREMENT


def _form(name: str, keys: tuple[bytes, ...], read: Reader) -> JsonForm:
    def read_all(topic: str, tree: Any) -> Iterator[Fact]:
        device = device_of_topic(topic)
        for record in records_of(tree, "an object with tags"):
            yield from read(device, record)

    return JsonForm(name=name, keys=(keys,), read=read_all)


def _records(tree: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = tree.get(key)
    if isinstance(found, list):
        return [record for record in found if isinstance(record, dict)]
    return []


FORMS = (
    _form("sitewise", (b'"propertyValues"', b'"timeInSeconds"'), sitewise),
    _form("industrial_edge", (b'"vals"', b'"val"', b'"qc"', b'"id"'), industrial_edge),
    _form("thingspro", (b'"srcName"', b'"tagName"', b'"dataValue"'), thingspro),
    _form("neuron", (b'"node"', b'"group"', b'"timestamp"'), neuron),
)
