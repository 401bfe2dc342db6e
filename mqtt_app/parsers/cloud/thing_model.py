"""Properties of things on the platforms of Tuya, Alibaba, Huawei, Tencent and China Mobile.

Source: https://developer.tuya.com/en/docs/iot/MQTT-protocol,
https://www.alibabacloud.com/help/en/iot/user-guide/device-properties-events-and-services,
https://support.huaweicloud.com/intl/en-us/api-iothub/iot_06_v5_3010.html. A property is a metric; on
Huawei's it stands below its service. Topics of the other direction, of answers and of events are no
readings.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import Fact
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import (
    MEASUREMENT,
    ReadingCollector,
    decode_object,
    list_at,
    text_at,
)
from mqtt_app.parsers.fields import payload_text

# Groups: `device` is the device with all levels above it, `rest` what the topic is about.
_FORMS = (
    re.compile(r"(?P<device>(?:.*/)?tylink/[^/]+)/thing/(?P<rest>.+)"),
    re.compile(r"(?P<device>(?:.*/)?\$?sys/[^/]+/[^/]+)/thing/(?P<rest>.+)"),
    re.compile(r"(?P<device>(?:.*/)?\$oc/devices/[^/]+)/sys/(?P<rest>.+)"),
    re.compile(r"(?P<head>(?:.*/)?\$thing)/(?P<rest>.+)/(?P<device>[^/]+/[^/]+)"),
)
_HINTS = ("/thing/", "$oc/", "$thing/")
REPORTS = frozenset(
    (
        "property/report",
        "event/property/post",
        "property/post",
        "event/property/pack/post",
        "properties/report",
        "gateway/sub_devices/properties/report",
        "up/property",
    )
)


class ThingPlace(msgspec.Struct, frozen=True):
    device: str
    is_report: bool


class ThingModelParser:
    name = "thing_model"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if not any(hint in topic for hint in _HINTS):
            return 0.0
        if _place(topic) is not None:
            return 0.85
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None or not place.is_report or not payload_text(message.payload):
            return []
        return list(_facts(place.device, decode_object(message.payload)))


def _place(topic: str) -> ThingPlace | None:
    for form in _FORMS:
        if found := form.fullmatch(topic):
            groups = found.groupdict()
            head = groups.get("head")
            if head:
                device = f"{head}/{groups['device']}"
            else:
                device = groups["device"]
            return ThingPlace(device, groups["rest"] in REPORTS)
    return None


def _facts(device: str, tree: dict[str, Any]) -> Iterator[Fact]:
    for child in list_at(tree, "devices"):
        if isinstance(child, dict) and (name := text_at(child, "device_id")):
            yield from _services(f"{device}/{name}", child)
    yield from _services(device, tree)
    readings = ReadingCollector(device)
    common = _time(tree)
    for key in ("params", "data"):
        if isinstance(tree.get(key), dict):
            _add(readings, tree[key], common)
    yield from readings.facts()


def _services(device: str, tree: dict[str, Any]) -> list[Fact]:
    readings = ReadingCollector(device)
    for service in list_at(tree, "services"):
        if isinstance(service, dict) and isinstance(service.get("properties"), dict):
            time = _time(service)
            _add(readings, service["properties"], time, text_at(service, "service_id"))
    return readings.facts()


def _add(
    readings: ReadingCollector, properties: dict[str, Any], common: float | None, above: str = ""
) -> None:
    for name, written in properties.items():
        if above:
            metric = f"{above}.{name}"
        else:
            metric = name
        if isinstance(written, dict) and "value" in written:
            entry = written
        else:
            entry = {"value": written}
        own = parse_time(entry.get("time"))
        if own is None:
            readings.time = common
        else:
            readings.time = own
        readings.add_tree(entry["value"], lambda _: MEASUREMENT, metric)


def _time(record: dict[str, Any]) -> float | None:
    """Times without a zone are in UTC."""
    for key in ("event_time", "timestamp", "time"):
        time = parse_time(record.get(key), "UTC")
        if time is not None:
            return time
    return None
