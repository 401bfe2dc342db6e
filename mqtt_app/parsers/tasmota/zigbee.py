"""Zigbee devices behind a bridge that runs Tasmota: each is a device of its own.

Source: https://tasmota.github.io/docs/Zigbee/. Options 83, 89, 100, 112, 118, 119 and 125 move the
short address or name between topic and keys, and leave out `ZbReceived`.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from mqtt_app.domain.facts import DeviceDescription, Fact, FieldProblem, ReadingFact, normal_address
from mqtt_app.parsers.tasmota.topics import FAMILY, TasmotaTopic
from mqtt_app.parsers.tasmota.units import is_diagnostic, unit_of
from mqtt_app.parsers.tree_values import tree_values

RECEIVED = "ZbReceived"
INFO = "ZbInfo"
METADATA = {
    "Device",
    "Name",
    "IEEEAddr",
    "ShortAddr",
    "Endpoint",
    "Endpoints",
    "Group",
    "Cluster",
    "ModelId",
    "Manufacturer",
}
UNITS = {"Temp": "°C", "Pressure": "hPa"}  # the Zigbee cluster library's

_SHORT = re.compile(r"0x[0-9A-F]{4}", re.ASCII | re.IGNORECASE)


class ZigbeeDevice(msgspec.Struct, frozen=True):
    """`key`: the short address or name under which, or below whose topic, the values came."""

    key: str
    values: dict[str, Any]


def take_devices(
    place: TasmotaTopic, tree: dict[str, Any]
) -> tuple[list[ZigbeeDevice], dict[str, Any]]:
    """The Zigbee devices of a message, and what is left of it for the bridge itself."""
    if place.kind == RECEIVED:
        return _devices(place, tree.get(RECEIVED, tree)), {}
    if RECEIVED in tree:
        found = _devices(place, tree[RECEIVED])
    else:
        found = [
            ZigbeeDevice(key, value) for key, value in tree.items() if _has_short_address(value)
        ]
    taken = {device.key for device in found}
    left = {
        key: value for key, value in tree.items() if key not in taken and not key.startswith("Zb")
    }
    return found, left


def zigbee_facts(place: TasmotaTopic, device: ZigbeeDevice, time: float | None) -> Iterator[Fact]:
    bridge = _bridge_of(place, device)
    if bridge:
        gateway = f"{FAMILY}/{bridge}"
    else:
        gateway = None
    identifier = f"{gateway or FAMILY}/{_short_address(device)}"
    description = _description(identifier, gateway, device.values)
    if description:
        yield description
    readings = {key: value for key, value in device.values.items() if key not in METADATA}
    for leaf in tree_values(readings):
        if isinstance(leaf, FieldProblem):
            yield leaf
            continue
        yield ReadingFact(
            device=identifier,
            metric=leaf.path,
            value=leaf.value,
            time=time,
            gateway=gateway,
            unit=leaf.unit or unit_of(leaf.path, UNITS),
            diagnostic=is_diagnostic(leaf.path),
        )


def info_facts(place: TasmotaTopic, tree: dict[str, Any]) -> Iterator[Fact]:
    """`ZbInfo`, the answer to a question: values that are as old as they may be, so only names."""
    for device in _devices(place, tree.get(INFO)):
        bridge = _bridge_of(place, device)
        if bridge:
            gateway = f"{FAMILY}/{bridge}"
        else:
            gateway = None
        identifier = f"{gateway or FAMILY}/{_short_address(device)}"
        description = _description(identifier, gateway, device.values)
        if description:
            yield description


def _devices(place: TasmotaTopic, received: Any) -> list[ZigbeeDevice]:
    if not isinstance(received, dict):
        return []
    if any(not isinstance(value, dict) for value in received.values()):
        return [ZigbeeDevice(place.device.rpartition("/")[2], received)]
    return [ZigbeeDevice(key, value) for key, value in received.items()]


def _has_short_address(value: Any) -> bool:
    if isinstance(value, dict):
        address = value.get("Device")
    else:
        address = None
    return isinstance(address, str) and _SHORT.fullmatch(address) is not None


def _short_address(device: ZigbeeDevice) -> str:
    address = device.values.get("Device")
    if isinstance(address, str) and address:
        return address
    return device.key or "_"


def _bridge_of(place: TasmotaTopic, device: ZigbeeDevice) -> str:
    """The bridge's own topic; the device's may be one level below it."""
    above, _, last = place.device.rpartition("/")
    names = (device.key, device.values.get("Device"), device.values.get("Name"))
    small = {name.lower() for name in names if isinstance(name, str)}
    is_below = last.lower() in small or f"0x{last.lower()}" in small
    if is_below:
        return above
    return place.device


def _description(
    identifier: str, gateway: str | None, values: dict[str, Any]
) -> DeviceDescription | None:
    text = {key: value for key, value in values.items() if isinstance(value, str)}
    if text.keys().isdisjoint(("Name", "IEEEAddr", "ModelId", "Manufacturer")):
        return None
    return DeviceDescription(
        device=identifier,
        name=text.get("Name", "")[:200],
        manufacturer=text.get("Manufacturer", ""),
        model=text.get("ModelId", ""),
        address=normal_address(text.get("IEEEAddr", "")),
        gateway=gateway,
    )
