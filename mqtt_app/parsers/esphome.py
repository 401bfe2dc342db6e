"""ESPHome: `<prefix>/<component>/<object>/state`, one value a topic.

Source: https://esphome.io/components/mqtt/ and the pages of the components for their further
topics (`<prefix>/fan/<object>/speed_level/state`). `<prefix>` names the device and may have several
levels. A light's state is JSON. A sensor without a value says `nan`, which is no reading.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import Availability, Fact, Value
from mqtt_app.domain.values import Quantity
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import (
    PLAIN,
    Fields,
    Trait,
    decoded_object,
    number_or_text,
    only_text,
    payload_text,
)
from mqtt_app.parsers.liveness import checked_liveness

STATE = "state"
LOG = re.compile(rb"(?:\x1b\[[0-9;]{1,8}m)?\[(?:[EWICDV]|VV)\]\[[^\]]{1,80}\]", re.ASCII)
COMPONENTS = frozenset(
    {
        "alarm_control_panel",
        "binary_sensor",
        "button",
        "climate",
        "cover",
        "date",
        "datetime",
        "event",
        "fan",
        "light",
        "lock",
        "media_player",
        "number",
        "select",
        "sensor",
        "switch",
        "text",
        "text_sensor",
        "time",
        "update",
        "valve",
    }
)
OF_OTHERS = frozenset({"homeassistant", "zigbee2mqtt", "frigate"})  # with topics of the same form
SWITCHED = frozenset({"binary_sensor", "switch", "fan", "light"})
WRITTEN = frozenset({"text_sensor", "text", "select", "date", "datetime", "time", "event"})
SWITCH_WORDS = {"ON": True, "OFF": False}
FLAGS = {"oscillate_on": True, "oscillate_off": False}
UNITS = {
    "current_temperature": "°C",
    "target_temperature": "°C",
    "target_temperature_low": "°C",
    "target_temperature_high": "°C",
    "current_humidity": "%",
    "target_humidity": "%",
    "position": "%",
    "tilt": "%",
}


class EsphomeTopic(msgspec.Struct, frozen=True):
    """`parts`: the levels between the component and `state`: the object, and what of it."""

    device: str
    component: str
    parts: tuple[str, ...]
    is_state: bool


class EsphomeParser:
    name = "esphome"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if topic.endswith("/debug"):
            if LOG.match(sample):
                return 0.75
            return 0.0
        if not topic.endswith("/state") and "/command" not in topic:
            return 0.0
        if _place(topic) is None:
            return 0.0
        return 0.75

    def parse(self, message: Message) -> Sequence[Fact]:
        text = payload_text(message.payload)
        place = _place(message.topic)
        if not text:
            return []
        if place is None:
            return _of_the_node(message.topic, text)
        if place.is_state:
            return list(_state(place, text))
        return []


@lru_cache(maxsize=16_384)
def _place(topic: str) -> EsphomeTopic | None:
    levels = topic.split("/")
    if not OF_OTHERS.isdisjoint(levels):
        return None
    for start in (len(levels) - 3, len(levels) - 4):
        if start > 0 and levels[start] in COMPONENTS and all(levels[:1]) and levels[start + 1]:
            is_state = levels[-1] == STATE
            if is_state or "command" in levels[start + 2 :]:
                parts = tuple(levels[start + 1 : -1])
                return EsphomeTopic("/".join(levels[:start]), levels[start], parts, is_state)
    return None


def _of_the_node(topic: str, text: str) -> list[Fact]:
    """`<prefix>/status` is the Will; `<prefix>/debug` the log, which is no reading."""
    device, _, last = topic.rpartition("/")
    if last == "status" and device:
        state = checked_liveness(text)
    else:
        state = None
    if state:
        return [Availability(identifier=device, state=state)]
    return []


def _state(place: EsphomeTopic, text: str) -> Iterator[Fact]:
    metric = ".".join((place.component, *place.parts))
    fields = Fields(device=place.device, trait=_trait, read=only_text)
    if place.component == "light" and text.startswith("{"):
        yield from _light(fields, metric, decoded_object(text.encode()))
    else:
        yield from fields.fact(metric, _value(place, text), _trait(metric))


def _light(fields: Fields, metric: str, tree: dict[str, Any]) -> Iterator[Fact]:
    """`state` is the light's own value, as of a plain `ON`."""
    state = tree.get(STATE)
    yield from fields.fact(metric, SWITCH_WORDS.get(str(state), state), PLAIN)
    rest = {key: value for key, value in tree.items() if key != STATE}
    yield from fields.facts(rest, metric)


def _value(place: EsphomeTopic, text: str) -> Value | Quantity | None:
    """A switch is a boolean only of itself: `climate/x/mode/state` `off` is a mode."""
    if place.component in SWITCHED and len(place.parts) == 1:
        return SWITCH_WORDS.get(text.upper(), text)
    if place.component in WRITTEN:
        return text
    if text in FLAGS:
        return FLAGS[text]
    return number_or_text(text)


@lru_cache(maxsize=16_384)
def _trait(metric: str) -> Trait:
    """Only what a component documents: a sensor's unit is said by the discovery."""
    names = metric.split(".")
    is_part = names[0] in ("climate", "cover", "valve") and len(names) == 3
    diagnostic = names[0] == "sensor" and ("wifi_signal" in metric or "uptime" in metric)
    return Trait(unit=UNITS.get(names[-1], "") if is_part else "", diagnostic=diagnostic)
