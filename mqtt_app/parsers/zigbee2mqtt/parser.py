"""Zigbee2MQTT: `<base>/<friendly name>`, `<base>/<friendly name>/availability` and
`<base>/bridge/...`.

Sources: https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html and, for the form with
a topic for each attribute, `mqtt.output` in
https://www.zigbee2mqtt.io/guide/configuration/mqtt.html. Friendly names may contain slashes. In the
form by attributes nested keys are joined with `-`, and null is an empty payload.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    ReadingFact,
    normal_address,
)
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.encoding import text_of
from mqtt_app.parsers.json_tree import decode
from mqtt_app.parsers.liveness import checked_liveness, said_liveness
from mqtt_app.parsers.tree_values import TreeValue, tree_value, tree_values
from mqtt_app.parsers.zigbee2mqtt.bridge import bridge_facts, list_keys
from mqtt_app.parsers.zigbee2mqtt.exposes import DIAGNOSTIC_UNITS
from mqtt_app.parsers.zigbee2mqtt.topics import (
    Zigbee2MqttTopic,
    is_base,
    place_of,
    shows_a_bridge,
    shows_a_device,
)

COMMANDS = {"set", "get"}
METADATA = {"last_seen", "device", "update", "update_available"}
GATEWAY_LEVELS = {"state", "status", "availability", "LWT", "online", "connected"}

_NUMBERS = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:,-?[0-9]+(?:\.[0-9]+)?)+", re.ASCII)


class Zigbee2MqttParser:
    name = "zigbee2mqtt"
    version = "2"

    def matches(self, topic: str, sample: bytes) -> float:
        place = place_of(topic)
        if not place.base:
            if shows_a_device(sample):
                return 0.65
            return 0.0
        if not place.name:
            return 0.0
        if place.name.startswith("bridge/") and not is_base(place.base.rpartition("/")[2]):
            if shows_a_bridge(topic, sample):
                return 0.8
            return 0.0
        return 0.9

    def remembers(self, topic: str) -> Sequence[str]:
        place = place_of(topic)
        if place.name in ("bridge/devices", "bridge/groups"):
            return list_keys(place.base)
        return ()

    def parse(self, message: Message) -> Sequence[Fact]:
        place = place_of(message.topic)
        if not message.payload.strip():
            return []
        if place.name == "bridge" or place.name.startswith("bridge/"):
            return list(bridge_facts(place.base, place.name, message))
        levels = place.name.split("/")
        if levels[-1] in COMMANDS or (len(levels) > 2 and levels[-2] in COMMANDS):
            return []
        if levels[-1] == "availability" and len(levels) > 1:
            return _availability(place, message.payload)
        return list(_state(place, message.payload))


def _availability(place: Zigbee2MqttTopic, payload: bytes) -> list[Fact]:
    state = checked_liveness(payload)
    if state is None:
        return []
    name = place.name.removesuffix("/availability")
    return [
        Availability(identifier=_device(place.base, name), state=state, gateway=place.base or None)
    ]


def _device(base: str, name: str) -> str:
    if base:
        return f"{base}/{name}"
    return name


def _state(place: Zigbee2MqttTopic, payload: bytes) -> Iterator[Fact]:
    if payload.lstrip()[:1] == b"{":
        state = decode(payload)
        if isinstance(state, dict):
            yield from _object(place, _device(place.base, place.name), state)
    else:
        yield from _attribute(place, payload)


def _object(place: Zigbee2MqttTopic, device: str, state: dict[str, Any]) -> Iterator[Fact]:
    time = parse_time(state.get("last_seen"))
    about = state.get("device")
    if isinstance(about, dict):
        yield _description(place, device, about)
    values = {key: value for key, value in state.items() if key not in METADATA}
    for leaf in tree_values(values):
        yield _reading(place, device, leaf, time)


def _description(place: Zigbee2MqttTopic, device: str, about: dict[str, Any]) -> DeviceDescription:
    """From `include_device_information`."""
    text = {key: value for key, value in about.items() if isinstance(value, str)}
    return DeviceDescription(
        device=device,
        name=text.get("friendlyName", "")[:200],
        manufacturer=text.get("manufacturerName", ""),
        model=text.get("model", ""),
        software=text.get("softwareBuildID", ""),
        address=normal_address(text.get("ieeeAddr", "")),
        gateway=place.base or None,
    )


def _attribute(place: Zigbee2MqttTopic, payload: bytes) -> Iterator[Fact]:
    """`<base>/<friendly name>/<attribute>`; right below the base topic it is about the bridge."""
    name, _, attribute = place.name.rpartition("/")
    if name:
        device = _device(place.base, name)
    else:
        device = place.base
    path = attribute.replace("-", ".")
    if not device or path.partition(".")[0] in METADATA:
        return
    text = text_of(payload).text.strip()
    if not name and attribute in GATEWAY_LEVELS:
        state = said_liveness(text)
    else:
        state = None
    if state:
        yield Availability(identifier=device, state=state, is_gateway=True)
        return
    for leaf in _values(path, text):
        yield _reading(place, device, leaf, None)


def _values(path: str, text: str) -> Iterator[TreeValue | FieldProblem]:
    if text[:1] == "[":
        yield from tree_values(decode(text.encode()), path)
    elif _NUMBERS.fullmatch(text):  # an array; a comma is never a decimal point here
        yield from tree_values(text.split(","), path)
    elif text in ("true", "false"):
        yield TreeValue(path, text == "true")
    elif text != "null":
        leaf = tree_value(path, text)
        if leaf is not None:
            yield leaf


def _reading(
    place: Zigbee2MqttTopic, device: str, leaf: TreeValue | FieldProblem, time: float | None
) -> ReadingFact | FieldProblem:
    if isinstance(leaf, FieldProblem):
        return leaf
    return ReadingFact(
        device=device,
        metric=leaf.path,
        value=leaf.value,
        time=time,
        gateway=place.base or None,
        unit=leaf.unit or DIAGNOSTIC_UNITS.get(leaf.path, ""),
        diagnostic=leaf.path in DIAGNOSTIC_UNITS,
    )
