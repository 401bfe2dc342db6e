"""MySensors: `<prefix>-out/<node>/<child>/<command>/<ack>/<type>`, all but the prefix numbers.

Source: https://www.mysensors.org/download/serial_api_20. A device is a node behind the gateway
`<prefix>-out`; a metric is `<child>.V_TEMP`. Topics below `<prefix>-in` are what is asked of nodes.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import msgspec

from mqtt_app.domain.facts import DeviceDescription, Fact, Value
from mqtt_app.domain.values import Quantity
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import Fields, Trait, number_or_text, only_text, payload_text
from mqtt_app.parsers.json_tree import invalid

SET, INTERNAL = 1, 3  # 0 presents a child, 2 asks for a value, 4 is firmware
COMMANDS = 5
BATTERY_LEVEL, SKETCH_NAME, SKETCH_VERSION = 0, 11, 12
FLAGS = {"1": True, "0": False}
SWITCHED = frozenset({"V_STATUS", "V_ARMED", "V_TRIPPED", "V_LOCK_STATUS"})
WRITTEN = frozenset({"V_FORECAST", "V_RGB", "V_RGBW", "V_ID", "V_TEXT", "V_CUSTOM"})
TYPES = (
    *("V_TEMP", "V_HUM", "V_STATUS", "V_PERCENTAGE", "V_PRESSURE", "V_FORECAST", "V_RAIN"),
    *("V_RAINRATE", "V_WIND", "V_GUST", "V_DIRECTION", "V_UV", "V_WEIGHT", "V_DISTANCE"),
    *("V_IMPEDANCE", "V_ARMED", "V_TRIPPED", "V_WATT", "V_KWH", "V_SCENE_ON", "V_SCENE_OFF"),
    *("V_HVAC_FLOW_STATE", "V_HVAC_SPEED", "V_LIGHT_LEVEL", "V_VAR1", "V_VAR2", "V_VAR3"),
    *("V_VAR4", "V_VAR5", "V_UP", "V_DOWN", "V_STOP", "V_IR_SEND", "V_IR_RECEIVE", "V_FLOW"),
    *("V_VOLUME", "V_LOCK_STATUS", "V_LEVEL", "V_VOLTAGE", "V_CURRENT", "V_RGB", "V_RGBW"),
    *("V_ID", "V_UNIT_PREFIX", "V_HVAC_SETPOINT_COOL", "V_HVAC_SETPOINT_HEAT"),
    *("V_HVAC_FLOW_MODE", "V_TEXT", "V_CUSTOM", "V_POSITION", "V_IR_RECORD", "V_PH", "V_ORP"),
    *("V_EC", "V_VAR", "V_VA", "V_POWER_FACTOR"),
)
UNITS = {
    "V_TEMP": "°C",
    "V_HUM": "%",
    "V_PERCENTAGE": "%",
    "V_PRESSURE": "hPa",
    "V_WATT": "W",
    "V_KWH": "kWh",
    "V_LIGHT_LEVEL": "%",
    "V_DIRECTION": "°",
    "V_VOLTAGE": "V",
    "V_CURRENT": "A",
    "V_HVAC_SETPOINT_COOL": "°C",
    "V_HVAC_SETPOINT_HEAT": "°C",
    "V_ORP": "mV",
    "V_VAR": "var",
    "V_VA": "VA",
}


_PREFIX = re.compile(r"mysensors|mygateway|(?<![a-z])(?:out|in)(?![a-z])", re.I | re.ASCII)


class MySensorsTopic(msgspec.Struct, frozen=True):
    gateway: str
    node: int
    child: int
    command: int
    is_echo: bool
    kind: int

    @property
    def device(self) -> str:
        return f"{self.gateway}/{self.node}"


class MySensorsParser:
    name = "mysensors"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        if topic[-1:].isdigit():
            place = _place(topic)
        else:
            place = None
        if place is None:
            return 0.0
        if _PREFIX.search(place.gateway):
            return 0.85
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None:
            raise invalid("expected a topic such as mysensors-out/12/0/1/0/0")
        text = payload_text(message.payload)
        if not text or place.is_echo or place.gateway.endswith("-in"):
            return []
        if place.command == SET:
            return list(_reading(place, text))
        if place.command == INTERNAL:
            return list(_internal(place, text))
        return []


@lru_cache(maxsize=16_384)
def _place(topic: str) -> MySensorsTopic | None:
    levels = topic.rsplit("/", 5)
    numbers = levels[1:]
    if len(numbers) != 5 or not levels[0]:
        return None
    if not all(level.isascii() and level.isdigit() and len(level) < 4 for level in numbers):
        return None
    node, child, command, ack, kind = (int(level) for level in numbers)
    if node > 255 or child > 255 or command >= COMMANDS or ack > 1:
        return None
    return MySensorsTopic(levels[0], node, child, command, ack == 1, kind)


def _reading(place: MySensorsTopic, text: str) -> Iterator[Fact]:
    if place.kind < len(TYPES):
        name = TYPES[place.kind]
    else:
        name = f"type_{place.kind}"

    def read(text: str) -> Value | Quantity | None:
        if name in SWITCHED:
            return FLAGS.get(text, text)
        return number_or_text(text)

    if name in WRITTEN:
        reader: Callable[[str], Value | Quantity | None] = only_text
    else:
        reader = read
    trait = Trait(unit=UNITS.get(name, ""))
    fields = Fields(device=place.device, trait=lambda _: trait, read=reader, gateway=place.gateway)
    yield from fields.fact(f"{place.child}.{name}", text, trait)


def _internal(place: MySensorsTopic, text: str) -> Iterator[Fact]:
    if place.kind == BATTERY_LEVEL:
        trait = Trait(unit="%")
        fields = Fields(
            device=place.device, trait=lambda _: trait, read=number_or_text, gateway=place.gateway
        )
        yield from fields.fact("battery_level", text, trait)
    elif place.kind == SKETCH_NAME:
        yield DeviceDescription(device=place.device, name=text[:200], gateway=place.gateway)
    elif place.kind == SKETCH_VERSION:
        yield DeviceDescription(device=place.device, software=text[:200], gateway=place.gateway)
