"""Tasmota: `tele|stat/<device>/<message>`, or in any other order that FullTopic asks for.

Source: https://tasmota.github.io/docs/MQTT/. `Time` is local time without a zone: it counts only
when the site has a time zone. `stat/.../STATUS8` and `STATUS10` wrap sensor values in `StatusSNS`,
`STATUS11` the state in `StatusSTS`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import Availability, Fact, FieldProblem, Liveness, ReadingFact
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.encoding import text_of
from mqtt_app.parsers.json_tree import decode, invalid
from mqtt_app.parsers.liveness import checked_liveness
from mqtt_app.parsers.tasmota.metadata import discovered, self_description, status_description
from mqtt_app.parsers.tasmota.topics import (
    COMMAND,
    DISCOVERY,
    TasmotaTopic,
    is_answer,
    is_known,
    place_of,
)
from mqtt_app.parsers.tasmota.units import UNIT_KEYS, is_diagnostic, unit_of, units_of
from mqtt_app.parsers.tasmota.zigbee import info_facts, take_devices, zigbee_facts
from mqtt_app.parsers.tree_values import TreeValue, tree_value, tree_values

METADATA = {*UNIT_KEYS, "Time", "Epoch", "Command", "DeepSleep"}
ASLEEP = "DeepSleep"
SWITCH = {"on": True, "off": False}
SENSORS = "StatusSNS"
STATE = "StatusSTS"


class TasmotaParser:
    name = "tasmota"
    version = "2"

    def matches(self, topic: str, sample: bytes) -> float:
        place = place_of(topic)
        if not place.device:
            return 0.0
        if place.kind == DISCOVERY:
            return 0.9
        if not place.prefix:
            return 0.7 if b'"Time":' in sample else 0.0
        if place.prefix == COMMAND or is_known(place.kind):
            return 0.8
        if is_answer(place.kind) and sample.lstrip()[:1] == b"{":
            return 0.6
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = place_of(message.topic)
        if not message.payload.strip() or place.prefix == COMMAND or not place.device:
            return []
        if place.kind == "LWT":
            state = checked_liveness(message.payload)
            if state:
                return [Availability(identifier=place.identifier, state=state)]
            return []
        if place.kind.lower() == "deepsleep":
            return [Availability(identifier=place.identifier, state=Liveness.ASLEEP)]
        if message.payload.lstrip()[:1] not in (b"{", b"["):
            return list(_plain(place, message.payload))
        tree = decode(message.payload)
        if not isinstance(tree, dict):
            raise invalid("expected a JSON object")
        return list(_facts(place, tree, message))


def _facts(place: TasmotaTopic, tree: dict[str, Any], message: Message) -> Iterator[Fact]:
    if place.kind == DISCOVERY:
        yield from discovered(tree)
    elif place.kind.startswith("INFO") or place.kind == "HASS_STATE":
        yield from self_description(place, tree)
    elif place.kind.startswith("STATUS"):
        yield from _status(place, tree, message)
    else:
        yield from _readings(place, tree, message)


def _status(place: TasmotaTopic, tree: dict[str, Any], message: Message) -> Iterator[Fact]:
    """Answers to questions: of these only the state and the sensors' values are readings."""
    yield from status_description(place, tree)
    for part in (SENSORS, STATE):
        values = tree.get(part)
        if isinstance(values, dict):
            yield from _readings(place, values, message)


def _readings(place: TasmotaTopic, tree: dict[str, Any], message: Message) -> Iterator[Fact]:
    time = parse_time(tree.get("Time"), message.time_zone)
    yield from info_facts(place, tree)
    zigbee, rest = take_devices(place, tree)
    for device in zigbee:
        yield from zigbee_facts(place, device, time)
    units = units_of(tree)
    values = {key: value for key, value in rest.items() if key not in METADATA}
    for leaf in tree_values(values):
        if isinstance(leaf, FieldProblem):
            yield leaf
        elif not leaf.path.endswith("StartTime"):
            yield _reading(place, leaf, time, units)
    if tree.get(ASLEEP) is not None:
        yield Availability(identifier=place.identifier, state=Liveness.ASLEEP)


def _reading(
    place: TasmotaTopic, leaf: TreeValue, time: float | None, units: dict[str, str]
) -> ReadingFact:
    value = leaf.value
    if leaf.path.startswith("POWER") and isinstance(value, str):
        value = SWITCH.get(value.lower(), value)
    return ReadingFact(
        device=place.identifier,
        metric=leaf.path,
        value=value,
        time=time,
        unit=leaf.unit or unit_of(leaf.path, units),
        diagnostic=is_diagnostic(leaf.path),
    )


def _plain(place: TasmotaTopic, payload: bytes) -> Iterator[Fact]:
    """A bare value, such as `stat/<device>/POWER1`; other kinds of message are JSON."""
    if not place.kind.startswith("POWER"):
        if place.kind in ("SENSOR", "STATE") or place.kind.startswith("STATUS"):
            decode(payload)
            raise invalid("expected a JSON object")
        return
    leaf = tree_value(place.kind, text_of(payload).text.strip())
    if isinstance(leaf, FieldProblem):
        yield leaf
    elif leaf is not None:
        yield _reading(place, leaf, None, {})
