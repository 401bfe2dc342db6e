"""What a device says about itself: `INFO1`, `HASS_STATE`, `STATUS0`, and its discovery.

Sources: https://tasmota.github.io/docs/MQTT/ and https://tasmota.github.io/docs/Tasmota-Discovery/.
"""

from collections.abc import Iterator
from typing import Any

from mqtt_app.domain.facts import DeviceDescription, normal_address
from mqtt_app.parsers.tasmota.topics import TasmotaTopic, place_of

MAX_NAME = 200


def self_description(place: TasmotaTopic, tree: dict[str, Any]) -> Iterator[DeviceDescription]:
    """`INFO1..3`, wrapped since version 10, and `HASS_STATE`."""
    inner = next((value for value in tree.values() if isinstance(value, dict)), tree)
    model = _text(inner, "Module") or _text(inner, "Module or Template")
    software = _text(inner, "Version")
    if model or software:
        yield DeviceDescription(device=place.identifier, model=model, software=software)


def status_description(place: TasmotaTopic, tree: dict[str, Any]) -> Iterator[DeviceDescription]:
    """The parts of `STATUS0` or of one of `STATUS`, `STATUS2` and `STATUS5`."""
    status = _part(tree, "Status")
    name = _text(status, "DeviceName") or _first_text(status.get("FriendlyName"))
    software = _text(_part(tree, "StatusFWR"), "Version")
    address = _text(_part(tree, "StatusNET"), "Mac")
    if name or software or address:
        yield DeviceDescription(
            device=place.identifier,
            name=name[:MAX_NAME],
            software=software,
            address=normal_address(address),
        )


def discovered(tree: dict[str, Any]) -> Iterator[DeviceDescription]:
    """`tasmota/discovery/<mac>/config`: `ft` is FullTopic, `t` the topic in it."""
    full_topic = _text(tree, "ft") or "%prefix%/%topic%/"
    topic = _text(tree, "t")
    place = place_of(
        full_topic.replace("%prefix%", "tele").replace("%topic%", topic).rstrip("/") + "/SENSOR"
    )
    if topic and place.device:
        yield DeviceDescription(
            device=place.identifier,
            name=(_text(tree, "dn") or _first_text(tree.get("fn")))[:MAX_NAME],
            model=_text(tree, "md"),
            software=_text(tree, "sw"),
            address=normal_address(_text(tree, "mac")),
        )


def _part(tree: dict[str, Any], key: str) -> dict[str, Any]:
    part = tree.get(key)
    if isinstance(part, dict):
        return part
    return {}


def _text(tree: dict[str, Any], key: str) -> str:
    value = tree.get(key)
    if isinstance(value, str):
        return value
    return ""


def _first_text(names: Any) -> str:
    if isinstance(names, str):
        return names
    if isinstance(names, list):
        return next((name for name in names if isinstance(name, str)), "")
    return ""
