"""What the bridge itself says: `<base>/bridge/...`.

The device list holds no groups, and a group's state is published as a device's is. So both lists
are remembered: a group is no device that has gone.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    GatewayDevices,
    Remembered,
    normal_address,
)
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.json_tree import decode, invalid
from mqtt_app.parsers.liveness import checked_liveness
from mqtt_app.parsers.zigbee2mqtt.exposes import metrics

MAX_NAME = 200
MAX_MEMORY = 200_000  # bytes of one list; longer ones are not remembered
LISTS = {"bridge/devices": "devices", "bridge/groups": "groups"}


def list_keys(base: str) -> Sequence[str]:
    """The keys under which the two lists of a bridge are remembered."""
    return tuple(f"{kind} {base}" for kind in LISTS.values())


def bridge_facts(base: str, name: str, message: Message) -> Iterator[Fact]:
    if name == "bridge/state":
        state = checked_liveness(message.payload)
        if state is not None:
            yield Availability(identifier=base, state=state, is_gateway=True)
    elif name == "bridge/info":
        yield from _gateway(base, decode(message.payload))
    elif name in LISTS:
        yield from _listed(base, name, message)


def _gateway(base: str, info: Any) -> Iterator[DeviceDescription]:
    if isinstance(info, dict):
        version = info.get("version")
    else:
        version = None
    if isinstance(version, str):
        yield DeviceDescription(
            device=base, manufacturer="Zigbee2MQTT", software=version, is_gateway=True
        )


def _listed(base: str, name: str, message: Message) -> Iterator[Fact]:
    entries = decode(message.payload)
    if entries is None:
        return
    if not isinstance(entries, list):
        raise invalid(f"expected an array of {LISTS[name]}")
    found = {_identifier(base, entry): entry for entry in entries if _is_listed(entry)}
    for device, entry in found.items():
        yield _description(base, device, entry)
        definition = entry.get("definition")
        if isinstance(definition, dict):
            yield from metrics(device, definition.get("exposes"))
    yield from _remembered(base, LISTS[name], tuple(found), message)


def _is_listed(entry: Any) -> bool:
    """The coordinator is the bridge itself."""
    return isinstance(entry, dict) and entry.get("type") != "Coordinator" and bool(_name(entry))


def _name(entry: dict[str, Any]) -> str:
    for key in ("friendly_name", "ieee_address"):
        value = entry.get(key)
        if isinstance(value, str) and value:
            return value
    return ""


def _identifier(base: str, entry: dict[str, Any]) -> str:
    return f"{base}/{_name(entry)}"


def _description(base: str, device: str, entry: dict[str, Any]) -> DeviceDescription:
    definition = entry.get("definition")
    if isinstance(definition, dict):
        known = definition
    else:
        known = {}
    return DeviceDescription(
        device=device,
        name=_name(entry)[:MAX_NAME],
        manufacturer=_text(known, "vendor") or _text(entry, "manufacturer"),
        model=_text(known, "model") or _text(entry, "model_id"),
        software=_text(entry, "software_build_id"),
        address=normal_address(_text(entry, "ieee_address")),
        gateway=base,
    )


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    if isinstance(value, str):
        return value
    return ""


def _remembered(
    base: str, kind: str, found: tuple[str, ...], message: Message
) -> Iterator[Remembered | GatewayDevices]:
    lists = {other: _remembered_list(message, f"{other} {base}") for other in LISTS.values()}
    if found != lists[kind]:
        encoded = msgspec.json.encode(found)
        yield Remembered(
            key=f"{kind} {base}", value=encoded if len(encoded) <= MAX_MEMORY else None
        )
    lists[kind] = found
    devices = lists["devices"]
    if devices is not None:
        yield GatewayDevices(gateway=base, devices=devices + (lists["groups"] or ()))


def _remembered_list(message: Message, key: str) -> tuple[str, ...] | None:
    encoded = message.memory.get(key)
    if encoded is None:
        return None
    try:
        return msgspec.json.decode(encoded, type=tuple[str, ...])
    except msgspec.DecodeError:
        return None
