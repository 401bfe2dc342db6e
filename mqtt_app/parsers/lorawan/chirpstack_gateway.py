"""State and statistics of gateways by ChirpStack's bridge and MQTT forwarder, JSON or Protobuf.

Source of the messages ConnState and GatewayStats:
https://github.com/chirpstack/chirpstack/blob/master/api/proto/gw/gw.proto. Protobuf is the default
there, so its few numbers are read too. Frames that a gateway forwards are those of its devices, and
come again, decoded, from the network server.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    Fact,
    Liveness,
    ParseError,
    ParseErrorKind,
)
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.json_tree import BOM
from mqtt_app.parsers.lorawan.uplinks import decoded_object, eui, number, text
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings

STATE, STATS = "state/conn", "event/stats"
COUNTERS = (
    "rxPacketsReceived",
    "rxPacketsReceivedOk",
    "txPacketsReceived",
    "txPacketsEmitted",
)
FIRST_COUNTER = 5  # number of the field; the others follow
TIME_FIELD = 2
STATE_FIELD = 2
STATES = {0: "OFFLINE", 1: "ONLINE"}


def gateway_facts(identifier: str, kind: str, payload: bytes) -> Sequence[Fact]:
    """`identifier` from the topic; `kind` as `event/stats`. Other kinds give nothing."""
    if kind not in (STATE, STATS):
        return []
    if payload.removeprefix(BOM).lstrip()[:1] == b"{":
        tree = decoded_object(payload, "a message of a gateway")
    elif kind == STATE:
        tree = _conn_state(payload)
    else:
        tree = _gateway_stats(payload)
    gateway = eui(text(tree, "gatewayId", "gatewayID")) or identifier
    return list(_state(gateway, tree) if kind == STATE else _stats(gateway, tree))


def _state(gateway: str, tree: dict[str, Any]) -> Iterator[Fact]:
    online = text(tree, "state").upper() == "ONLINE"
    yield Availability(
        identifier=gateway,
        state=Liveness.ONLINE if online else Liveness.OFFLINE,
        is_gateway=True,
    )


def _stats(gateway: str, tree: dict[str, Any]) -> Iterator[Fact]:
    yield Availability(identifier=gateway, state=Liveness.ONLINE, is_gateway=True)
    readings = TreeReadings()
    origin = ReadingOrigin(device=gateway, time=parse_time(tree.get("time")), gateway=gateway)
    for counter in COUNTERS:
        readings.add(origin, counter, number(tree, counter) or 0.0, diagnostic=True)
    yield from readings.facts


class _ProtobufField(msgspec.Struct, frozen=True):
    number: int
    value: int | bytes


def _conn_state(payload: bytes) -> dict[str, Any]:
    found = {field.number: field.value for field in _fields(payload)}
    state = found.get(STATE_FIELD, 0)
    if isinstance(state, int):
        return {"state": STATES.get(state, "")}
    return {"state": ""}


def _gateway_stats(payload: bytes) -> dict[str, Any]:
    found = {field.number: field.value for field in _fields(payload)}
    tree: dict[str, Any] = {}
    for place, counter in enumerate(COUNTERS):
        tree[counter] = found.get(FIRST_COUNTER + place, 0)
    stamp = found.get(TIME_FIELD)
    if isinstance(stamp, bytes):
        seconds = next((field.value for field in _fields(stamp) if field.number == 1), None)
        tree["time"] = None
        if isinstance(seconds, int):
            tree["time"] = seconds
    return tree


def _fields(payload: bytes) -> Iterator[_ProtobufField]:
    """Fields of a Protobuf message (https://protobuf.dev/programming-guides/encoding/), numbers and
    bytes. Raises ParseError when it is none.
    """
    place = 0
    while place < len(payload):
        tag, place = _varint(payload, place)
        if tag & 7 == 0:
            number_read, place = _varint(payload, place)
            yield _ProtobufField(tag >> 3, number_read)
            continue
        size, place = _size(payload, place, tag & 7)
        if place + size > len(payload):
            raise _broken()
        yield _ProtobufField(tag >> 3, payload[place : place + size])
        place += size


def _size(payload: bytes, place: int, wire_type: int) -> tuple[int, int]:
    fixed = {1: 8, 5: 4}
    if wire_type in fixed:
        return fixed[wire_type], place
    if wire_type != 2:
        raise _broken()
    return _varint(payload, place)


def _varint(payload: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(payload):
            raise _broken()
        byte = payload[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise _broken()


def _broken() -> ParseError:
    return ParseError(ParseErrorKind.PARSE, "expected JSON or Protobuf of ChirpStack's gateways")
