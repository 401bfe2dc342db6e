"""OwnTracks: `owntracks/<user>/<device>` and levels below, JSON with a `_type`.

Source: https://owntracks.org/booklet/tech/json/. The device is the topic down to its level, so two
devices of one user are two. `tst` is the time of a fix.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from mqtt_app.domain.facts import Availability, DeviceDescription, Fact, Liveness, Remark
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import (
    MEASUREMENT,
    RADIO,
    Meaning,
    ReadingCollector,
    decode_object,
    label_at,
    text_at,
)

ROOT = "owntracks"
COMMANDS = frozenset({"cmd", "request", "dump", "waypoints", "info", "card"})
MEANINGS = {
    "lat": Meaning("°"),
    "lon": Meaning("°"),
    "alt": Meaning("m"),
    "acc": Meaning("m"),
    "vac": Meaning("m"),
    "rad": Meaning("m"),
    "vel": Meaning("km/h"),
    "cog": Meaning("°"),
    "p": Meaning("kPa"),
    "batt": Meaning("%"),
    "dist": Meaning("m"),
    "bs": RADIO,
    "conn": RADIO,
    "m": RADIO,
    "t": RADIO,
}
METADATA = frozenset(
    {
        "_type",
        "_id",
        "_http",
        "tst",
        "wtst",
        "created_at",
        "isotst",
        "disptst",
        "isorcv",
        "tid",
        "topic",
        "SSID",
        "BSSID",
        "inrids",
        "inregions",
        "face",
        "image",
        "imagename",
        "rid",
        "uuid",
        "major",
        "minor",
        "ghash",
        "cc",
        "from",
        "to",
    }
)
WITH_READINGS = frozenset({"location", "transition", "steps"})


class OwnTracksParser:
    name = "owntracks"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        has_type = b'"_type"' in sample
        if _device(topic):
            if has_type:
                return 0.9
            return 0.75
        if has_type and b'"tst"' in sample:
            return 0.65
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        device = _device(message.topic) or message.topic
        last = message.topic.rpartition("/")[2]
        if not message.payload.strip() or (last in COMMANDS and device != message.topic):
            return []
        record = decode_object(message.payload)
        kind = text_at(record, "_type")
        if kind == "lwt":
            return [Availability(identifier=device, state=Liveness.OFFLINE)]
        if kind == "encrypted":
            return [Remark(text="the payload is encrypted by OwnTracks and cannot be read")]
        if kind == "card" and (name := label_at(record, "name")):
            return [DeviceDescription(device=device, name=name)]
        if kind in WITH_READINGS:
            return list(_readings(device, record))
        return []


@lru_cache(maxsize=4096)
def _device(topic: str) -> str:
    """The topic down to the device; "" for other topics."""
    levels = topic.split("/")
    if ROOT in levels:
        place = levels.index(ROOT)
    else:
        place = -1
    is_one = place >= 0 and len(levels) > place + 2 and all(levels[place : place + 3])
    if is_one:
        return "/".join(levels[: place + 3])
    return ""


def _readings(device: str, record: dict[str, Any]) -> Iterator[Fact]:
    collector = ReadingCollector(device, time=parse_time(record.get("tst")))
    values = {key: value for key, value in record.items() if key not in METADATA}
    regions = record.get("inregions")
    if isinstance(regions, list):  # one metric, however many there are
        values["inregions"] = ", ".join(name for name in regions if isinstance(name, str))
    collector.add_tree(values, lambda metric: MEANINGS.get(metric, MEASUREMENT))
    yield from collector.facts()
