"""ChirpStack 3 and 4: `application/<id>/device/<DevEUI>/event/<up|join|status|...>`, and gateways:
`[<region>/]gateway/<gateway id>/<event/stats|state/conn>`.

Source: https://www.chirpstack.io/docs/chirpstack/integrations/events.html and
https://www.chirpstack.io/docs/chirpstack-gateway-bridge/payloads/events.html. The JSON is that of
Protocol Buffers 3, which leaves out what is 0, false or the first name of an enumeration: a missing
`fCnt` is 0, a missing `state` of a gateway OFFLINE. Before version 3 the level `event` was not
there; Protobuf's own JSON writes EUIs in base64.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import Availability, Fact, Liveness, ParseError, ParseErrorKind, Remark
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.json_tree import BOM
from mqtt_app.parsers.lorawan.chirpstack_gateway import gateway_facts
from mqtt_app.parsers.lorawan.chirpstack_uplink import (
    describe,
    device_of,
    uplink_facts,
)
from mqtt_app.parsers.lorawan.uplinks import add_location, decoded_object, number, part, text
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings

EVENTS = frozenset(
    ["up", "join", "ack", "txack", "status", "log", "location", "integration", "error", "rx"]
)  # `error` until version 3, `rx` until version 1
GATEWAY_KINDS = frozenset(["event", "state", "command"])
TIME_KEYS = ("time", "publishedAt", "timestamp")  # `timestamp` in RAK's gateways
SILENT = frozenset(["ack", "txack"])  # what became of a downlink


class ChirpStackTopic(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: the event, or "command"; of a gateway `event/stats` and the like."""

    identifier: str
    kind: str
    is_gateway: bool = False


class ChirpStackParser:
    name = "chirpstack"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if _address(topic) is not None:
            if b'"devE' in sample or b'"gatewayI' in sample:
                return 0.9
            return 0.8
        if b'"deviceInfo"' in sample and b'"devEui"' in sample:
            return 0.7
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        payload = message.payload
        if not payload.strip():
            return []
        address = _address(message.topic)
        if address is not None and address.is_gateway:
            return gateway_facts(address.identifier, address.kind, payload)
        if address:
            kind = address.kind
        else:
            kind = "up"
        if kind in SILENT or kind not in EVENTS:
            return []
        if payload.removeprefix(BOM).lstrip()[:1] != b"{":
            raise ParseError(
                ParseErrorKind.PARSE,
                "expected JSON; choose the JSON encoding in ChirpStack's MQTT integration",
            )
        tree = decoded_object(payload, "an event of ChirpStack")
        return list(
            _event(message, kind, device_of(tree, address.identifier if address else ""), tree)
        )


def _address(topic: str) -> ChirpStackTopic | None:
    """From the levels of a topic, below any prefix."""
    if "/device/" in topic and "application/" in topic:
        return _device_address(topic.split("/"))
    if "gateway/" in topic:
        return _gateway_address(topic.split("/"))
    return None


def _device_address(levels: list[str]) -> ChirpStackTopic | None:
    for place, level in enumerate(levels[:-4]):
        if level != "application" or levels[place + 2] != "device":
            continue
        kind = levels[place + 4]
        if kind == "event" and len(levels) > place + 5:
            return ChirpStackTopic(identifier=levels[place + 3], kind=levels[place + 5])
        if kind in EVENTS or kind in ("command", "tx"):
            return ChirpStackTopic(identifier=levels[place + 3], kind=kind)
    return None


def _gateway_address(levels: list[str]) -> ChirpStackTopic | None:
    for place, level in enumerate(levels[:-3]):
        kind = levels[place + 2]
        if level == "gateway" and kind in GATEWAY_KINDS and _is_eui(levels[place + 1]):
            return ChirpStackTopic(
                identifier=levels[place + 1].lower(),
                kind=f"{kind}/{levels[place + 3]}",
                is_gateway=True,
            )
    return None


def _is_eui(level: str) -> bool:
    return len(level) == 16 and all(char in "0123456789abcdefABCDEF" for char in level)


def _event(message: Message, kind: str, device: str, tree: dict[str, Any]) -> Iterator[Fact]:
    written = next((tree[key] for key in TIME_KEYS if tree.get(key)), None)
    origin = ReadingOrigin(device=device, time=parse_time(written))
    if kind in ("up", "rx"):
        yield from uplink_facts(message, origin, tree)
    elif kind == "join":
        yield Availability(identifier=device, state=Liveness.ONLINE)
    elif kind in ("log", "error"):
        yield from _log(tree)
    else:
        readings = TreeReadings()
        if kind == "status":
            _add_status(readings, origin, tree)
        elif kind == "location":
            add_location(readings, origin, part(tree, "location"))
        else:
            readings.add_tree(
                origin, part(tree, "object"), text(tree, "integrationName") or "integration"
            )
        yield from readings.facts
    yield from describe(device, tree)


def _add_status(readings: TreeReadings, origin: ReadingOrigin, tree: dict[str, Any]) -> None:
    """Battery in percent, unless the device is on external power or does not know."""
    external = tree.get("externalPowerSource", False)
    if external is not True and tree.get("batteryLevelUnavailable") is not True:
        level = number(tree, "batteryLevel")
        readings.add(origin, "batteryLevel", 0.0 if level is None else level, "%")
    readings.add(origin, "externalPowerSource", external)
    readings.add(origin, "margin", tree.get("margin", 0), "dB", diagnostic=True)


def _log(tree: dict[str, Any]) -> Iterator[Remark]:
    code = text(tree, "code", "type") or "UNKNOWN"
    description = text(tree, "description", "error")[:300]
    level = text(tree, "level") or "INFO"
    yield Remark(text=f"ChirpStack logs {level} {code}: {description}")
