"""InfluxDB line protocol: `measurement,tag=a field=1.2,count=3i 1465839830100400200`, some lines.

Source: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/. Tags identify the
source: of a tag that names a device (`device_id`, `host`, ...) the device, and the other tags
stand in the name of the metric; without one all tags together are the device, below the topic. The
metric is measurement and field, or the measurement alone for the field `value`. Times are in
nanoseconds, or in the unit that their magnitude implies.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from mqtt_app.domain.facts import Fact, FieldProblem, ParseError, ParseErrorKind, normal_address
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.text_payloads import remarks_on, topic_above, written_text
from mqtt_app.parsers.tree_readings import ReadingOrigin, TreeReadings

DEVICE_TAGS = (
    "deveui",
    "mac",
    "device_id",
    "deviceid",
    "device",
    "dev_id",
    "sensor_id",
    "sensor",
    "serial",
    "node_id",
    "node",
    "host",
    "hostname",
    "id",
)  # the surest first; compared without case
MAX_LINES = 10_000
MAX_SAMPLE = 16_384  # bytes that are looked at to recognise the format

# A backslash escapes the next character outside of quotes; possessive, so that no line is slow.
_NAME = r"(?:[^\\ ,=\n]|\\.)++"
_MEASUREMENT = r"(?:[^\\ ,=\n#{\[\"<]|\\.)(?:[^\\ ,=\n]|\\.)*+"
_FIELD_VALUE = (
    r"(?:[+-]?[0-9]++(?:\.[0-9]*+)?(?:[eE][+-]?[0-9]++)?[iu]?|\.[0-9]++"
    r'|true|True|TRUE|false|False|FALSE|[tTfF]|"(?:[^"\\]|\\.)*+")'
)
_LINE = re.compile(
    rf"(?P<measurement>{_MEASUREMENT})"
    rf"(?P<tags>(?:,{_NAME}={_NAME})*+) ++"
    rf"(?P<fields>{_NAME}={_FIELD_VALUE}(?:,{_NAME}={_FIELD_VALUE})*+)"
    r"(?: ++(?P<time>-?[0-9]{1,19}))? *+\r?"
)
_TAG = re.compile(rf",(?P<key>{_NAME})=(?P<value>{_NAME})")
_FIELD = re.compile(rf"(?:^|,)(?P<key>{_NAME})=(?P<value>{_FIELD_VALUE})")
_ESCAPED = re.compile(r"\\([ ,=\\\"])")


class InfluxLine(msgspec.Struct, frozen=True, kw_only=True):
    """`tags` by key, in the order of the keys; `fields` as they were written."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, str]
    time: float | None


class TaggedPlace(msgspec.Struct, frozen=True):
    device: str
    names: list[str]


class InfluxLineParser:
    name = "influx_line"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        """By the first line that is no comment; the others may be broken."""
        if b"=" not in sample or b" " not in sample:
            return 0.0
        first = next(_lines(written_text(sample[:MAX_SAMPLE])), "")
        if first and _LINE.fullmatch(first):
            return 0.6
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        text = written_text(message.payload)
        if not text and message.payload.strip():
            raise ParseError(ParseErrorKind.PARSE, "expected line protocol as text in UTF-8")
        readings = TreeReadings()
        for number, written in enumerate(_lines(text), start=1):
            if number > MAX_LINES:
                readings.leave_out(f"line {number}", f"more than {MAX_LINES:,} lines")
                break
            line = _read(written)
            if line is None:
                readings.leave_out(f"line {number}", "it is no line protocol")
            else:
                _add(readings, message.topic, line)
        if readings.facts and all(isinstance(fact, FieldProblem) for fact in readings.facts):
            raise ParseError(ParseErrorKind.PARSE, "expected line protocol: m,tag=a field=1 time")
        return [*readings.facts, *remarks_on(message.payload)]


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#"))


def _read(written: str) -> InfluxLine | None:
    found = _LINE.fullmatch(written.strip(" \r"))
    if found is None:
        return None
    tags = {_plain(tag["key"]): _plain(tag["value"]) for tag in _TAG.finditer(found["tags"])}
    return InfluxLine(
        measurement=_plain(found["measurement"]),
        tags=dict(sorted(tags.items())),
        fields={_plain(field["key"]): field["value"] for field in _FIELD.finditer(found["fields"])},
        time=parse_time(int(found["time"])) if found["time"] else None,
    )


def _add(readings: TreeReadings, topic: str, line: InfluxLine) -> None:
    place = device_and_names(topic, line.measurement, line.tags)
    origin = ReadingOrigin(device=place.device, time=line.time)
    for field, written in line.fields.items():
        if field == "value":
            last = []
        else:
            last = [field]
        metric = ".".join([line.measurement, *place.names, *last])
        readings.add(origin, metric, _value(written), is_literal=True)


def device_and_names(topic: str, measurement: str, tags: dict[str, str]) -> TaggedPlace:
    """The device that the tags name, and the other tags as parts of the metric's name."""
    named = _device_tag(tags)
    above = topic_above(topic, {measurement, *tags.values()})
    if named:
        others = [value for key, value in tags.items() if key != named]
        return TaggedPlace(_device(above, tags[named]), others)
    return TaggedPlace("/".join([above, ",".join(tags.values())]) if tags else topic, [])


def _device_tag(tags: dict[str, str]) -> str:
    small = {key.lower(): key for key in tags}
    return next((small[key] for key in DEVICE_TAGS if key in small), "")


def _device(above: str, written: str) -> str:
    """An address as it is; another name is only one below its topic, or a level of it."""
    address = normal_address(written)
    levels = above.split("/")
    if written in levels:
        return "/".join(levels[: levels.index(written) + 1])
    if address != written or _is_address(written):
        return address
    return f"{above}/{written}"


def _is_address(written: str) -> bool:
    """Already in the form of `normal_address`."""
    return len(written) in (16, 17) and normal_address(written.swapcase()) == written


def _value(written: str) -> float | bool | str:
    if written[0] == '"':
        return _plain(written[1:-1])
    if written[0] in "tTfF":
        return written[0] in "tT"
    return float(written.rstrip("iu"))


def _plain(written: str) -> str:
    if "\\" in written:
        return _ESCAPED.sub(r"\1", written)
    return written
