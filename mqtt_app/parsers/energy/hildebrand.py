"""Glow displays of Hildebrand, on British smart meters: `glow/<MAC>/SENSOR/electricitymeter`.

Source: https://www.hildebrand.co.uk/our-products/glow-ihd-cad/ (local MQTT). The display is the
device `glow/<MAC>`, and the metrics are those of its JSON. `units` stands beside the numbers of
energy and power; prices have none. Numbers of meters (`mpan`, `mprn`) stay text.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import DeviceDescription, Fact
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import IGNORED, PLAIN, Fields, Trait, only_text, payload_text
from mqtt_app.parsers.json_tree import decode, invalid

MEASURED = frozenset({"cumulative", "day", "week", "month", "value", "cumulativevol"})
UNITS = "units"
STATE = "STATE"
RADIO = {"rssi": Trait(unit="dBm", diagnostic=True), "lqi": Trait(diagnostic=True)}

_TOPIC = re.compile(
    r"(?P<device>(?:.+/)?glow/(?P<mac>[0-9A-Fa-f]{12}))/(?P<kind>STATE|SENSOR/[a-z]+)", re.ASCII
)


class GlowTopic(msgspec.Struct, frozen=True):
    device: str
    mac: str
    kind: str


class HildebrandParser:
    name = "hildebrand"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if "glow/" in topic and _place(topic) is not None:
            return 0.85
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None:
            raise invalid("expected a topic such as glow/<MAC>/SENSOR/electricitymeter")
        if not payload_text(message.payload):
            return []
        tree = decode(message.payload)
        if not isinstance(tree, dict):
            raise invalid("expected a JSON object")
        if place.kind == STATE:
            return list(_state(place, tree))
        return [fact for meter, values in tree.items() for fact in _meter(place, meter, values)]


@lru_cache(maxsize=1_024)
def _place(topic: str) -> GlowTopic | None:
    found = _TOPIC.fullmatch(topic)
    if found:
        return GlowTopic(found["device"], found["mac"], found["kind"])
    return None


def _state(place: GlowTopic, tree: dict[str, Any]) -> Iterator[Fact]:
    software = tree.get("software")
    model = tree.get("hardware")
    yield DeviceDescription(
        device=place.device,
        manufacturer="Hildebrand",
        model=model[:200] if isinstance(model, str) else "",
        software=software[:200] if isinstance(software, str) else "",
    )
    network = tree.get("han")
    if isinstance(network, dict):
        yield from _fields(place, tree.get("timestamp"), {}).facts(network, "han")


def _meter(place: GlowTopic, meter: str, values: Any) -> Iterator[Fact]:
    if isinstance(values, dict):
        fields = _fields(place, values.get("timestamp"), _units(values, meter))
        yield from fields.facts(values, meter)


def _units(tree: dict[str, Any], path: str) -> dict[str, str]:
    """Units by metric, of `cumulativevolunits` and the like, or else by the path of the object."""
    found: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found |= _units(value, f"{path}.{key}")
        elif key.endswith(UNITS) and isinstance(value, str):
            of_one = key.removesuffix(UNITS)
            found[f"{path}.{of_one}" if of_one else path] = value[:20]
    return found


def _fields(place: GlowTopic, time: Any, units: dict[str, str]) -> Fields:
    def trait(metric: str) -> Trait:
        above, _, last = metric.rpartition(".")
        if last == "timestamp" or last.endswith(UNITS):
            return IGNORED
        if last in MEASURED:
            return Trait(unit=units.get(metric) or units.get(above, ""))
        return RADIO.get(last, PLAIN)

    return Fields(device=place.device, trait=trait, read=only_text, time=parse_time(time))
