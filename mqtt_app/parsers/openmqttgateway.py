"""OpenMQTTGateway and Theengs Gateway: `<base>/<gateway>/<radio>toMQTT[/<device>]`.

Also `<base>/presence/<gateway>`, where a gateway with a usual name lists devices that are near.

Sources: https://docs.openmqttgateway.com/ and https://gateway.theengs.io/, names of properties in
https://decoder.theengs.io/. A Bluetooth device is its MAC address, a device of RTL_433toMQTT what
rtl_433 calls it, so that one device which two gateways hear is one; others are what their topic
is. SYStoMQTT and LWT are about the gateway itself.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    Liveness,
    normal_address,
)
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import (
    MEASUREMENT,
    RADIO,
    Meaning,
    ReadingCollector,
    decode_object,
    label,
    label_at,
    text_at,
)
from mqtt_app.parsers.liveness import checked_liveness
from mqtt_app.parsers.rtl433 import event_facts

SYSTEM, RTL_433, LAST_WILL = "SYStoMQTT", "RTL_433toMQTT", "LWT"
PRESENCES = frozenset(
    {"presence", "home_presence"}
)  # `home/presence/<gateway>`: devices that are near
GATEWAY_NAMES = ("openmqttgateway", "omg_", "theengs")
UNITS = {
    "tempc": "°C",
    "tempf": "°F",
    "hum": "%",
    "batt": "%",
    "moi": "%",
    "volt": "V",
    "lux": "lx",
    "fer": "µS/cm",
    "pres": "hPa",
    "distance": "m",
    "co2": "ppm",
    "pm25": "µg/m³",
    "pm10": "µg/m³",
    "tvoc": "µg/m³",
    "power": "W",
    "energy": "kWh",
    "current": "A",
    "voltage": "V",
    "accx": "m/s²",
    "accy": "m/s²",
    "accz": "m/s²",
}
RADIO_UNITS = {"rssi": "dBm", "txpower": "dBm", "tx": "dBm", "snr": "dB", "uptime": "s"}
# What names the device or the message; no readings.
METADATA = frozenset(
    {
        "id",
        "mac",
        "name",
        "brand",
        "model",
        "model_id",
        "type",
        "mac_type",
        "adv_type",
        "cidc",
        "acts",
        "cont",
        "track",
        "encr",
        "prmac",
        "device",
        "servicedata",
        "servicedatauuid",
        "manufacturerdata",
        "mfid",
        "uuid",
        "major",
        "minor",
        "hass",
        "unit",
        "time",
        "UTCtime",
        "unixtime",
        "unixtimestamp",
        "ctr",
        "mic",
        "cipher",
        "raw",
        "hex",
        "packetSize",
    }
)
NO_DEVICES = frozenset({"status", "undecoded signal"})  # models of the receiver's own messages
ABSENCES = frozenset({"absent", "offline"})
_RADIO_LEVEL = re.compile(r"[A-Za-z0-9_]{1,20}toMQTT", re.ASCII)
_COMMAND_LEVEL = re.compile(r"MQTTto[A-Za-z0-9_]{1,20}", re.ASCII)
_NUMBERED = re.compile(r"[0-9]\Z", re.ASCII)
_MAC = re.compile(r"[0-9A-F]{12}", re.ASCII)


class Place(msgspec.Struct, frozen=True):
    """`radio` is the level that ends in toMQTT, LWT, one of PRESENCES, or "" for a command."""

    gateway: str
    radio: str
    device: str


class OpenMqttGatewayParser:
    name = "openmqttgateway"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        place = _place(topic)
        if place is None:
            return 0.0
        if place.radio != LAST_WILL or _is_named(place.gateway):
            return 0.85
        # others write Online
        if sample.strip(b' "\r\n\x00') in (b"online", b"offline"):
            return 0.6
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None or not place.radio or not message.payload.strip():
            return []
        if place.radio == LAST_WILL:
            return list(_last_will(place.gateway, message.payload))
        record = decode_object(message.payload)
        if place.radio == SYSTEM:
            return list(_system(place.gateway, record))
        if place.radio == RTL_433 and text_at(record, "model") in NO_DEVICES:
            return []
        if place.radio == RTL_433 and text_at(record, "model"):
            return list(event_facts(record, place.gateway, _time(record, message.time_zone)))
        return list(_device(place, record, message))


@lru_cache(maxsize=4096)
def _place(topic: str) -> Place | None:
    """None for other topics."""
    if "toMQTT" in topic:
        levels = topic.split("/")
        for position, level in enumerate(levels):
            if position and _RADIO_LEVEL.fullmatch(level):
                return Place("/".join(levels[:position]), level, "/".join(levels[position + 1 :]))
    if "MQTTto" in topic and any(map(_COMMAND_LEVEL.fullmatch, topic.split("/"))):
        return Place("", "", "")
    above, _, last = topic.rpartition("/")
    base, _, gateway = above.rpartition("/")
    if gateway in PRESENCES and base and _is_named(last):
        return Place(f"{base}/{last}", gateway, "")
    if last == LAST_WILL and gateway and (base == "home" or _is_named(above)):
        return Place(above, last, "")
    return None


def _is_named(gateway: str) -> bool:
    return gateway.rpartition("/")[2].lower().startswith(GATEWAY_NAMES)


def _last_will(gateway: str, payload: bytes) -> Iterator[Availability]:
    """Of the gateway; of one without a usual name also as a device, which it may be instead."""
    state = checked_liveness(payload)
    if state:
        yield Availability(identifier=gateway, state=state, is_gateway=True)
    if state and not _is_named(gateway):
        yield Availability(identifier=gateway, state=state)


def _system(gateway: str, record: dict[str, Any]) -> Iterator[Fact]:
    """Numbers of the gateway's own status; its texts and switches are settings."""
    version = label_at(record, "version")
    name = label(gateway.rpartition("/")[2])
    yield DeviceDescription(device=gateway, name=name, software=version, is_gateway=True)
    collector = ReadingCollector(gateway, gateway=gateway)
    for key, value in record.items():
        if type(value) in (int, float):
            if key == "tempc":
                unit = "°C"
            else:
                unit = RADIO_UNITS.get(key, "")
            collector.add(key, value, Meaning(unit, diagnostic=True))
    yield from collector.facts()


def _device(place: Place, record: dict[str, Any], message: Message) -> Iterator[Fact]:
    device = _identifier(place, record, message.topic)
    values = {key: value for key, value in record.items() if key not in METADATA}
    if _is_absent(record) and values.keys() <= {"presence", "state"}:
        yield Availability(identifier=device, state=Liveness.OFFLINE, gateway=place.gateway)
        return
    about = DeviceDescription(
        device=device,
        name=label_at(record, "name"),
        manufacturer=label_at(record, "brand"),
        model=label_at(record, "model"),
        gateway=place.gateway,
    )
    if about.name or about.manufacturer or about.model:
        yield about
    collector = ReadingCollector(
        device, gateway=place.gateway, time=_time(record, message.time_zone)
    )
    weight_unit = text_at(record, "unit")
    collector.add_tree(
        values,
        lambda metric: Meaning(weight_unit) if metric == "weight" else _meaning(metric),
    )
    yield from collector.facts()


def _is_absent(record: dict[str, Any]) -> bool:
    return text_at(record, "presence") in ABSENCES or text_at(record, "state") in ABSENCES


def _identifier(place: Place, record: dict[str, Any], topic: str) -> str:
    """The address that the payload or the topic carries, or else the topic."""
    for text in (text_at(record, "id"), text_at(record, "mac"), place.device):
        address = normal_address(text)
        if _MAC.fullmatch(address.replace(":", "")):
            return address
    return topic


def _time(record: dict[str, Any], time_zone: str) -> float | None:
    for key in ("UTCtime", "unixtime", "unixtimestamp", "time"):
        time = parse_time(record.get(key), time_zone)
        if time is not None:
            return time
    return None


@lru_cache(maxsize=4096)
def _meaning(metric: str) -> Meaning:
    if metric in RADIO_UNITS:
        return Meaning(RADIO_UNITS[metric], diagnostic=True)
    if metric in ("freq", "delay", "length", "protocol", "duration", "pferror", "modelid"):
        return RADIO
    unit = UNITS.get(metric) or UNITS.get(_NUMBERED.sub("", metric), "")
    if unit:
        return Meaning(unit)
    return MEASUREMENT
