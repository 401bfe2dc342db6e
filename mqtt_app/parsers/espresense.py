"""ESPresense: `espresense/devices/<id>/<room>` and `espresense/rooms/<room>/...`.

Source: https://espresense.com/. A device is the identifier that ESPresense gives it, and each room
that hears it adds metrics of its own (`kitchen.distance`), so that two rooms do not mix in one
series. A room is the gateway `espresense/rooms/<room>`.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from mqtt_app.domain.facts import Availability, DeviceDescription, Fact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import (
    RADIO,
    Meaning,
    ReadingCollector,
    decode_object,
    label,
    label_at,
)
from mqtt_app.parsers.liveness import checked_liveness

FAMILY = "espresense"
DISTANCES = frozenset({"distance", "raw"})
METADATA = frozenset({"id", "mac", "name", "disc", "idType", "ip", "firm", "ver", "count"})


class EspresensePlace(msgspec.Struct, frozen=True):
    """`base` ends in the level of the family; `below` are the levels behind it."""

    base: str
    below: tuple[str, ...]


class EspresenseParser:
    name = "espresense"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if FAMILY in topic and _place(topic) is not None:
            return 0.85
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None or not message.payload.strip():
            return []
        match place.below:
            case ("devices", device, room):
                return _heard(place.base, device, room, message.payload)
            case ("rooms", room, "status"):
                return _status(f"{place.base}/rooms/{room}", message.payload)
            case ("rooms", room, "telemetry"):
                return _room(f"{place.base}/rooms/{room}", room, message.payload)
        return []  # settings, and what is asked for


@lru_cache(maxsize=4096)
def _place(topic: str) -> EspresensePlace | None:
    levels = topic.split("/")
    if FAMILY in levels:
        place = levels.index(FAMILY)
    else:
        place = -1
    below = levels[place + 1 :]
    if place < 0 or len(below) < 2 or below[0] not in ("devices", "rooms", "settings"):
        return None
    return EspresensePlace("/".join(levels[: place + 1]), tuple(below))


def _heard(base: str, device: str, room: str, payload: bytes) -> list[Fact]:
    record = decode_object(payload)
    gateway = f"{base}/rooms/{room}"
    collector = ReadingCollector(f"{base}/{device}", gateway=gateway)
    if name := label_at(record, "name"):
        collector.add_fact(DeviceDescription(device=collector.device, name=name, gateway=gateway))
    values = {key: value for key, value in record.items() if key not in METADATA}
    collector.add_tree(values, _meaning, room)
    return collector.facts()


def _meaning(metric: str) -> Meaning:
    """The room comes first in the name of the metric."""
    last = metric.rpartition(".")[2]
    if last in DISTANCES:
        return Meaning("m")
    if last.startswith("rssi"):
        return Meaning("dBm", diagnostic=True)
    return RADIO


def _status(gateway: str, payload: bytes) -> list[Fact]:
    state = checked_liveness(payload)
    if state:
        return [Availability(identifier=gateway, state=state, is_gateway=True)]
    return []


def _room(gateway: str, room: str, payload: bytes) -> list[Fact]:
    """Numbers of the room's own state."""
    record = decode_object(payload)
    collector = ReadingCollector(gateway, gateway=gateway)
    software = label_at(record, "ver")
    collector.add_fact(
        DeviceDescription(device=gateway, name=label(room), software=software, is_gateway=True)
    )
    for key, value in record.items():
        if type(value) in (int, float):
            unit = {"uptime": "s", "rssi": "dBm"}.get(key, "")
            collector.add(key, value, Meaning(unit, diagnostic=True))
    return collector.facts()
