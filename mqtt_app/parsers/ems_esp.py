"""EMS-ESP, the gateway of Bosch and Buderus heatings: `<base>/<kind>_data` in JSON.

Source: https://docs.emsesp.org/MQTT/. Devices of the bus are `<base>/boiler`, `<base>/thermostat`
and so on, behind the gateway `<base>`. Heating circuits are nested (`{"hc1": {...}}`) or have
topics of their own (`thermostat_data_hc1`), and give the same metrics. With one topic a value
(`<base>/boiler/curflowtemp`) only the base `ems-esp` is recognised; what the names say is a request
or the answer to one is left out.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import Availability, DeviceDescription, Fact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import (
    MAX_METRIC,
    Fields,
    Trait,
    decoded_object,
    leaves,
    number_or_text,
    payload_text,
)
from mqtt_app.parsers.json_tree import invalid
from mqtt_app.parsers.liveness import checked_liveness

BASE = "ems-esp"
KINDS = frozenset(
    {
        "alert",
        "analogsensor",
        "boiler",
        "connect",
        "controller",
        "custom",
        "dallassensor",
        "extension",
        "gateway",
        "generic",
        "heatpump",
        "heatsource",
        "mixer",
        "mixing",
        "pool",
        "solar",
        "switch",
        "temperaturesensor",
        "thermostat",
        "ventilation",
        "water",
    }
)
ANSWERS = frozenset({"response", "system"})
UNMISTAKABLE = frozenset({"boiler", "thermostat", "dallassensor", "temperaturesensor"})
SWITCH = {"on": True, "off": False, "true": True, "false": False}
MODES = ("mode", "type", "comfort", "status")  # ends of names
COMMAND_KEYS = frozenset({"cmd", "data", "value", "id", "hc", "entity"})
NO_TEMPERATURE = -3276.8  # 0x8000 in tenths: a sensor that is not there

_DATA = re.compile(r"(?P<kind>[a-z]+)_data(?:_?(?P<part>hc[0-9]+|wwc[0-9]+|ahs|ww|dhw))?", re.ASCII)
_TEMPERATURE = re.compile(r"[a-z0-9]*(?:temp(?:hc|vf)?|curtmp|settmp)[0-9]?", re.ASCII)
_UNITS = (
    (re.compile(r"[a-z0-9]*press(?:ure)?", re.ASCII), "bar"),
    (re.compile(r"nrg[a-z0-9]*|energy[a-z0-9]*|[a-z0-9]*nrg", re.ASCII), "kWh"),
    (
        re.compile(r"(?:cur|sel|set)burnpow|[a-z]*pumpmod|burnm(?:in|ax)power|pumpmodm(?:in|ax)"),
        "%",
    ),
    (re.compile(r"flamecurr"), "µA"),
    (re.compile(r"solarpower|hpcurrpower|power"), "W"),
    (re.compile(r"[a-z]*humidity"), "%"),
    (re.compile(r"rssi"), "dBm"),
    (re.compile(r"uptime_sec"), "s"),
)


class EmsEspTopic(msgspec.Struct, frozen=True):
    """`kind`: of the device on the bus, or the last level of a topic of the gateway itself."""

    base: str
    kind: str
    path: str
    is_gateway: bool

    @property
    def device(self) -> str:
        if self.is_gateway:
            return self.base
        return f"{self.base}/{self.kind}"

    @property
    def gateway(self) -> str | None:
        if self.is_gateway:
            return None
        return self.base


class EmsEspParser:
    name = "ems_esp"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        """Below another base the kind must be unmistakable, or the names of the values."""
        if "_data" not in topic and BASE not in topic:
            return 0.0
        place = _place(topic)
        if place is None:
            return 0.0
        if BASE in topic or place.kind in UNMISTAKABLE:
            return 0.85
        if b'"hc' in sample or b'temp"' in sample:
            return 0.85
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        text = payload_text(message.payload)
        if place is None:
            raise invalid("expected a topic such as ems-esp/boiler_data")
        if not text or (place.is_gateway and place.kind in ANSWERS):
            return []
        if place.is_gateway and place.kind == "status":
            return _status(place.base, text)
        if text.startswith("{"):
            return list(_json_facts(place, decoded_object(message.payload)))
        return list(_read(_fields(place), place.path, _single(place, text)))


@lru_cache(maxsize=4_096)
def _place(topic: str) -> EmsEspTopic | None:
    levels = topic.split("/")
    for at, level in enumerate(levels[1:], 1):
        found = _DATA.fullmatch(level)
        if found and found["kind"] in KINDS:
            parts = [found["part"] or "", *levels[at + 1 :]]
            return _of_the_bus("/".join(levels[:at]), found["kind"], parts)
    if BASE not in levels[:-1]:
        return None
    at = levels.index(BASE) + 1
    base = "/".join(levels[:at])
    if levels[at] in KINDS and len(levels) > at + 1:
        return _of_the_bus(base, levels[at], levels[at + 1 :])
    if len(levels) == at + 1:
        return EmsEspTopic(base, levels[at], levels[at], is_gateway=True)
    return None


def _of_the_bus(base: str, kind: str, parts: list[str]) -> EmsEspTopic:
    return EmsEspTopic(base, kind, ".".join(part for part in parts if part), is_gateway=False)


def _status(base: str, text: str) -> list[Fact]:
    state = checked_liveness(text)
    if state:
        return [Availability(identifier=base, state=state, is_gateway=True)]
    return []


def _json_facts(place: EmsEspTopic, tree: dict[str, Any]) -> Iterator[Fact]:
    """A command has `cmd` or `value` alone."""
    if tree.keys() <= COMMAND_KEYS:
        return
    if place.is_gateway and place.kind == "info":
        yield from _described(place, tree)
        return
    fields = _fields(place)
    if place.kind == "heartbeat":
        path = ""
    else:
        path = place.path
    seen: set[str] = set()
    for metric, value in leaves(tree, path):
        if metric not in seen:
            seen.add(metric)
            yield from _read(fields, metric, value)


def _read(fields: Fields, metric: str, value: object) -> Iterator[Fact]:
    """A mode may be `off` and is no boolean."""
    if isinstance(value, str) and not metric.lower().endswith(MODES):
        value = SWITCH.get(value.lower(), value)
    trait = fields.trait(metric[:MAX_METRIC])
    if not trait.ignored and value != NO_TEMPERATURE:
        yield from fields.fact(metric, value, trait)


def _single(place: EmsEspTopic, text: str) -> object:
    """`tapwater_active` and `heating_active` are flags."""
    if place.path.endswith("_active") and text in ("0", "1"):
        return text == "1"
    return text


def _fields(place: EmsEspTopic) -> Fields:
    about_itself = place.is_gateway and not place.path.endswith("_active")
    return Fields(
        device=place.device,
        trait=lambda metric: _trait(metric, about_itself),
        read=number_or_text,
        gateway=place.gateway,
    )


def _described(place: EmsEspTopic, tree: dict[str, Any]) -> Iterator[Fact]:
    """What the gateway says of itself when it starts."""
    version = tree.get("version")
    if isinstance(version, str) and version:
        yield DeviceDescription(device=place.base, software=version[:200], is_gateway=True)


@lru_cache(maxsize=4_096)
def _trait(metric: str, about_itself: bool) -> Trait:
    name = metric.rpartition(".")[2].lower()
    if name in ("name", "uptime", "datetime"):
        return Trait(ignored=True)
    if _TEMPERATURE.fullmatch(name):
        return Trait(unit="°C", diagnostic=about_itself)
    unit = next((unit for pattern, unit in _UNITS if pattern.fullmatch(name)), "")
    return Trait(unit=unit, diagnostic=about_itself)
