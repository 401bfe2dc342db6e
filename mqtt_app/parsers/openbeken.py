"""OpenBeken: plugs, lamps and meters with Beken and similar chips, one value a topic.

Source: https://github.com/openshwprojects/OpenBK7231T_App/blob/main/docs/README.md. Here `get` is
no question: `<device>/<name or channel>/get` is what the device publishes, `.../set` a command.
`<device>/connected` is its Will. The device's topic is `obk...` unless the user chose another.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    FieldProblem,
    ReadingFact,
    normal_address,
)
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.encoding import text_of
from mqtt_app.parsers.json_tree import decode
from mqtt_app.parsers.liveness import said_liveness
from mqtt_app.parsers.tree_values import tree_value, tree_values

FAMILY = "obk"
UNITS = {
    "voltage": "V",
    "current": "A",
    "power": "W",
    "power_apparent": "VA",
    "power_reactive": "var",
    "frequency": "Hz",
    "energycounter": "Wh",
    "energycounter_last_hour": "Wh",
    "energycounter_today": "Wh",
    "energycounter_yesterday": "Wh",
    "temp": "°C",
    "rssi": "dBm",
    "uptime": "s",
}
NAMES = {
    *UNITS,
    "power_factor",
    "led_dimmer",
    "led_enableAll",
    "led_basecolor_rgb",
    "led_temperature",
    "led_finalcolor_rgb",
    "led_saturation",
    "led_hue",
    "consumption_stats",
}
DIAGNOSTIC = {"rssi", "uptime", "freeheap", "sockets"}
ABOUT = {"mac", "build", "host", "ip", "ssid", "datetime"}


class OpenBekenTopic(msgspec.Struct, frozen=True, gc=False):
    """`device` is "" for topics of others, `metric` for commands. `is_shown`: whether the device's
    topic has a name that no other family uses.
    """

    device: str
    metric: str
    is_shown: bool


@lru_cache(maxsize=4_096)
def topic_of(topic: str) -> OpenBekenTopic:
    levels = topic.split("/")
    is_value = levels[-1] in ("get", "set") and len(levels) > 2
    if is_value:
        metric = levels[-2]
    else:
        metric = levels[-1]
    if is_value:
        device = levels[:-2]
    else:
        device = levels[:-1]
    is_shown = bool(device) and device[-1].lower().startswith(FAMILY)
    is_own = is_value or (is_shown and metric in {"connected", *ABOUT, *DIAGNOSTIC})
    is_command = levels[-1] == "set"
    return OpenBekenTopic(
        "/".join(device) if is_own else "", "" if is_command else metric, is_shown
    )


class OpenBekenParser:
    name = "openbeken"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        found = topic_of(topic)
        if found.is_shown:
            if found.device:
                return 0.8
            return 0.0
        if found.device and found.metric in NAMES and sample.strip():
            return 0.6
        return 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        found = topic_of(message.topic)
        text = text_of(message.payload).text.strip()
        if not text or not found.device or not found.metric:
            return []
        if found.metric == "connected":
            state = said_liveness(text)
            if state:
                return [Availability(identifier=found.device, state=state)]
            return []
        if found.metric in ABOUT:
            return _about(found, text)
        if text[:1] in ("{", "["):
            values = tree_values(decode(message.payload), found.metric)
        else:
            value = tree_value(found.metric, text)
            if value:
                values = [value]
            else:
                values = []
        return [
            value
            if isinstance(value, FieldProblem)
            else ReadingFact(
                device=found.device,
                metric=value.path,
                value=value.value,
                unit=value.unit or UNITS.get(value.path, ""),
                diagnostic=value.path in DIAGNOSTIC,
            )
            for value in values
        ]


def _about(found: OpenBekenTopic, text: str) -> list[Fact]:
    if found.metric == "mac":
        return [DeviceDescription(device=found.device, address=normal_address(text))]
    if found.metric == "build":
        return [DeviceDescription(device=found.device, software=text)]
    return []
