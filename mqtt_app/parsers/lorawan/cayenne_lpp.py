"""Cayenne Low Power Payload: channel, type and value, again and again, as raw bytes.

Source: https://docs.mydevices.com/docs/lorawan/cayenne-lpp; further types as in
https://github.com/ElectronicCats/CayenneLPP; names of metrics as The Things Stack gives them
(https://www.thethingsindustries.com/docs/integrations/payload-formatters/cayenne/). Nothing marks
the format, so it is certain only where the topic names it; elsewhere bytes have to be readable to
the last one, with values that such sensors have. A topic that names it may also carry hexadecimal.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from mqtt_app.domain.facts import Fact, ParseError, ParseErrorKind
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.generic.topic_roles import device_of_topic
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings

MAX_LENGTH = 242  # bytes; no LoRaWAN frame is longer
NAMES = frozenset(["lpp", "cayennelpp", "cayenne", "cayenne-lpp", "cayenne_lpp"])

_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){3,242}")


class LppType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of value: `size` bytes for each of `parts`, divided by `scale`; big-endian."""

    name: str
    size: int
    scale: float = 1.0
    is_signed: bool = False
    unit: str = ""
    parts: tuple[str, ...] = ("",)
    lowest: float = -1e9  # what a sensor of this kind can measure
    highest: float = 1e9


class LppValue(msgspec.Struct, frozen=True, kw_only=True):
    """One value with the name of its metric."""

    metric: str
    kind: LppType
    value: float


KINDS = {
    0x00: LppType(name="digital_in", size=1, highest=1),
    0x01: LppType(name="digital_out", size=1, highest=1),
    0x02: LppType(name="analog_in", size=2, scale=100, is_signed=True),
    0x03: LppType(name="analog_out", size=2, scale=100, is_signed=True),
    0x64: LppType(name="generic_sensor", size=4),
    0x65: LppType(name="luminosity", size=2, unit="lx"),
    0x66: LppType(name="presence", size=1, highest=1),
    0x67: LppType(
        name="temperature",
        size=2,
        scale=10,
        is_signed=True,
        unit="°C",
        lowest=-100,
        highest=300,
    ),
    0x68: LppType(name="relative_humidity", size=1, scale=2, unit="%", highest=100),
    0x71: LppType(
        name="accelerometer",
        size=2,
        scale=1000,
        is_signed=True,
        unit="G",
        parts=("x", "y", "z"),
        lowest=-20,
        highest=20,
    ),
    0x73: LppType(
        name="barometric_pressure", size=2, scale=10, unit="hPa", lowest=300, highest=1100
    ),
    0x74: LppType(name="voltage", size=2, scale=100, unit="V"),
    0x75: LppType(name="current", size=2, scale=1000, unit="A"),
    0x76: LppType(name="frequency", size=4, unit="Hz"),
    0x78: LppType(name="percentage", size=1, unit="%", highest=100),
    0x79: LppType(name="altitude", size=2, is_signed=True, unit="m"),
    0x7D: LppType(name="concentration", size=2, unit="ppm"),
    0x80: LppType(name="power", size=2, unit="W"),
    0x82: LppType(name="distance", size=4, scale=1000, unit="m"),
    0x83: LppType(name="energy", size=4, scale=1000, unit="kWh"),
    0x84: LppType(name="direction", size=2, unit="°", highest=360),
    0x86: LppType(
        name="gyrometer", size=2, scale=100, is_signed=True, unit="°/s", parts=("x", "y", "z")
    ),
    0x87: LppType(name="colour", size=1, parts=("r", "g", "b")),
    0x88: LppType(name="gps", size=3, is_signed=True, parts=("latitude", "longitude", "altitude")),
    0x8E: LppType(name="switch", size=1, highest=1),
}
GPS = 0x88
GPS_SCALES = {"latitude": 10_000.0, "longitude": 10_000.0, "altitude": 100.0}
GPS_UNITS = {"latitude": "°", "longitude": "°", "altitude": "m"}
GPS_LIMITS = {"latitude": 90.0, "longitude": 180.0, "altitude": 20_000.0}
COMMON_CHANNELS = 64  # people count their sensors from 0 or 1


class CayenneLppParser:
    name = "cayenne_lpp"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if _is_named(topic):
            return 0.8 if sample[:1] not in (b"{", b"[") else 0.0
        if not 3 <= len(sample) <= MAX_LENGTH or sample[1] not in KINDS or _is_text(sample):
            return 0.0
        try:
            found = list(_records(sample))
        except ParseError:
            return 0.0
        if sample[0] >= COMMON_CHANNELS or not all(map(_is_plausible, found)):
            return 0.0
        if len(found) > 1:
            return 0.3
        return 0.15

    def parse(self, message: Message) -> Sequence[Fact]:
        payload = message.payload
        if not payload:
            return []
        if _HEX.fullmatch(payload.strip()):
            payload = bytes.fromhex(payload.decode("ascii"))
        readings = TreeReadings()
        origin = ReadingOrigin(device=_device(message.topic))
        for record in _records(payload):
            unit = record.kind.unit or GPS_UNITS.get(record.metric.rpartition(".")[2], "")
            readings.add(origin, record.metric, record.value, unit)
        return readings.facts


def _is_named(topic: str) -> bool:
    small = topic.lower()
    return ("lpp" in small or "cayenne" in small) and not NAMES.isdisjoint(small.split("/"))


def _device(topic: str) -> str:
    """The topic without the level that names the format."""
    levels = device_of_topic(topic).split("/")
    while len(levels) > 1 and levels[-1].lower() in NAMES:
        levels.pop()
    return "/".join(levels)


def _records(payload: bytes) -> Iterator[LppValue]:
    """Values in the order of the payload. Raises ParseError where it cannot be read further."""
    if len(payload) > MAX_LENGTH:
        raise _broken(f"{len(payload):,} bytes; the limit is {MAX_LENGTH}")
    place = 0
    while place < len(payload):
        channel = payload[place]
        if place + 1 < len(payload):
            kind = KINDS.get(payload[place + 1])
        else:
            kind = None
        if kind is None:
            raise _broken(f"no known type at byte {place + 1}")
        start = place + 2
        place = start + kind.size * len(kind.parts)
        if place > len(payload):
            raise _broken(f"it breaks off in the value of channel {channel}")
        for number, part in enumerate(kind.parts):
            first = start + number * kind.size
            raw = payload[first : first + kind.size]
            yield _record(f"{kind.name}_{channel}", kind, part, raw)


def _record(metric: str, kind: LppType, part: str, raw: bytes) -> LppValue:
    if kind is KINDS[GPS]:
        scale = GPS_SCALES[part]
    else:
        scale = kind.scale
    return LppValue(
        metric=f"{metric}.{part}" if part else metric,
        kind=kind,
        value=int.from_bytes(raw, "big", signed=kind.is_signed) / scale,
    )


def _is_plausible(record: LppValue) -> bool:
    limit = GPS_LIMITS.get(record.metric.rpartition(".")[2])
    if limit is not None and record.kind is KINDS[GPS]:
        return abs(record.value) <= limit
    return record.kind.lowest <= record.value <= record.kind.highest


def _is_text(sample: bytes) -> bool:
    try:
        return sample.decode().strip().isprintable()
    except UnicodeDecodeError:
        return False


def _broken(reason: str) -> ParseError:
    return ParseError(ParseErrorKind.PARSE, f"broken Cayenne LPP: {reason}")
