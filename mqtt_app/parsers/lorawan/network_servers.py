"""LoRaWAN uplinks of other network servers on any topic: ThingPark, LORIOT, Helium and others.

What they send differs in the names only; `server_shapes` has the names, one row for each maker.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import DeviceDescription, Fact, ParseError, ParseErrorKind
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.json_tree import decode
from mqtt_app.parsers.lorawan.decoded import add_decoded
from mqtt_app.parsers.lorawan.server_shapes import SHAPES, ServerShape
from mqtt_app.parsers.lorawan.uplinks import (
    MAX_GATEWAYS,
    GatewaySignal,
    add_bytes,
    add_metadata,
    add_signal,
    best,
    eui,
    number,
    text,
)
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings, clean_name

MAX_UPLINKS = 1000  # of one message


class NetworkServerParser:
    name = "lorawan_server"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if _shape(sample) is not None:
            return 0.65
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not message.payload.strip():
            return []
        shape = _shape(message.payload)
        tree = decode(message.payload)
        if shape is None:
            return []  # downlinks, joins and notices of the same server
        if isinstance(tree, list):
            uplinks = tree[:MAX_UPLINKS]
        else:
            uplinks = [tree]
        facts: list[Fact] = []
        for uplink in uplinks:
            if not isinstance(uplink, dict):
                raise ParseError(ParseErrorKind.VALIDATION, "expected an uplink as a JSON object")
            if not shape.kinds or uplink.get("cmd") in shape.kinds:
                facts += _uplink(message, shape, uplink)
        return facts


def _shape(payload: bytes) -> ServerShape | None:
    return next((shape for shape in SHAPES if all(mark in payload for mark in shape.mark)), None)


def _uplink(message: Message, shape: ServerShape, tree: dict[str, Any]) -> Iterator[Fact]:
    written = _at(tree, shape.eui)
    if isinstance(written, str):
        device = eui(written)
    else:
        device = ""
    if not device:
        raise ParseError(ParseErrorKind.VALIDATION, f"expected the DevEUI under {shape.eui}")
    heard = best(list(_signals(shape, tree)))
    times = (parse_time(_at(tree, path)) for path in shape.time)
    origin = ReadingOrigin(
        device=device,
        time=next((time for time in times if time is not None), None),
        gateway=(heard.gateway or None) if heard else None,
    )
    readings = TreeReadings()
    _add_values(readings, origin, shape, tree, message)
    for path in (shape.counter, shape.port):
        add_metadata(readings, origin, path.rpartition(".")[2], _number_at(tree, path))
    add_signal(readings, origin, heard)
    yield from readings.facts
    if shape.name:
        name = _at(tree, shape.name)
    else:
        name = None
    if isinstance(name, str) and clean_name(name):
        yield DeviceDescription(device=device, name=clean_name(name), address=device)


def _add_values(
    readings: TreeReadings,
    origin: ReadingOrigin,
    shape: ServerShape,
    tree: dict[str, Any],
    message: Message,
) -> None:
    """What was decoded, or else the bare bytes."""
    decoded = next(
        (found for path in shape.objects if (found := _decoded(shape, tree, path))), None
    )
    if decoded is not None:
        add_decoded(readings, origin, decoded, message)
    else:
        add_bytes(readings, origin, shape.data, _at(tree, shape.data), shape.is_hex)


def _decoded(shape: ServerShape, tree: dict[str, Any], path: str) -> dict[str, Any]:
    """The object under the path, without the bytes if they stand in it; {} when there is none."""
    found = _at(tree, path)
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if f"{path}.{key}" != shape.data}


def _signals(shape: ServerShape, tree: dict[str, Any]) -> Iterator[GatewaySignal]:
    if shape.gateways:
        found = _at(tree, shape.gateways)
    else:
        found = tree
    if found is None:  # a server that does not name the gateway
        found = tree
    if isinstance(found, list):
        entries = found[:MAX_GATEWAYS]
    else:
        entries = [found]
    for entry in entries:
        if isinstance(entry, dict) and (shape.gateway in entry or shape.rssi in entry):
            address = text(entry, shape.gateway)
            yield GatewaySignal(
                gateway=eui(address),
                rssi=_number_in(entry, shape.rssi),
                snr=_number_in(entry, shape.snr),
            )


def _at(tree: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(tree, dict):
            tree = tree.get(key)
        else:
            tree = None
    return tree


def _number_at(tree: dict[str, Any], path: str) -> float | None:
    above, _, key = path.rpartition(".")
    if above:
        found = _at(tree, above)
    else:
        found = tree
    if isinstance(found, dict):
        return _number_in(found, key)
    return None


def _number_in(entry: dict[str, Any], key: str) -> float | None:
    """Also from text, as ThingPark and Netmore write numbers."""
    if key:
        value = entry.get(key)
    else:
        value = None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return number({key: value}, key)
