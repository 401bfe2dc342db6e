"""One uplink in the JSON of ChirpStack 3 or 4, which gateways of other makers send too."""

from collections.abc import Iterator
from typing import Any

from mqtt_app.domain.facts import DeviceDescription, Fact, ParseError
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import list_at
from mqtt_app.parsers.json_tree import decode
from mqtt_app.parsers.lorawan.decoded import add_decoded
from mqtt_app.parsers.lorawan.uplinks import (
    MAX_GATEWAYS,
    GatewaySignal,
    add_bytes,
    add_metadata,
    add_signal,
    best,
    describe_gateway,
    eui,
    number,
    part,
    text,
)
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings, clean_name


def device_of(tree: dict[str, Any], otherwise: str) -> str:
    """The DevEUI of the payload, or that of the topic."""
    info = part(tree, "deviceInfo")
    return eui(text(info, "devEui", "devEUI") or text(tree, "devEUI", "devEui")) or eui(otherwise)


def uplink_facts(
    message: Message, origin: ReadingOrigin, tree: dict[str, Any], leaves_zeros_out: bool = True
) -> Iterator[Fact]:
    """`origin` without a gateway: it is the one that heard the uplink best."""
    heard = best(_signals(tree))
    time = origin.time
    origin = ReadingOrigin(
        device=origin.device,
        time=_gateway_time(tree) if time is None else time,
        gateway=heard.gateway if heard else None,
    )
    readings = TreeReadings()
    _add_values(readings, origin, tree, message)
    for counter in ("fCnt", "fPort"):
        if leaves_zeros_out:
            missing = 0.0
        else:
            missing = None
        add_metadata(readings, origin, counter, number(tree, counter) or missing)
    add_signal(readings, origin, heard)
    yield from readings.facts
    yield from describe_gateway(heard)


def describe(device: str, tree: dict[str, Any]) -> Iterator[DeviceDescription]:
    info = part(tree, "deviceInfo")
    name = clean_name(text(info, "deviceName") or text(tree, "deviceName", "nodeName"))
    if name:
        profile = text(info, "deviceProfileName") or text(tree, "deviceProfileName")
        yield DeviceDescription(device=device, name=name, model=clean_name(profile), address=device)


def _add_values(
    readings: TreeReadings, origin: ReadingOrigin, tree: dict[str, Any], message: Message
) -> None:
    """What the codec decoded, or else the bare bytes."""
    decoded = tree.get("object")
    written = text(tree, "objectJSON")
    if written:
        decoded = _decoded_text(readings, written)
    if decoded in (None, {}, []) and isinstance(tree.get("data"), dict | list):
        decoded = tree["data"]  # a codec's answer in the place of the bytes
    if decoded not in (None, {}, []):
        add_decoded(readings, origin, decoded, message)
    else:
        is_hex = text(tree, "data_encode").startswith("hex")  # in RAK's gateways
        add_bytes(readings, origin, "data", tree.get("data"), is_hex)


def _decoded_text(readings: TreeReadings, written: str) -> Any:
    """The object that version 3 writes as text; None when it is broken."""
    try:
        return decode(written.encode("utf-8", "replace"))
    except ParseError as error:
        readings.leave_out("objectJSON", str(error))
        return None


def _signals(tree: dict[str, Any]) -> list[GatewaySignal]:
    """One per gateway that heard it."""
    entries = tree.get("rxInfo")
    if isinstance(entries, dict):
        entries = [entries]
    if isinstance(entries, list):
        heard = entries[:MAX_GATEWAYS]
    else:
        heard = []
    return [_signal(entry) for entry in heard if isinstance(entry, dict)]


def _signal(entry: dict[str, Any]) -> GatewaySignal:
    address = eui(text(entry, "gatewayId", "gatewayID", "mac"))
    return GatewaySignal(
        gateway=address or text(entry, "name") or "unknown gateway",
        name=text(entry, "name"),
        rssi=number(entry, "rssi") or 0.0,
        snr=number(entry, "snr", "loRaSNR", "lora_snr") or 0.0,
    )


def _gateway_time(tree: dict[str, Any]) -> float | None:
    """Version 3 has a time only with each gateway, and only when that one knows it."""
    for entry in list_at(tree, "rxInfo")[:MAX_GATEWAYS]:
        if isinstance(entry, dict):
            time = parse_time(entry.get("time"))
        else:
            time = None
        if time is not None:
            return time
    return None
