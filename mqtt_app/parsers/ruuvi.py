"""Ruuvi Gateway: `ruuvi/<gateway>/<sensor>` and `ruuvi/<gateway>/gw_status`.

Source: https://docs.ruuvi.com/gw-data-formats. The sensor and the gateway are their MAC addresses.
The advertisement in `data` is decoded here; what the gateway or another program has decoded already
has the same names. The whole list of a gateway's sensors, as it is sent by HTTP, is read too.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import Availability, Fact, ParseError, normal_address
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import (
    MEASUREMENT,
    Meaning,
    ReadingCollector,
    decode_object,
    object_at,
    text_at,
)
from mqtt_app.parsers.json_tree import invalid
from mqtt_app.parsers.liveness import checked_liveness
from mqtt_app.parsers.ruuvi_frames import decode_frame

STATUS = "gw_status"
MEANINGS = {
    "temperature": Meaning("°C"),
    "humidity": Meaning("%"),
    "pressure": Meaning("Pa"),
    "accelX": Meaning("g"),
    "accelY": Meaning("g"),
    "accelZ": Meaning("g"),
    "voltage": Meaning("V"),
    "PM1.0": Meaning("µg/m³"),
    "PM2.5": Meaning("µg/m³"),
    "PM4.0": Meaning("µg/m³"),
    "PM10.0": Meaning("µg/m³"),
    "CO2": Meaning("ppm"),
    "luminosity": Meaning("lx"),
    "rssi": Meaning("dBm", diagnostic=True),
    "txPower": Meaning("dBm", diagnostic=True),
    "measurementSequenceNumber": Meaning(diagnostic=True),
}
METADATA = frozenset(
    {
        "gw_mac",
        "mac",
        "id",
        "aoa",
        "gwts",
        "ts",
        "timestamp",
        "data",
        "coords",
        "name",
        "dataFormat",
        "tagId",
        "deviceId",
    }
)
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{12}", re.ASCII)


class RuuviParser:
    name = "ruuvi"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if b'"gw_mac"' in sample and (b'"gwts"' in sample or b'"data"' in sample):
            return 0.9
        levels = topic.split("/")
        if levels[-1] == STATUS:
            if len(levels) > 1 and _MAC.fullmatch(levels[-2]):
                return 0.85
            return 0.0
        are_addresses = len(levels) > 2 and all(map(_MAC.fullmatch, levels[-2:]))
        if are_addresses and "ruuvi" in levels[:-2]:
            return 0.85
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not message.payload.strip():
            return []
        levels = message.topic.split("/")
        if levels[-1] == STATUS:
            return _status(_address(levels[-2]) if len(levels) > 1 else "", message.payload)
        record = decode_object(message.payload)
        tags = object_at(object_at(record, "data"), "tags")
        if tags:
            return list(_history(object_at(record, "data"), tags))
        gateway = _address(text_at(record, "gw_mac") or (levels[-2] if len(levels) > 1 else ""))
        sensor = _address(levels[-1]) or _address(text_at(record, "id") or text_at(record, "mac"))
        if not sensor:
            raise invalid("expected the address of a sensor as the last level of the topic")
        return _sensor(sensor, gateway or None, record)


def _address(text: str) -> str:
    """ "" for what is no address."""
    if _MAC.fullmatch(text.strip()):
        return normal_address(text)
    return ""


def _status(gateway: str, payload: bytes) -> list[Fact]:
    """`{"state": "online"}`, or the plain state."""
    state = checked_liveness(payload)
    if not gateway:
        raise invalid("expected the address of a gateway before gw_status")
    if state:
        return [Availability(identifier=gateway, state=state, is_gateway=True)]
    return []


def _history(data: dict[str, Any], tags: dict[str, Any]) -> Iterator[Fact]:
    gateway = _address(text_at(data, "gw_mac")) or None
    for address, record in tags.items():
        sensor = _address(address)
        if sensor and isinstance(record, dict):
            yield from _sensor(sensor, gateway, record)


def _sensor(sensor: str, gateway: str | None, record: dict[str, Any]) -> list[Fact]:
    time = parse_time(record.get("ts") or record.get("timestamp") or record.get("gwts"))
    collector = ReadingCollector(sensor, gateway=gateway, time=time)
    values = {key: value for key, value in record.items() if key not in METADATA}
    collector.add_tree(values, meaning_of)
    try:
        for metric, value in decode_frame(text_at(record, "data")).items():
            collector.add(metric, value, meaning_of(metric))
    except ParseError as error:
        collector.refuse("data", str(error))
    return collector.facts()


def meaning_of(metric: str) -> Meaning:
    return MEANINGS.get(metric, MEASUREMENT)
