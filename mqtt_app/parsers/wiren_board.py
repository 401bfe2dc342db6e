"""Wiren Board: `/devices/<device>/controls/<control>`, one value a topic, described by `meta`.

Source: https://github.com/wirenboard/conventions. The device is `devices/<device>` with the levels
before it. The type of a control is remembered, so that a switch's `1` is a boolean and the digits
of a text stay text.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    Liveness,
    MetricDescription,
    Remark,
    Remembered,
    Value,
)
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import PLAIN, Fields, Trait, number, number_or_text, payload_text
from mqtt_app.parsers.json_tree import decode, invalid

DEVICES, CONTROLS, META = "devices", "controls", "meta"
BOOLEAN_TYPES = frozenset({"switch", "alarm", "pushbutton"})
TEXT_TYPES = frozenset({"text", "rgb"})
TYPE_UNITS = {
    "temperature": "°C",
    "rel_humidity": "%",
    "atmospheric_pressure": "mbar",
    "rainfall": "mm/h",
    "wind_speed": "m/s",
    "power": "W",
    "power_consumption": "kWh",
    "voltage": "V",
    "water_flow": "m³/h",
    "water_consumption": "m³",
    "resistance": "Ohm",
    "concentration": "ppm",
    "heat_power": "Gcal/h",
    "heat_energy": "Gcal",
    "current": "A",
    "pressure": "bar",
    "lux": "lx",
    "sound_level": "dB",
}
SYMBOLS = {"deg C": "°C", "%, RH": "%", "m^3": "m³", "m^3/h": "m³/h", "deg": "°"}
ERRORS = {"r": "cannot be read", "w": "cannot be written", "p": "is not read in time"}
FLAGS = {"1": True, "0": False, "true": True, "false": False}


class WirenBoardTopic(msgspec.Struct, frozen=True):
    """`control` is "" for what is said of the device; `below` stands behind it."""

    device: str
    control: str
    below: tuple[str, ...]


class WirenBoardParser:
    name = "wiren_board"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if f"/{CONTROLS}/" not in topic and f"/{META}" not in topic:
            return 0.0
        if _place(topic) is None:
            return 0.0
        return 0.85

    def remembers(self, topic: str) -> Sequence[str]:
        place = _place(topic)
        if place is not None and place.control and not place.below:
            return (_key(place),)
        return ()

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None:
            raise invalid("expected a topic such as /devices/<device>/controls/<control>")
        text = payload_text(message.payload)
        if place.below[:1] == (META,):
            return list(_described(place, text))
        if not text or place.below:
            return []
        kind = message.memory.get(_key(place), b"").decode("ascii", "replace")
        return list(_value(place, text, kind))


@lru_cache(maxsize=16_384)
def _place(topic: str) -> WirenBoardTopic | None:
    levels = topic.strip("/").split("/")
    if DEVICES not in levels:
        return None
    at = levels.index(DEVICES)
    device = "/".join(levels[: at + 2])
    rest = levels[at + 2 :]
    if len(rest) > 1 and rest[0] == CONTROLS and rest[1]:
        return WirenBoardTopic(device, rest[1], tuple(rest[2:]))
    has_slash = topic.startswith("/") or at > 0
    if rest[:1] == [META] and has_slash:
        return WirenBoardTopic(device, "", tuple(rest))
    return None


def _key(place: WirenBoardTopic) -> str:
    return f"type {place.device}/{place.control}"


def _value(place: WirenBoardTopic, text: str, kind: str) -> Iterator[Fact]:
    fields = Fields(device=place.device, trait=lambda _: PLAIN, read=_reader(kind))
    yield from fields.fact(place.control, text, Trait(unit=TYPE_UNITS.get(kind, "")))
    if kind in TYPE_UNITS and number(text) is None:
        yield FieldProblem(field=place.control[:255], reason=f"{text[:60]!r} is no number")


def _reader(kind: str) -> Any:
    if kind in BOOLEAN_TYPES:
        return lambda text: FLAGS.get(text, text)
    if kind in TEXT_TYPES:
        return str
    if kind in TYPE_UNITS:
        return number
    return number_or_text


def _described(place: WirenBoardTopic, text: str) -> Iterator[Fact]:
    """The whole `meta` in JSON, or one of its fields a topic as older drivers publish it."""
    about: dict[str, Any] = {}
    if len(place.below) == 2:
        about = {place.below[1]: text or None}
    elif len(place.below) == 1 and text:
        tree = decode(text.encode())
        if isinstance(tree, dict):
            about = tree
        else:
            about = {}
    if place.control:
        yield from _of_control(place, about)
    else:
        yield from _of_device(place, about)


def _of_device(place: WirenBoardTopic, about: dict[str, Any]) -> Iterator[Fact]:
    """An error of the whole device is what drivers set as their Will."""
    name = _title(about.get("title")) or _word(about, "name")
    if name:
        yield DeviceDescription(device=place.device, name=name[:200])
    if _word(about, "error"):
        yield Availability(identifier=place.device, state=Liveness.OFFLINE)


def _of_control(place: WirenBoardTopic, about: dict[str, Any]) -> Iterator[Fact]:
    if "type" in about:
        kind = _word(about, "type")
        yield Remembered(key=_key(place), value=kind[:50].encode() if kind else None)
    units = _word(about, "units")
    unit = SYMBOLS.get(units, units) or TYPE_UNITS.get(_word(about, "type"), "")
    name = _title(about.get("title"))
    if unit or name:
        yield MetricDescription(
            device=place.device, metric=place.control, unit=unit[:50], name=name[:200]
        )
    errors = [ERRORS[letter] for letter in _word(about, "error")[:3] if letter in ERRORS]
    if errors:
        yield Remark(text=f"{place.control[:100]} {' and '.join(errors)}")


def _title(title: object) -> str:
    """`{"en": ..., "ru": ...}`, in English where there is English."""
    if isinstance(title, dict):
        texts = [text for text in (title.get("en"), *title.values()) if isinstance(text, str)]
        return next((text for text in texts if text), "")
    return ""


def _word(about: dict[str, Value | None], key: str) -> str:
    value = about.get(key)
    if isinstance(value, str):
        return value
    return ""
