"""OpenTherm gateway with the firmware for its ESP8266 (OTGW-firmware): one value a topic.

Source: https://github.com/rvdbreemen/OTGW-firmware/wiki. `<top>/value/<id>/<name>` is a value,
`<top>/value/<id>` says whether the gateway is there, `<top>/set/...` is for commands.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    Liveness,
    ReadingFact,
)
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.encoding import text_of
from mqtt_app.parsers.tree_values import TreeValue, tree_value

LIVENESS = {"online": Liveness.ONLINE, "offline": Liveness.OFFLINE}
OWN_LEVELS = ("otgw-firmware", "otgw-pic", "stats", "heap")  # about the gateway, not the boiler
VERSION = "otgw-firmware.version"
UNITS = {"RelModLevel": "%", "CHPressure": "bar", "DHWFlowRate": "l/min", "MaxRelModLevel": "%"}
_TEMPERATURE = re.compile(
    r"T[a-zA-Z]{1,20}\d?|[a-z_]*temperature|[A-Za-z]*Setpoint|Max[A-Z]{2,4}set", re.ASCII
)


class OpenThermTopic(msgspec.Struct, frozen=True, gc=False):
    """`device` is "" for topics of others; `metric` for that of the gateway itself."""

    device: str
    metric: str


@lru_cache(maxsize=4_096)
def topic_of(topic: str) -> OpenThermTopic:
    levels = topic.split("/")
    for place, level in enumerate(levels[:-1]):
        if (
            level.lower() == "otgw"
            and levels[place + 1] in ("value", "set")
            and levels[place + 2 :]
        ):
            is_value = levels[place + 1] == "value"
            below = levels[place + 3 :] if is_value else ["set"]
            device = "/".join((*levels[: place + 1], levels[place + 2]))
            return OpenThermTopic(device, ".".join(below))
    return OpenThermTopic("", "")


class OpenThermParser:
    name = "opentherm"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:  # noqa: ARG002
        return 0.8 if topic_of(topic).device else 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        found = topic_of(message.topic)
        text = text_of(message.payload).text.strip()
        if not text or not found.device or found.metric == "set":
            return []
        if not found.metric:
            state = LIVENESS.get(text.lower())
            return [Availability(identifier=found.device, state=state)] if state else []
        if found.metric == VERSION:
            return [DeviceDescription(device=found.device, model="OTGW", software=text)]
        value = tree_value(found.metric, text)
        if value is None or isinstance(value, FieldProblem):
            return [value] if value else []
        reading = ReadingFact(
            device=found.device,
            metric=value.path,
            value=value.value,
            unit=value.unit or _unit(value),
            diagnostic=value.path.startswith(OWN_LEVELS),
        )
        return [reading]


def _unit(value: TreeValue) -> str:
    if not isinstance(value.value, float):
        return ""
    return "°C" if _TEMPERATURE.fullmatch(value.path) else UNITS.get(value.path, "")
