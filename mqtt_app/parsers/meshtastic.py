"""Meshtastic: `<root>/2/json/<channel>/<gateway>` and `<root>/2/stat/<gateway>`.

Source: https://meshtastic.org/docs/software/integrations/mqtt/; units by `telemetry.proto` of
https://github.com/meshtastic/protobufs. A device is the node that sent the packet, `!7efeee00`,
whichever gateway heard it. Packets in Protocol Buffers (`2/e`, `2/c`, `2/map`) are mostly encrypted
and give nothing; so does what is asked of a node (`2/json/mqtt`).
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from mqtt_app.domain.facts import Availability, DeviceDescription, Fact
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import (
    MEASUREMENT,
    RADIO,
    Meaning,
    ReadingCollector,
    decode_object,
    label_at,
    object_at,
    text_at,
)
from mqtt_app.parsers.json_tree import invalid
from mqtt_app.parsers.liveness import checked_liveness

ROOT, VERSION, DOWNLINK = "msh", "2", "mqtt"
KINDS = frozenset({"json", "stat", "e", "c", "map"})
NODE_BITS = 0xFFFFFFFF  # firmware before 2.2 writes node numbers as signed integers
COORDINATE = 1e7  # latitude_i and longitude_i are in ten millionths of a degree
WITHOUT_READINGS = frozenset(
    {"nodeinfo", "waypoint", "traceroute", "neighborinfo", "sendtext", "sendposition"}
)
MEANINGS = {
    "battery_level": Meaning("%"),
    "voltage": Meaning("V"),
    "temperature": Meaning("°C"),
    "relative_humidity": Meaning("%"),
    "barometric_pressure": Meaning("hPa"),
    "gas_resistance": Meaning("MΩ"),
    "current": Meaning("mA"),
    "lux": Meaning("lx"),
    "white_lux": Meaning("lx"),
    "ir_lux": Meaning("lx"),
    "uv_lux": Meaning("lx"),
    "distance": Meaning("mm"),
    "weight": Meaning("kg"),
    "wind_speed": Meaning("m/s"),
    "wind_gust": Meaning("m/s"),
    "wind_lull": Meaning("m/s"),
    "wind_direction": Meaning("°"),
    "radiation": Meaning("µR/h"),
    "rainfall_1h": Meaning("mm"),
    "rainfall_24h": Meaning("mm"),
    "soil_moisture": Meaning("%"),
    "soil_temperature": Meaning("°C"),
    "co2": Meaning("ppm"),
    "latitude": Meaning("°"),
    "longitude": Meaning("°"),
    "altitude": Meaning("m"),
    "ground_speed": Meaning("m/s"),
    "rssi": Meaning("dBm", diagnostic=True),
    "snr": Meaning("dB", diagnostic=True),
    "air_util_tx": Meaning("%", diagnostic=True),
    "channel_utilization": Meaning("%", diagnostic=True),
    "uptime_seconds": Meaning("s", diagnostic=True),
    "uptime": Meaning("s", diagnostic=True),
    "hops_away": RADIO,
    "hop_start": RADIO,
    "sats_in_view": RADIO,
    "precision_bits": RADIO,
    "PDOP": RADIO,
    "HDOP": RADIO,
    "VDOP": RADIO,
}
_CHANNEL = re.compile(r"ch[1-8]_(voltage|current)", re.ASCII)
_PARTICLES = re.compile(r"pm[0-9]{2,3}_(?:standard|environmental)", re.ASCII)
_NODE = re.compile(r"!?[0-9a-f]{1,8}", re.ASCII)


class MeshtasticParser:
    name = "meshtastic"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        kind, is_usual = _kind(topic)
        if not kind:
            return 0.0
        if is_usual:
            return 0.9
        return 0.7

    def parse(self, message: Message) -> Sequence[Fact]:
        kind, _ = _kind(message.topic)
        levels = message.topic.split("/")
        if kind not in ("json", "stat") or not message.payload.strip() or DOWNLINK in levels:
            return []
        gateway = _node(levels[-1])
        if kind == "stat":
            return _state(gateway, message.payload)
        record = decode_object(message.payload)
        device = _node(record.get("from"))
        if not device:
            raise invalid('expected the number of the node under "from"')
        return list(_packet(device, _node(text_at(record, "sender")) or gateway or None, record))


@lru_cache(maxsize=4096)
def _kind(topic: str) -> tuple[str, bool]:
    """Kind of message, and whether the root is the usual one; "" for other topics."""
    levels = topic.split("/")
    if VERSION in levels:
        place = levels.index(VERSION)
    else:
        place = -1
    if place < 1 or len(levels) < place + 3 or levels[place + 1] not in KINDS:
        return "", False
    is_usual = ROOT in levels[:place]
    is_node = levels[-1].startswith("!") and _NODE.fullmatch(levels[-1]) is not None
    if is_usual or is_node:
        return (levels[place + 1], is_usual)
    return ("", False)


def _node(value: object) -> str:
    """`!` and eight hexadecimal digits, from a number or a text; "" for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"!{value & NODE_BITS:08x}"
    if isinstance(value, str) and _NODE.fullmatch(value.lower()):
        return f"!{int(value.removeprefix('!'), 16):08x}"
    return ""


def _state(gateway: str, payload: bytes) -> list[Fact]:
    state = checked_liveness(payload)
    if not gateway:
        raise invalid("expected online or offline of a gateway node")
    if state:
        return [Availability(identifier=gateway, state=state, is_gateway=True)]
    return []


def _packet(device: str, gateway: str | None, record: dict[str, Any]) -> Iterator[Fact]:
    kind = text_at(record, "type")
    payload = object_at(record, "payload")
    if kind == "nodeinfo" and (name := label_at(payload, "longname")):
        yield DeviceDescription(device=device, name=name, gateway=gateway)
    time = parse_time(record.get("timestamp") or None)
    collector = ReadingCollector(device, gateway=gateway, time=time)
    if kind not in WITHOUT_READINGS:
        collector.time = parse_time(payload.get("time") or None) or time
        collector.add_tree(_values(kind, record.get("payload")), meaning_of)
        collector.time = time
    radio = {key: record.get(key) for key in ("rssi", "snr", "hops_away")}
    collector.add_tree(radio, meaning_of)
    yield from collector.facts()


def _values(kind: str, payload: Any) -> dict[str, Any]:
    """Values by the names of metrics; a text stands under the type of the packet."""
    if not isinstance(payload, dict):
        return {kind or "value": payload}
    values = {key: value for key, value in payload.items() if key not in ("time", "timestamp")}
    for axis in ("latitude", "longitude"):
        number = values.pop(f"{axis}_i", None)
        if isinstance(number, int | float):
            values[axis] = round(number / COORDINATE, 7)
    return values


def meaning_of(metric: str) -> Meaning:
    if metric in MEANINGS:
        return MEANINGS[metric]
    if channel := _CHANNEL.fullmatch(metric):
        return Meaning("V" if channel[1] == "voltage" else "mA")
    if _PARTICLES.fullmatch(metric):
        return Meaning("µg/m³")
    return MEASUREMENT
