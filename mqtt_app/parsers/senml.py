"""SenML (RFC 8428) in JSON and CBOR: a list of records with names, values, units and times.

Source: https://www.rfc-editor.org/rfc/rfc8428; device URNs: https://www.rfc-editor.org/rfc/rfc9039.
The base name is the device and the name the metric; an `urn:dev:mac:` is the device's address. A
time below 2^28 is relative to now, which is when the message came. Records without any name belong
to the device of the topic, and so do the objects of LwM2M, whose names are paths as `/3303/0/5700`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import Fact, ParseError, ParseErrorKind, normal_address
from mqtt_app.domain.ingest.times import EARLIEST, LATEST
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.binary_codecs import decode_cbor
from mqtt_app.parsers.generic.topic_roles import device_of_topic
from mqtt_app.parsers.json_tree import BOM, decode
from mqtt_app.parsers.lorawan.uplinks import from_base64
from mqtt_app.parsers.text_payloads import topic_above
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings

LABELS = {
    "-1": "bver",
    "-2": "bn",
    "-3": "bt",
    "-4": "bu",
    "-5": "bv",
    "-6": "bs",
    "0": "n",
    "1": "u",
    "2": "v",
    "3": "vs",
    "4": "vb",
    "5": "s",
    "6": "t",
    "7": "ut",
    "8": "vd",
}  # CBOR's numbers for the names of JSON (table 4)
LWM2M_LABELS = {"sv": "vs", "bv": "vb", "ov": "vs"}
KNOWN = frozenset(LABELS.values())
VALUES = ("v", "vs", "vb", "vd")
VERSION = 10  # the newest; a later one may mean something else
RELATIVE = 2.0**28  # seconds; less is an offset from now
SEPARATORS = "-:./_ "  # between a base name and a name
MAX_SAMPLE = 65_536  # bytes that are decoded to recognise a format

_MARKS = (b'"v"', b'"vs"', b'"vb"', b'"vd"', b'"s"', b'"bv"', b'"bs"')
_LWM2M_VALUES = (b'"v"', b'"sv"', b'"bv"', b'"ov"')
_LWM2M = re.compile(r"(?:/[0-9]{1,5}){1,4}/?", re.ASCII)  # an object, its instance, a resource
_URN = re.compile(r"urn:dev:(?P<kind>mac|ow|[a-z]+):(?P<id>[^_]+)(?:_(?P<rest>.*))?", re.ASCII)


class SenmlBase(msgspec.Struct, frozen=True, kw_only=True):
    """What holds from one record on for those that follow."""

    name: str = ""
    time: float = 0.0
    unit: str = ""
    value: float = 0.0
    total: float = 0.0
    is_timed: bool = False


class SenmlParser:
    name = "senml"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        head = sample.removeprefix(BOM).lstrip()[:1]
        if head == b"{":
            return 0.7 if _looks_like_lwm2m(sample) else 0.0
        is_text = head == b"[" and (b'"n"' in sample or b'"bn"' in sample)
        if is_text and not any(mark in sample for mark in _MARKS):
            return 0.0
        if not is_text and not b"\x81" <= head <= b"\x9f":
            return 0.0
        if len(sample) > MAX_SAMPLE:
            return 0.7 if is_text else 0.0
        if _looks_like_senml(sample):
            return 0.7
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        if not message.payload.strip():
            return []
        readings = TreeReadings()
        base = SenmlBase()
        for place, record in enumerate(_records(message.payload)):
            if not isinstance(record, dict):
                readings.leave_out(str(place), "expected a record")
                continue
            _check_understood(record)
            base = _next_base(base, record)
            _add(readings, message, base, record, place)
        return readings.facts


def _records(payload: bytes) -> list[Any]:
    """Records with the names of JSON. Raises ParseError."""
    if payload.removeprefix(BOM).lstrip()[:1] in (b"[", b"{"):
        tree = decode(payload)
    else:
        tree = decode_cbor(payload)
        if isinstance(tree, list):
            tree = [_relabelled(record, LABELS) for record in tree]
    if isinstance(tree, dict) and isinstance(tree.get("e"), list):
        tree = _of_lwm2m(tree)
    if not isinstance(tree, list):
        raise ParseError(ParseErrorKind.VALIDATION, "expected an array of SenML records")
    return tree


def _looks_like_lwm2m(sample: bytes) -> bool:
    has_names = b'"e"' in sample and b'"n"' in sample
    if not has_names or len(sample) > MAX_SAMPLE or not any(key in sample for key in _LWM2M_VALUES):
        return False
    try:
        records = _records(sample)
    except ParseError:
        return False
    return all(isinstance(record, dict) and _is_known(record) for record in records)


def _of_lwm2m(tree: dict[str, Any]) -> list[Any]:
    """The JSON of LwM2M 1.0, section 6.4.4: base fields, and entries under `e`, with `sv`, `bv` and
    `ov` for texts, booleans and links.
    """
    base = {"bn": tree.get("bn", "")}
    if "bt" in tree:
        base["bt"] = tree["bt"]
    return [base, *(_relabelled(entry, LWM2M_LABELS) for entry in tree["e"])]


def _relabelled(record: Any, labels: Mapping[Any, str]) -> Any:
    if not isinstance(record, dict):
        return record
    return {labels.get(key, key): value for key, value in record.items()}


def _looks_like_senml(sample: bytes) -> bool:
    try:
        records = _records(sample)
    except ParseError:
        return False
    return (
        bool(records)
        and all(isinstance(record, dict) and _is_known(record) for record in records)
        and any(isinstance(record.get(key), str) for record in records for key in ("n", "bn"))
        and any(key in record for record in records for key in (*VALUES, "s", "bv", "bs"))
    )


def _is_known(record: dict[str, Any]) -> bool:
    return bool(record) and sum(key in KNOWN for key in record) * 2 > len(record)


def _check_understood(record: dict[str, Any]) -> None:
    """A label that ends in an underscore has to be understood (section 4.4)."""
    unknown = next((key for key in record if key.endswith("_")), "")
    version = record.get("bver", VERSION)
    if unknown or not isinstance(version, int | float) or version > VERSION:
        if unknown:
            what = f"the field {unknown[:40]!r}"
        else:
            what = f"version {version!s:.20}"
        raise ParseError(ParseErrorKind.VALIDATION, f"{what} of SenML is not known here")


def _next_base(base: SenmlBase, record: dict[str, Any]) -> SenmlBase:
    return SenmlBase(
        name=_text(record.get("bn"), base.name),
        unit=_text(record.get("bu"), base.unit),
        time=_number(record.get("bt"), base.time),
        value=_number(record.get("bv"), base.value),
        total=_number(record.get("bs"), base.total),
        is_timed=base.is_timed or "bt" in record,
    )


def _add(
    readings: TreeReadings, message: Message, base: SenmlBase, record: dict[str, Any], place: int
) -> None:
    device, metric = _names(base.name, record.get("n", ""), message.topic)
    origin = ReadingOrigin(device=device, time=_time(base, record, message.received_at))
    unit = _text(record.get("u", base.unit), "")
    found = list(_values(base, record))
    for suffix, value in found:
        readings.add(origin, metric + suffix, value, unit, is_literal=True)
    if not found and any(key in record for key in (*VALUES, "s")):
        readings.leave_out(f"{place}.{metric}", "its value is of another type than its label")


def _values(base: SenmlBase, record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """(suffix of the metric, value): the sum stands beside the value."""
    value = record.get("v", 0.0 if _is_only_base(record) else None)
    if _is_number(value):
        yield "", base.value + _number(value, 0.0)
    elif isinstance(record.get("vb"), bool):
        yield "", record["vb"]
    elif isinstance(record.get("vs"), str):
        yield "", record["vs"]
    elif (raw := _bytes(record.get("vd"))) is not None:
        yield "", raw
    if _is_number(record.get("s")) or "bs" in record:
        yield ".sum", base.total + _number(record.get("s"), 0.0)


def _is_only_base(record: dict[str, Any]) -> bool:
    """A base value without any value is one: it is added to 0 (section 4.1)."""
    return "bv" in record and not any(key in record for key in (*VALUES, "s"))


def _bytes(value: object) -> bytes | None:
    if isinstance(value, bytes):
        return value
    return from_base64(value)


def _names(base_name: str, name: object, topic: str) -> tuple[str, str]:
    """Device and metric."""
    own = ""
    if isinstance(name, str):
        own = name.strip()
    if _LWM2M.fullmatch(base_name):
        return device_of_topic(topic), f"{base_name}/{own}".strip("/").replace("//", "/")
    device = base_name.strip().rstrip(SEPARATORS)
    metric = own.strip(SEPARATORS)
    if not device:
        device, metric = _of_full_name(metric, topic)
    found = _URN.fullmatch(device)
    if found is None:
        return _qualified(device, topic), metric or "value"
    if found["rest"]:
        if metric:
            metric = f"{found['rest']}.{metric}"
        else:
            metric = found["rest"]
    identifier = found["id"].rstrip(SEPARATORS)
    is_address = found["kind"] == "mac"
    return (
        normal_address(identifier) if is_address else f"urn:dev:{found['kind']}:{identifier}",
        metric or "value",
    )


def _qualified(device: str, topic: str) -> str:
    """A name that is unique only where it is used, below its topic."""
    if ":" in device or ("/" in topic and device.startswith(device_of_topic(topic))):
        return device
    above = topic_above(device_of_topic(topic), {device})
    if above == device:
        return above
    return f"{above}/{device}"


def _of_full_name(name: str, topic: str) -> tuple[str, str]:
    """A name without a base: a URN names the device, anything else a metric of the topic's."""
    if name.startswith("urn:dev:"):
        return (name, "")
    return (device_of_topic(topic), name)


def _text(value: object, otherwise: str) -> str:
    if isinstance(value, str):
        return value
    return otherwise


def _time(base: SenmlBase, record: dict[str, Any], received_at: float) -> float | None:
    """Unix seconds; None when the record has no time, or one that is in no calendar."""
    if not base.is_timed and "t" not in record:
        return None
    time = base.time + _number(record.get("t"), 0.0)
    if time < RELATIVE:
        time += received_at
    if EARLIEST <= time <= LATEST:
        return time
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _number(value: Any, otherwise: float) -> float:
    if _is_number(value):
        return float(value)
    return otherwise
