"""Teltonika: trackers that write JSON, and the parameters of RUT routers.

Sources: https://wiki.teltonika-gps.com/ (Codec JSON, AVL IDs of the FMB family) and
https://wiki.teltonika-networks.com/view/Monitoring_via_MQTT. A tracker is its IMEI, where the topic
or the payload has one. AVL IDs stay the names of metrics and get readable names beside. Whole numbers
are multiplied as the list of AVL IDs says; one with a fraction has been scaled by the tracker.

    {"state": {"reported": {"ts": <ms>, "latlng": "54.69,25.27", "sp": 43, "239": 1}}}
    router/<serial>/<parameter>   one value, asked for by get/<serial>/command
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from mqtt_app.domain.facts import DeviceDescription, Fact, MetricDescription
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import (
    MEASUREMENT,
    RADIO,
    Meaning,
    ReadingCollector,
    decode_object,
    label,
    leaves,
    object_at,
)
from mqtt_app.parsers.teltonika_avl import AVL

MEANINGS = {
    "latitude": Meaning("°"),
    "longitude": Meaning("°"),
    "alt": Meaning("m"),
    "ang": Meaning("°"),
    "sp": Meaning("km/h"),
    "sat": RADIO,
    "evt": RADIO,
    "pr": RADIO,
}
ROUTER_PARAMETERS = {
    "temperature": Meaning("°C"),
    "signal": Meaning("dBm", diagnostic=True),
    "uptime": Meaning("s", diagnostic=True),
    "operator": RADIO,
    "network": RADIO,
    "connection": RADIO,
    "wan": RADIO,
    "digital1": MEASUREMENT,
    "digital2": MEASUREMENT,
    "analog": MEASUREMENT,
    "pin2": MEASUREMENT,
    "pin3": MEASUREMENT,
    "pin4": MEASUREMENT,
    "name": MEASUREMENT,
}
COMMANDS = frozenset({"commands", "command"})
ROUTER = "router"  # TRB gateways write `device`, as many others do
METADATA = frozenset({"ts", "latlng", "imei", "IMEI"})
_IMEI = re.compile(r"[0-9]{15}", re.ASCII)
_SERIAL = re.compile(r"[0-9]{10}", re.ASCII)
_TENTHS = re.compile(r"-?[0-9]{1,4}", re.ASCII)
_COORDINATES = re.compile(r"(-?[0-9]{1,3}\.?[0-9]*),(-?[0-9]{1,3}\.?[0-9]*)", re.ASCII)


class TeltonikaParser:
    name = "teltonika"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if b'"reported"' in sample and (b'"latlng"' in sample or _imei(topic)):
            return 0.8
        levels = topic.split("/", 4)
        if len(levels) == 2 and _IMEI.fullmatch(levels[0]):
            if levels[1] in COMMANDS or b'"RSP"' in sample:
                return 0.8
            return 0.0
        if len(levels) == 3 and (_is_router(levels) or _is_request(levels)):
            return 0.8
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not message.payload.strip():
            return []
        levels = message.topic.split("/", 4)
        if len(levels) == 3 and _is_request(levels):
            return []
        if len(levels) == 3 and _is_router(levels):
            return _router(levels, message.payload)
        if levels[-1] in COMMANDS or ("/shadow/" in message.topic and levels[4:] != ["update"]):
            return []  # what is asked of it; what the shadow's keeper repeats of an update
        tree = decode_object(message.payload)
        record = object_at(object_at(tree, "state"), "reported") or object_at(tree, "reported")
        if record:
            return list(_tracker(message.topic, record))
        return []


def _is_router(levels: list[str]) -> bool:
    is_parameter = levels[2] in ROUTER_PARAMETERS
    return is_parameter and levels[0] == ROUTER and bool(_SERIAL.fullmatch(levels[1]))


def _is_request(levels: list[str]) -> bool:
    is_command = levels[0] == "get" and levels[2] == "command"
    return is_command and _SERIAL.fullmatch(levels[1]) is not None


@lru_cache(maxsize=4096)
def _imei(topic: str) -> str:
    return next((level for level in topic.split("/") if _IMEI.fullmatch(level)), "")


def _router(levels: list[str], payload: bytes) -> list[Fact]:
    """The temperature is a whole number of tenths of a degree."""
    device = "/".join(levels[:2])
    parameter = levels[2]
    text = payload.decode("utf-8", "replace").strip()
    if parameter == "name":
        return [DeviceDescription(device=device, name=label(text))]
    collector = ReadingCollector(device)
    is_tenths = parameter == "temperature" and _TENTHS.fullmatch(text)
    if is_tenths:
        leaf: float | str = int(text) / 10
    else:
        leaf = text
    collector.add_leaf(parameter, leaf, ROUTER_PARAMETERS[parameter])
    return collector.facts()


def _tracker(topic: str, record: dict[str, Any]) -> Iterator[Fact]:
    imei = str(record.get("imei") or record.get("IMEI") or "")
    if _IMEI.fullmatch(imei):
        device = imei
    else:
        device = _imei(topic) or topic
    collector = ReadingCollector(device, time=parse_time(record.get("ts")))
    position = record.get("latlng")
    if isinstance(position, str) and (found := _COORDINATES.fullmatch(position.replace(" ", ""))):
        collector.add("latitude", float(found[1]), MEANINGS["latitude"])
        collector.add("longitude", float(found[2]), MEANINGS["longitude"])
    for metric, leaf in leaves({key: record[key] for key in record if key not in METADATA}):
        parameter = AVL.get(metric)
        if parameter is None:
            collector.add_leaf(metric, leaf, MEANINGS.get(metric, MEASUREMENT))
            continue
        collector.add_leaf(metric, parameter.value_of(leaf), parameter.meaning)
        meaning = parameter.meaning
        collector.add_fact(
            MetricDescription(
                device=device,
                metric=metric,
                name=parameter.name,
                unit=meaning.unit,
                diagnostic=meaning.diagnostic,
            )
        )
    yield from collector.facts()
