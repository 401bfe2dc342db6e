"""Domoticz: `domoticz/out` and the topics below it carry the state of one device a message.

Source: https://wiki.domoticz.com/MQTT. `idx` is the device's number; what the values `svalue1..n`
are follows from `dtype`. `domoticz/in` is for commands. A battery of 255 and a signal of 12 are
none.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from mqtt_app.domain.facts import DeviceDescription, Fact, FieldProblem, ReadingFact
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.json_tree import decode, invalid
from mqtt_app.parsers.tree_values import TreeValue, tree_value

FAMILY = "domoticz"
NO_BATTERY = 255
NO_SIGNAL = 12
MARKS = (b'"idx"', b'"nvalue"', b'"svalue1"')
SWITCHES = ("Light/Switch", "Lighting 1", "Lighting 2", "Lighting 5", "Lighting 6")
SWITCH_KINDS = ("On/Off", "Contact", "Door Contact", "Motion Sensor", "Smoke Detector")


class NamedValue(msgspec.Struct, frozen=True):
    """What one of `svalue1..n` is; without a name it is left out."""

    name: str
    unit: str = ""


TEMPERATURE = NamedValue("temperature", "°C")
HUMIDITY = NamedValue("humidity", "%")
HUMIDITY_STATUS = NamedValue("humidity_status")
PRESSURE = NamedValue("pressure", "hPa")
FORECAST = NamedValue("forecast")
KINDS = {
    "Temp": (TEMPERATURE,),
    "Temp + Humidity": (TEMPERATURE, HUMIDITY, HUMIDITY_STATUS),
    "Temp + Humidity + Baro": (TEMPERATURE, HUMIDITY, HUMIDITY_STATUS, PRESSURE, FORECAST),
    "Temp + Baro": (TEMPERATURE, PRESSURE, FORECAST),
    "Lux": (NamedValue("illuminance", "lx"),),
    "Usage": (NamedValue("power", "W"),),
    "Air Quality": (NamedValue("carbon_dioxide", "ppm"),),
    "Thermostat": (NamedValue("setpoint", "°C"),),
    "P1 Smart Meter": (
        NamedValue("usage1", "Wh"),
        NamedValue("usage2", "Wh"),
        NamedValue("return1", "Wh"),
        NamedValue("return2", "Wh"),
        NamedValue("power", "W"),
        NamedValue("power_return", "W"),
    ),
    "Wind": (
        NamedValue("direction", "°"),
        NamedValue("direction_name"),
        NamedValue(""),  # tenths of metres per second, as the two that follow
        NamedValue(""),
        TEMPERATURE,
        NamedValue("wind_chill", "°C"),
    ),
    "Rain": (NamedValue("rain_rate"), NamedValue("rain", "mm")),
}
SUBKINDS = {
    "kWh": (NamedValue("power", "W"), NamedValue("energy", "Wh")),
    "Voltage": (NamedValue("voltage", "V"),),
    "Percentage": (NamedValue("percentage", "%"),),
    "Barometer": (PRESSURE, FORECAST),
    "Current": (NamedValue("current", "A"),),
    "Distance": (NamedValue("distance", "cm"),),
    "Sound Level": (NamedValue("sound_level", "dB"),),
}


@lru_cache(maxsize=1_024)
def _prefix_of(topic: str) -> str:
    """The levels up to `domoticz`; "" for other topics, and for those of commands."""
    levels = topic.split("/")
    if FAMILY not in levels[:-1]:
        return ""
    place = levels.index(FAMILY)
    if levels[place + 1] == "out":
        return "/".join(levels[: place + 1])
    return ""


class DomoticzParser:
    name = "domoticz"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if all(mark in sample for mark in MARKS):
            return 0.9
        levels = topic.split("/")
        if levels[0] == FAMILY and levels[1:2] in (["out"], ["in"]):
            return 0.8
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        is_command = f"/{FAMILY}/in/" in f"/{message.topic}/"
        if is_command or not message.payload.strip():
            return []
        state = decode(message.payload)
        if not isinstance(state, dict):
            raise invalid("expected a JSON object with the state of a device")
        number = state.get("idx")
        if isinstance(number, bool) or not isinstance(number, int | str) or "dtype" not in state:
            return []  # a scene, a group, or the answer to a request
        device = f"{_prefix_of(message.topic) or FAMILY}/{number}"
        return [_description(device, state), *_readings(device, state)]


def _description(device: str, state: dict[str, Any]) -> DeviceDescription:
    text = {key: value for key, value in state.items() if isinstance(value, str)}
    return DeviceDescription(
        device=device, name=text.get("name", "")[:200], model=text.get("stype", "")
    )


def _readings(device: str, state: dict[str, Any]) -> Iterator[ReadingFact | FieldProblem]:
    values = SUBKINDS.get(str(state.get("stype"))) or KINDS.get(str(state.get("dtype")), ())
    for place in range(1, 10):
        raw = state.get(f"svalue{place}")
        if place <= len(values):
            known = values[place - 1]
        else:
            known = NamedValue(f"svalue{place}")
        if known.name:
            yield from _reading(device, tree_value(known.name, raw, known.unit))
    yield from _reading(device, _main_value(state))
    if state.get("Battery") != NO_BATTERY:
        yield from _reading(device, tree_value("battery", state.get("Battery"), "%"))
    if state.get("RSSI") != NO_SIGNAL:
        yield from _reading(device, tree_value("rssi", state.get("RSSI")), is_diagnostic=True)


def _main_value(state: dict[str, Any]) -> TreeValue | FieldProblem | None:
    """`nvalue` of a switch is its state, of a humidity sensor the humidity."""
    value = state.get("nvalue")
    kind = state.get("dtype")
    if kind == "Humidity":
        return tree_value(HUMIDITY.name, value, HUMIDITY.unit)
    is_switch = kind in SWITCHES and state.get("switchType") in SWITCH_KINDS
    return tree_value("nvalue", bool(value) if is_switch and value in (0, 1) else value)


def _reading(
    device: str, value: TreeValue | FieldProblem | None, *, is_diagnostic: bool = False
) -> Iterator[ReadingFact | FieldProblem]:
    if isinstance(value, FieldProblem):
        yield value
    elif value is not None:
        yield ReadingFact(
            device=device,
            metric=value.path,
            value=value.value,
            unit=value.unit,
            diagnostic=is_diagnostic,
        )
