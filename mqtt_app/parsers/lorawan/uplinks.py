"""What the messages of all LoRaWAN network servers have in common: addresses, signals, bytes."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from mqtt_app.domain.facts import DeviceDescription, ParseError, ParseErrorKind, normal_address
from mqtt_app.parsers.json_tree import decode
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings, clean_name

MAX_GATEWAYS = 1000  # of one uplink; more are not looked at

_HEX_EUI = re.compile(r"[0-9A-Fa-f]{16}", re.ASCII)


class GatewaySignal(msgspec.Struct, frozen=True, kw_only=True):
    """How one gateway heard an uplink. `rssi` in dBm, `snr` in dB, None when it is not known."""

    gateway: str
    name: str = ""
    rssi: float | None = None
    snr: float | None = None


def decoded_object(payload: bytes, wanted: str) -> dict[str, Any]:
    """The JSON object of a payload. Raises ParseError, also for other JSON."""
    tree = decode(payload)
    if not isinstance(tree, dict):
        raise ParseError(ParseErrorKind.VALIDATION, f"expected {wanted} as a JSON object")
    return tree


def part(tree: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The object under the nested keys; empty when there is none."""
    found: Any = tree
    for key in keys:
        if isinstance(found, dict):
            found = found.get(key)
        else:
            found = None
    if isinstance(found, dict):
        return found
    return {}


def text(tree: Mapping[str, Any], *keys: str) -> str:
    """The text under the first of the keys that has one; "" when none has."""
    return next((tree[key].strip() for key in keys if isinstance(tree.get(key), str)), "")


def number(tree: Mapping[str, Any], *keys: str) -> float | None:
    """The number under the first of the keys that has one."""
    for key in keys:
        value = tree.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            if abs(value) < 1e300:
                return float(value)
            return None
    return None


def eui(written: str) -> str:
    """An EUI-64 as `normal_address` has it, also from base64, in which Protobuf's JSON writes
    bytes, with its padding: `big-red-cat` is the name of a hotspot.
    """
    if _HEX_EUI.fullmatch(written) or not written:
        return written.lower()
    if len(written) == 12 and written[-1] == "=":
        raw = from_base64(written)
    else:
        raw = None
    if raw is not None and len(raw) == 8:
        return raw.hex()
    return normal_address(written)


def from_base64(written: object) -> bytes | None:
    """Bytes of standard or URL-safe base64, with or without padding; None when it is none."""
    if not isinstance(written, str):
        return None
    plain = written.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def from_hexadecimal(written: object) -> bytes | None:
    """Bytes of two digits each; None when it is something else."""
    try:
        if isinstance(written, str):
            return bytes.fromhex(written)
        return None
    except ValueError:
        return None


def best(signals: list[GatewaySignal]) -> GatewaySignal | None:
    """The gateway that heard it loudest; of two equally loud ones that with less noise."""
    return max(
        signals,
        key=lambda signal: (
            -1000.0 if signal.rssi is None else signal.rssi,
            -1000.0 if signal.snr is None else signal.snr,
        ),
        default=None,
    )


def add_signal(readings: TreeReadings, origin: ReadingOrigin, heard: GatewaySignal | None) -> None:
    if heard is None:
        return
    add_metadata(readings, origin, "rssi", heard.rssi, "dBm")
    add_metadata(readings, origin, "snr", heard.snr, "dB")


def add_metadata(
    readings: TreeReadings, origin: ReadingOrigin, metric: str, value: float | None, unit: str = ""
) -> None:
    """A number of the network server; a decoded value of the same name takes its place."""
    if value is not None and not readings.has(origin, metric):
        readings.add(origin, metric, value, unit, diagnostic=True)


def add_bytes(
    readings: TreeReadings, origin: ReadingOrigin, field: str, written: object, is_hex: bool = False
) -> None:
    """The bytes of an uplink that nothing decoded, as the metric `payload`."""
    if written in (None, ""):
        return
    if is_hex:
        raw = from_hexadecimal(written)
    else:
        raw = from_base64(written)
    if raw is None:
        readings.leave_out(field, "it is not hexadecimal" if is_hex else "it is no base64")
    else:
        readings.add(origin, "payload", raw)


def add_location(
    readings: TreeReadings, origin: ReadingOrigin, location: Mapping[str, Any]
) -> None:
    """A position that a service computed, with the zeros that were not sent."""
    if not location:
        return
    for key in ("latitude", "longitude"):
        readings.add(origin, f"location.{key}", location.get(key, 0), "°")
    for key in ("altitude", "accuracy"):
        readings.add(origin, f"location.{key}", location.get(key), "m")


def describe_gateway(heard: GatewaySignal | None) -> list[DeviceDescription]:
    """The gateway's name, when it is another than its address."""
    if heard:
        name = clean_name(heard.name)
    else:
        name = ""
    if heard is None or not name or name == heard.gateway:
        return []
    return [DeviceDescription(device=heard.gateway, name=name, is_gateway=True)]
