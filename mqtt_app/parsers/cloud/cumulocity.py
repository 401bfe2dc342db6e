"""Cumulocity: SmartREST 2.0 of devices (`s/us`, `s/us/<child>`) and thin-edge.io (`te/...`).

Source: https://cumulocity.com/docs/smartrest/smartrest-two/ (static templates) and
https://thin-edge.github.io/thin-edge.io/references/mqtt-api/. Template 200 is a measurement with
fragment, series, value and unit; 210 to 213 are those of the modem, temperature, position and
battery. Other templates create, ask and confirm, and are no readings. A device of SmartREST is known
by its connection, which is `s/us` here.
"""

import csv
from collections.abc import Iterator, Sequence
from typing import Any

from mqtt_app.domain.facts import Availability, Fact, Liveness, ParseError, ParseErrorKind
from mqtt_app.domain.ingest.times import parse_time
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.collector import RADIO, Meaning, ReadingCollector, decode_object, text_at
from mqtt_app.parsers.fields import number, payload_text
from mqtt_app.parsers.generic.records import RecordReader
from mqtt_app.parsers.generic.topic_roles import TopicRole

UP = frozenset(("us", "ut", "uc", "ud"))
DOWN = frozenset(("ds", "dt", "dc", "dd", "e", "dl", "ol"))
MAX_LINES = 10_000
# Names and meanings of the values of a template, in their order.
TEMPLATES: dict[str, tuple[tuple[str, Meaning], ...]] = {
    "210": (
        ("c8y_SignalStrength.rssi", Meaning("dBm", diagnostic=True)),
        ("c8y_SignalStrength.ber", RADIO),
    ),
    "211": (("c8y_TemperatureMeasurement.T", Meaning("°C")),),
    "212": (("c8y_Battery.level", Meaning("%")),),
    "402": (
        ("c8y_Position.lat", Meaning("°")),
        ("c8y_Position.lng", Meaning("°")),
        ("c8y_Position.alt", Meaning("m")),
    ),
}
TIME_AT = {"210": 3, "211": 2, "212": 2}  # place of the time among the fields of a line
STATES = {"up": Liveness.ONLINE, "down": Liveness.OFFLINE}


class CumulocityParser:
    name = "cumulocity"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        levels = topic.split("/")
        if levels[0] == "te" and len(levels) > 5:
            return 0.8
        is_smart_rest = levels[0] == "s" and len(levels) in (2, 3) and levels[1] in UP | DOWN
        if is_smart_rest or _is_rest(topic):
            return 0.75
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        text = payload_text(message.payload)
        levels = message.topic.split("/")
        if not text:
            return []
        if levels[0] == "te" and len(levels) > 5:
            return list(_thin_edge(levels, message))
        if _is_rest(message.topic):
            return list(_rest(message))
        if levels[1:2] != ["us"]:
            return []
        return list(_smart_rest(message.topic, text))


def _smart_rest(device: str, text: str) -> Iterator[Fact]:
    readings = ReadingCollector(device)
    for place, line in enumerate(_lines(text)):
        if not line:
            continue
        if line[0] == "200":
            _measurement(readings, line)
        elif line[0] in TEMPLATES:
            _fixed(readings, line)
        elif not line[0].isdecimal():
            readings.refuse(f"line {place + 1}", "it does not begin with a template")
    yield from readings.facts()


def _lines(text: str) -> list[list[str]]:
    try:
        return list(csv.reader(text.splitlines()[:MAX_LINES], strict=False))
    except csv.Error as error:
        raise ParseError(ParseErrorKind.PARSE, f"lines of commas expected: {error}") from error


def _measurement(readings: ReadingCollector, line: list[str]) -> None:
    """200,fragment,series,value,unit,time"""
    if len(line) < 4:
        readings.refuse("200", "a measurement needs fragment, series and value")
        return
    if len(line) > 4:
        unit = line[4].strip()
    else:
        unit = ""
    if len(line) > 5:
        readings.time = parse_time(line[5])
    else:
        readings.time = None
    _add(readings, f"{line[1]}.{line[2]}", line[3], Meaning(unit))


def _fixed(readings: ReadingCollector, line: list[str]) -> None:
    names = TEMPLATES[line[0]]
    place = TIME_AT.get(line[0])
    if place is not None and len(line) > place:
        readings.time = parse_time(line[place])
    else:
        readings.time = None
    for (metric, meaning), written in zip(names, line[1:], strict=False):
        _add(readings, metric, written, meaning)


def _add(readings: ReadingCollector, metric: str, written: str, meaning: Meaning) -> None:
    if not written.strip():
        return
    found = number(written)
    if found is None or found.unit:
        readings.refuse(metric, f"{written[:40]!r} is no number")
        return
    readings.add(metric, found.value, meaning)


def _thin_edge(levels: list[str], message: Message) -> Iterator[Fact]:
    """`te/device/<device>/service/<service>/<channel>/<type>`: measurements, twins and health."""
    device = "/".join(levels[:5]).rstrip("/")
    channel = levels[5]
    if len(levels) > 6:
        kind = levels[6]
    else:
        kind = ""
    if channel == "status" and kind == "health":
        state = STATES.get(str(decode_object(message.payload).get("status")).lower())
        if state is not None:
            yield Availability(identifier=device, state=state)
    elif channel == "m" and len(levels) == 7:
        role = TopicRole(device=device, parent=device, metric="value")
        tree: dict[str, Any] = decode_object(message.payload)
        values = {key: value for key, value in tree.items() if key not in ("time", "type")}
        if "time" in tree:
            time = {"time": tree["time"]}
        else:
            time = {}
        if kind:
            below = {kind: values}
        else:
            below = values
        reader = RecordReader(role, message.received_at, message.time_zone)
        yield from reader.read({**below, **time})


def _is_rest(topic: str) -> bool:
    """`measurement/measurements/create`, also `createBulk` and with a mode at the end."""
    return topic.startswith("measurement/measurements/create")


def _rest(message: Message) -> Iterator[Fact]:
    """Measurements as the REST API takes them: a source, a time, and fragments of series
    (https://cumulocity.com/api/core/#tag/Measurement-API).
    """
    tree = decode_object(message.payload)
    several = tree.get("measurements")
    for record in several if isinstance(several, list) else [tree]:
        if not isinstance(record, dict):
            raise ParseError(ParseErrorKind.PARSE, "expected an object for each measurement")
        source = record.get("source")
        if isinstance(source, dict):
            device = text_at(source, "id")
        else:
            device = ""
        if not device:
            raise ParseError(ParseErrorKind.PARSE, "expected a source with the id of the device")
        held = {key: value for key, value in record.items() if key not in ("source", "type", "id")}
        role = TopicRole(device=device, parent=device, metric="value")
        reader = RecordReader(role, message.received_at, message.time_zone)
        yield from reader.read(held)
