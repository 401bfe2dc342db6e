"""Milesight: gateways that forward uplinks, people counters, and the makers' platform. Any topic.

Sources: https://support.milesight-iot.com/support/solutions/articles/73000600064 (gateways: the
JSON of ChirpStack 3, in which a payload codec may put its values beside the envelope) and
https://www.milesight.com/products/docs/en/vs121-p/ (counters with `device_info` and `time_info`).
The topic is the user's, so these are recognised by their keys.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from mqtt_app.domain.facts import DeviceDescription, Fact, normal_address
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.lorawan.chirpstack_uplink import describe, device_of, uplink_facts
from mqtt_app.parsers.lorawan.decoded import add_decoded
from mqtt_app.parsers.lorawan.uplinks import decoded_object, eui, part, text
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings, clean_name

COMPANIONS = (b'"deviceName"', b'"applicationID"', b'"rxInfo"', b'"fPort"', b'"gatewayTime"')
ENVELOPE = frozenset(
    [
        "adr",
        "applicationID",
        "applicationName",
        "cellularIP",
        "codeRate",
        "confirmedUplink",
        "data",
        "devAddr",
        "devEUI",
        "deviceName",
        "deviceProfileID",
        "deviceProfileName",
        "dr",
        "fCnt",
        "fPort",
        "gatewayTime",
        "metadata",
        "nodeName",
        "object",
        "objectJSON",
        "publishedAt",
        "receivedAt",
        "rxInfo",
        "tags",
        "time",
        "timestamp",
        "ts",
        "txInfo",
    ]
)
TIMES = ("time", "gatewayTime", "timestamp", "ts", "receivedAt", "publishedAt")
NO_VALUES = frozenset(["device_info", "time_info", "event", "report_type", "snapshot"])

_LOCAL_TIME = re.compile(r"(\d{4})[/-](\d\d)[/-](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)
_ZONE = re.compile(r"UTC([+-])(\d{1,2}):?(\d\d)?", re.ASCII)


class MilesightParser:
    name = "milesight"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if b'"devEUI"' in sample and any(key in sample for key in COMPANIONS):
            return 0.7
        if b'"device_info"' in sample and b'"device_sn"' in sample:
            return 0.7
        if b'"deviceProfile"' in sample and b'"eventType"' in sample:
            return 0.7
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not message.payload.strip():
            return []
        tree = decoded_object(message.payload, "a message of a Milesight gateway or device")
        if "device_info" in tree:
            return list(_counter(message, tree))
        if "deviceProfile" in part(tree, "data"):
            return list(_event(message, tree))
        return list(_uplink(message, tree))


def _uplink(message: Message, tree: dict[str, Any]) -> Iterator[Fact]:
    beside = {key: value for key, value in tree.items() if key not in ENVELOPE}
    if beside and not tree.get("object"):
        tree = tree | {"object": beside}
    device = device_of(tree, message.topic)
    written = next((tree[key] for key in TIMES if tree.get(key)), None)
    origin = ReadingOrigin(device=device, time=parse_time(written))
    yield from uplink_facts(message, origin, tree, leaves_zeros_out=False)
    yield from describe(device, tree)


def _counter(message: Message, tree: dict[str, Any]) -> Iterator[Fact]:
    """Counts of people, at the end of the time in which they were counted."""
    info = part(tree, "device_info")
    serial = text(info, "device_sn")
    address = normal_address(text(info, "device_mac"))
    device = address or (f"milesight/{serial}" if serial else message.topic)
    readings = TreeReadings()
    origin = ReadingOrigin(device=device, time=_counted_at(part(tree, "time_info")))
    values = {key: value for key, value in tree.items() if key not in NO_VALUES}
    add_decoded(readings, origin, values, message)
    yield from readings.facts
    name = clean_name(text(info, "custom_device_id", "device_name", "device") or serial)
    if name:
        yield DeviceDescription(
            device=device,
            name=name,
            manufacturer="Milesight",
            software=clean_name(text(info, "firmware_version")),
            address=address,
        )


def _counted_at(info: dict[str, Any]) -> float | None:
    """Local time with the zone beside it, as `UTC+8:00`."""
    written = _LOCAL_TIME.fullmatch(text(info, "trigger_time", "end_time"))
    zone = _ZONE.match(text(info, "timezone", "time_zone"))
    if written is None or zone is None:
        return None
    offset = timedelta(hours=int(zone[2]), minutes=int(zone[3] or 0))
    if text(info, "dst_status") == "1" or info.get("dst_status") in (True, 1):
        return None  # by how much the clock was put forward is not sent
    try:
        year, month, day, *clock = written.groups()
        local = datetime.fromisoformat(f"{year}-{month}-{day}T{':'.join(clock)}")
        return local.replace(tzinfo=timezone(offset if zone[1] == "+" else -offset)).timestamp()
    except (ValueError, OverflowError):
        return None


def _event(message: Message, tree: dict[str, Any]) -> Iterator[Fact]:
    """Of the development platform: what a device reports, and when the event was made."""
    data = part(tree, "data")
    profile = part(data, "deviceProfile")
    address = eui(text(profile, "devEUI"))
    device = address or text(profile, "sn") or message.topic
    if text(data, "type").upper() in ("PROPERTY", "EVENT", ""):
        readings = TreeReadings()
        origin = ReadingOrigin(device=device, time=parse_time(tree.get("eventCreatedTime")))
        add_decoded(readings, origin, part(data, "payload"), message)
        yield from readings.facts
    if name := clean_name(text(profile, "name") or text(profile, "sn")):
        yield DeviceDescription(
            device=device,
            name=name,
            manufacturer="Milesight",
            model=clean_name(text(profile, "model")),
            address=address,
        )
