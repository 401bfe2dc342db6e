"""ThingsBoard's device API `v1/devices/me/...` and `v2/...`, and gateway API `v1/gateway/...`.

Source: https://thingsboard.io/docs/reference/mqtt-api/ and
https://thingsboard.io/docs/reference/gateway-mqtt-api/. A device is known by its connection, not by
its topic; of a connection of ours it is the one device `v1/devices/me`. Devices behind a gateway
are named in the payload.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    Liveness,
    ParseError,
    ParseErrorKind,
)
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.json_tree import decode
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings, clean_name

DEVICE, GATEWAY = "v1/devices/me", "v1/gateway"
TELEMETRY, ATTRIBUTES, CONNECT, DISCONNECT = "telemetry", "attributes", "connect", "disconnect"
SHORT = {
    "v2/t": TELEMETRY,
    "v2/t/j": TELEMETRY,
    "v2/a": ATTRIBUTES,
    "v2/a/j": ATTRIBUTES,
}  # `/p` is Protobuf of a schema that only the device's profile knows
SILENT_SHORT = ("v2/t/p", "v2/a/p", "v2/a/req", "v2/a/res", "v2/r/req", "v2/r/res", "v2/fw")


class ThingsBoardPlace(msgspec.Struct, frozen=True, kw_only=True):
    """`root`: what stands for the device or gateway, with the prefix of its topic."""

    root: str
    kind: str
    is_gateway: bool = False


class ThingsBoardParser:
    name = "thingsboard"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        found = _place(topic)
        if found is None:
            return 0.0
        if found.root.endswith(DEVICE) and DEVICE not in topic:
            return 0.8
        return 0.9

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None:
            raise ParseError(ParseErrorKind.PARSE, "expected a topic of ThingsBoard's MQTT API")
        if not place.kind or not message.payload.strip():
            return []
        tree = decode(message.payload)
        if place.kind in (CONNECT, DISCONNECT):
            return list(_connection(place, tree))
        if place.kind == ATTRIBUTES and _is_order(tree):
            return []
        readings = TreeReadings()
        if place.is_gateway:
            return list(_of_gateway(readings, place, tree))
        _add(readings, ReadingOrigin(device=place.root), place.kind, tree)
        return readings.facts


def _place(topic: str) -> ThingsBoardPlace | None:
    """`kind` is "" for requests and commands."""
    levels = topic.split("/")
    for place, level in enumerate(levels):
        if level not in ("v1", "v2"):
            continue
        rest = "/".join(levels[place:])
        prefix = "".join(f"{above}/" for above in levels[:place])
        if rest.startswith(f"{DEVICE}/"):
            return ThingsBoardPlace(
                root=prefix + DEVICE, kind=_kind(rest.removeprefix(f"{DEVICE}/"))
            )
        if rest.startswith(f"{GATEWAY}/"):
            kind = _kind(rest.removeprefix(f"{GATEWAY}/"))
            return ThingsBoardPlace(root=prefix + GATEWAY, kind=kind, is_gateway=True)
        if place == 0 and (rest in SHORT or rest.startswith(SILENT_SHORT)):
            return ThingsBoardPlace(root=DEVICE, kind=SHORT.get(rest, ""))
    return None


def _kind(rest: str) -> str:
    if rest in (TELEMETRY, ATTRIBUTES, CONNECT, DISCONNECT):
        return rest
    return ""


def _is_order(tree: Any) -> bool:
    """The server sets or deletes shared attributes: a request, not the state of the device."""
    if not isinstance(tree, dict):
        return False
    is_deletion = tree.keys() == {"deleted"} and isinstance(tree["deleted"], list)
    return is_deletion or (tree.keys() == {"device", "data"} and isinstance(tree["device"], str))


def _connection(place: ThingsBoardPlace, tree: Any) -> Iterator[Fact]:
    if isinstance(tree, dict):
        name = tree.get("device")
    else:
        name = None
    if not isinstance(name, str) or not name.strip():
        raise ParseError(ParseErrorKind.VALIDATION, 'expected {"device": <name of the device>}')
    device = f"{place.root}/{name.strip()}"
    online = place.kind == CONNECT
    yield Availability(
        identifier=device,
        state=Liveness.ONLINE if online else Liveness.OFFLINE,
        gateway=place.root,
    )
    profile = tree.get("type")
    if online:
        yield DeviceDescription(
            device=device,
            name=clean_name(name) or "unnamed",
            model=clean_name(profile) if isinstance(profile, str) else "",
            gateway=place.root,
        )


def _of_gateway(readings: TreeReadings, place: ThingsBoardPlace, tree: Any) -> Iterator[Fact]:
    """An object whose keys are names of devices."""
    if not isinstance(tree, dict):
        raise ParseError(ParseErrorKind.VALIDATION, "expected an object with a key for each device")
    names = []
    for name, values in tree.items():
        if not name.strip() or not isinstance(values, dict | list):
            readings.leave_out(name or "_", "expected the name of a device and its values")
            continue
        names.append(name.strip())
        device = f"{place.root}/{name.strip()}"
        _add(readings, ReadingOrigin(device=device, gateway=place.root), place.kind, values)
    yield from readings.facts
    for name in names:
        if shown_name := clean_name(name):
            yield DeviceDescription(
                device=f"{place.root}/{name}", name=shown_name, gateway=place.root
            )


def _add(readings: TreeReadings, origin: ReadingOrigin, kind: str, tree: Any) -> None:
    """`{"key": value}`, `{"ts": ms, "values": {...}}`, or a list of these."""
    if isinstance(tree, list):
        records = tree
    else:
        records = [tree]
    for record in records:
        if not isinstance(record, dict):
            readings.leave_out("_", "expected an object of keys and values")
        elif kind == TELEMETRY and "ts" in record:
            _add_record_at(readings, origin, record)
        else:
            readings.add_tree(origin, record)


def _add_record_at(readings: TreeReadings, origin: ReadingOrigin, record: dict[str, Any]) -> None:
    time = parse_time(record["ts"])
    if time is None:
        readings.leave_out("ts", "it is no time that a calendar holds")
    at = ReadingOrigin(device=origin.device, time=time, gateway=origin.gateway)
    rest = {key: value for key, value in record.items() if key != "ts"}
    values = rest.get("values")
    if isinstance(values, dict):
        rest = values
    readings.add_tree(at, rest)
