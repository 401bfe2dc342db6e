"""Gateways of Bluetooth beacons: Minew's G1, those of KKM and Blue Charm, and Ingics.

    [{"type": "Gateway", "mac": ...}, {"type": "S1", "mac": ..., "rssi": -53, ...}]       Minew
    {"msg": "advData", "gmac": ..., "obj": [{"dmac": ..., "rssi": -42, ...}]}             KKM
    $GPRP,<beacon>,<gateway>,<rssi>,<bytes>[,<time>], some lines                          Ingics

Sources: https://docs.beaconyun.com/ (Minew G1), https://www.kkmcn.com/ (KBeacon gateway) and
https://www.ingics.com/doc/ (iGS01 to iGS03). A beacon is its MAC address,
the gateway the one that heard it; the topic is the user's.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import DeviceDescription, Fact, normal_address
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import (
    MEASUREMENT,
    RADIO,
    Meaning,
    ReadingCollector,
    label_at,
    text_at,
)
from mqtt_app.parsers.json_tree import decode, invalid

MINEW = (b'"type"', b'"Gateway"', b'"mac"', b'"timestamp"')
KKM = (b'"msg"', b'"gmac"', b'"obj"')
INGICS = re.compile(
    r"\$[A-Z0-9]{4},(?P<beacon>[0-9A-F]{12}),(?P<gateway>[0-9A-F]{12}),(?P<rssi>-?[0-9]{1,3})"
    r",[0-9A-F]*(?:,(?P<time>[0-9]{9,13}(?:\.[0-9]{1,6})?))?",
    re.ASCII,
)
MAX_BEACONS = 5_000  # of one message
MEANINGS = {
    "rssi": Meaning("dBm", diagnostic=True),
    "ibeaconTxPower": Meaning("dBm", diagnostic=True),
    "refpower": Meaning("dBm", diagnostic=True),
    "txPower": Meaning("dBm", diagnostic=True),
    "battery": Meaning("%"),
    "vbatt": Meaning("mV"),
    "temperature": Meaning("°C"),
    "temp": Meaning("°C"),
    "humidity": Meaning("%"),
    "humi": Meaning("%"),
    "gatewayFree": Meaning("%", diagnostic=True),
    "gatewayLoad": RADIO,
}
# What names the beacon or the message, and what it sent as bytes; no readings.
METADATA = frozenset(
    {
        "type",
        "mac",
        "dmac",
        "timestamp",
        "time",
        "bleName",
        "name",
        "rawData",
        "data1",
        "data2",
        "ibeaconUuid",
        "ibeaconMajor",
        "ibeaconMinor",
        "uuid",
        "majorID",
        "minorID",
        "namespace",
        "instance",
        "url",
    }
)


class BleGatewayParser:
    name = "ble_gateway"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        first = sample.lstrip()[:1]
        if first == b"$":
            line = sample.lstrip()[:400].decode("latin-1").partition("\n")[0]
            if INGICS.fullmatch(line.strip()):
                return 0.75
            return 0.0
        if first == b"[":
            if all(mark in sample for mark in MINEW):
                return 0.75
            return 0.0
        if first == b"{" and all(mark in sample for mark in KKM):
            return 0.75
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not message.payload.strip():
            return []
        if message.payload.lstrip()[:1] == b"$":
            return list(_ingics(message.payload.decode("latin-1")))
        tree = decode(message.payload)
        if isinstance(tree, dict) and isinstance(tree.get("obj"), list):
            gateway = normal_address(text_at(tree, "gmac"))
            return list(_beacons(tree["obj"], "dmac", gateway, message))
        if isinstance(tree, list):
            return list(_beacons(tree, "mac", _minew_gateway(tree), message))
        raise invalid("expected a list of beacons")


def _ingics(text: str) -> Iterator[Fact]:
    for line in text.split("\n")[:MAX_BEACONS]:
        found = INGICS.fullmatch(line.strip())
        if found is None:
            continue
        beacon = normal_address(found["beacon"])
        gateway = normal_address(found["gateway"])
        if found["time"]:
            time = parse_time(float(found["time"]))
        else:
            time = None
        collector = ReadingCollector(beacon, gateway=gateway, time=time)
        collector.add("rssi", float(found["rssi"]), MEANINGS["rssi"])
        yield from collector.facts()


def _minew_gateway(records: list[Any]) -> str:
    itself = (
        text_at(record, "mac")
        for record in records
        if isinstance(record, dict) and record.get("type") == "Gateway"
    )
    return normal_address(next(itself, ""))


def _beacons(records: list[Any], key: str, gateway: str, message: Message) -> Iterator[Fact]:
    for record in records[:MAX_BEACONS]:
        if isinstance(record, dict):
            address = normal_address(text_at(record, key))
        else:
            address = ""
        if address:
            yield from _beacon(record, address, gateway, message.time_zone)


def _beacon(record: dict[str, Any], address: str, gateway: str, zone: str) -> Iterator[Fact]:
    if gateway and gateway != address:
        relayed_by = gateway
    else:
        relayed_by = None
    time = parse_time(record.get("timestamp") or record.get("time"), zone)
    collector = ReadingCollector(address, gateway=relayed_by, time=time)
    name = label_at(record, "bleName") or label_at(record, "name")
    if name:
        collector.add_fact(DeviceDescription(device=address, name=name, gateway=relayed_by))
    values = {field: value for field, value in record.items() if field not in METADATA}
    collector.add_tree(values, lambda metric: MEANINGS.get(metric, MEASUREMENT))
    yield from collector.facts()
