"""rtl_433: `rtl_433/<host>/events` in JSON, and `rtl_433/<host>/devices/.../<key>` with one value.

Source: https://github.com/merbanan/rtl_433, docs/DATA_FORMAT.md and the help of `-F mqtt`. The
device is identified by its model, channel and id, as far as it has them, and not by its receiver:
`rtl_433/<model>/<channel>/<id>`. Both forms of topic give the same device and metrics. The names
of measurements end in their units: `temperature_C`, `wind_avg_km_h`.
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
    Meaning,
    ReadingCollector,
    decode_object,
    label,
    text_at,
)
from mqtt_app.parsers.liveness import checked_liveness

FAMILY = "rtl_433"
AVAILABILITY = "availability"
KINDS = frozenset({"events", "states", "devices", AVAILABILITY})
TYPE = "TPMS"  # the one classification of devices, a level of its own before the model
CHANNEL_LENGTH = 2  # characters; longer levels before the id are subtypes
# Names of the device or the message, and how it was sent; no readings.
METADATA = frozenset(
    {
        "time",
        "type",
        "model",
        "subtype",
        "id",
        "channel",
        "mic",
        "protocol",
        "mod",
        "raw_msg",
        "code",
        "codes",
        "data",
        "tag",
    }
)
RADIO_UNITS = {
    "rssi": "dB",
    "snr": "dB",
    "noise": "dB",
    "freq": "MHz",
    "freq1": "MHz",
    "freq2": "MHz",
    "duration": "µs",  # of the signal, as OpenMQTTGateway adds it
}
UNITS = {
    "C": "°C",
    "F": "°F",
    "V": "V",
    "mV": "mV",
    "A": "A",
    "W": "W",
    "kW": "kW",
    "kWh": "kWh",
    "VA": "VA",
    "Hz": "Hz",
    "MHz": "MHz",
    "hPa": "hPa",
    "kPa": "kPa",
    "psi": "psi",
    "PSI": "psi",
    "bar": "bar",
    "mm": "mm",
    "cm": "cm",
    "in": "in",
    "km": "km",
    "mi": "mi",
    "mm_h": "mm/h",
    "in_h": "in/h",
    "m_s": "m/s",
    "km_h": "km/h",
    "mi_h": "mi/h",
    "kn": "kn",
    "deg": "°",
    "lux": "lx",
    "klx": "klx",
    "ppm": "ppm",
    "ppb": "ppb",
    "ug_m3": "µg/m³",
    "w_m2": "W/m²",
    "W_m2": "W/m²",
    "kg": "kg",
    "dBm": "dBm",
    "dB": "dB",
}
PERCENT = frozenset({"humidity", "moisture"})
_NUMBERED = re.compile(r"_[0-9]{1,2}\Z", re.ASCII)
_UNSAFE = re.compile(r"[^-.A-Za-z0-9]")  # what rtl_433 replaces in the levels of its topics


class Rtl433Parser:
    name = "rtl_433"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if FAMILY in topic:
            levels = _levels(topic)
        else:
            levels = []
        if levels[2:3] and levels[2] in KINDS:
            return 0.85
        if b'"model"' not in sample or b'"time"' not in sample:
            return 0.0
        if levels:
            return 0.75
        if b'"mic"' in sample or b'"battery_ok"' in sample:
            return 0.65
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not message.payload.strip():
            return []
        levels = _levels(message.topic)
        if levels[2:3] and levels[2] in KINDS:
            kind = levels[2]
        else:
            kind = ""
        if kind == "states":
            return []
        if kind == AVAILABILITY:
            return _availability("/".join(levels[:2]), message.payload)
        if kind == "devices":
            return _from_devices_topic(levels, message.payload)
        record = decode_object(message.payload)
        if kind:
            gateway = "/".join(levels[:2])
        else:
            gateway = None
        time = parse_time(record.get("time"), message.time_zone)
        if text_at(record, "model"):
            return list(event_facts(record, gateway, time))
        return []


def _availability(gateway: str, payload: bytes) -> list[Fact]:
    """The Will of the receiver."""
    state = checked_liveness(payload)
    if state:
        return [Availability(identifier=gateway, state=state, is_gateway=True)]
    return []


def event_facts(record: dict[str, Any], gateway: str | None, time: float | None) -> Iterator[Fact]:
    """Readings of one event, also as other programs relay them. `record` names a model."""
    device = identity(record)
    model = text_at(record, "model")
    number = record.get("id")
    name = label(model if number is None else f"{model} {number}")
    yield DeviceDescription(device=device, name=name, model=label(model), gateway=gateway)
    collector = ReadingCollector(device, gateway=gateway, time=time)
    values = {key: value for key, value in record.items() if key not in METADATA}
    collector.add_tree(values, meaning_of)
    yield from collector.facts()


def identity(record: dict[str, Any]) -> str:
    """ "" when the record names no model."""
    model = text_at(record, "model")
    if not model:
        return ""
    parts = [model, *(_level(record.get(key)) for key in ("channel", "id"))]
    return "/".join([FAMILY, *(_UNSAFE.sub("_", part) for part in parts if part)])


@lru_cache(maxsize=4096)
def meaning_of(metric: str) -> Meaning:
    """Unit and group of a metric by its name."""
    if metric in RADIO_UNITS:
        return Meaning(RADIO_UNITS[metric], diagnostic=True)
    name = _NUMBERED.sub("", metric)
    if name in PERCENT:
        return Meaning("%")
    _, _, rest = name.partition("_")
    while rest:
        if rest in UNITS:
            return Meaning(UNITS[rest])
        _, _, rest = rest.partition("_")
    return MEASUREMENT


def _level(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    return str(value)


@lru_cache(maxsize=4096)
def _levels(topic: str) -> list[str]:
    """From the level of the family on: base, host, kind of message, ...; empty for other topics."""
    above, found, below = topic.partition(f"{FAMILY}/")
    if not found or (above and not above.endswith("/")):
        return []
    return [above + FAMILY, *below.split("/")]


def _from_devices_topic(levels: list[str], payload: bytes) -> list[Fact]:
    """One value: base/host/devices[/type]/model[/subtype][/channel][/id]/key."""
    gateway = "/".join(levels[:2])
    path = levels[3:]
    if path[:1] == [TYPE]:
        path = path[1:]
    if path:
        keys = [path.pop()]
    else:
        keys = []
    if len(path) > 1 and keys and keys[0].isdigit():  # an item of an array
        keys.insert(0, path.pop())
    if not path or not keys or keys[0] in METADATA:
        return []
    if len(path) > 2 and (len(path) > 3 or len(path[1]) > CHANNEL_LENGTH):
        del path[1]  # the subtype
    metric = ".".join(keys)
    collector = ReadingCollector("/".join([FAMILY, *path]), gateway=gateway)
    collector.add_leaf(metric, payload.decode("utf-8", "replace"), meaning_of(metric))
    return collector.facts()
