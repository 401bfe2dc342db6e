"""The parts of a topic: prefix, node, and the value below it.

Source: https://zwave-js.github.io/zwave-js-ui/#/usage/setup?id=gateway. Named topics have the
command class by name, `<prefix>/[<location>/]<node>/<class>/[endpoint_<n>/]<property>[/<key>]`; the
others by number, with the endpoint's number behind it.
"""

from enum import StrEnum
from functools import lru_cache

import msgspec

CLIENTS = ("_CLIENTS", "_EVENTS", "_EVENTS_")
GATEWAY = "ZWAVE_GATEWAY-"
COMMANDS = ("set", "api")
CLASSES = frozenset(
    [
        "alarm",
        "association",
        "barrier_operator",
        "basic",
        "battery",
        "binary_sensor",
        "binary_switch",
        "central_scene",
        "clock",
        "color_switch",
        "configuration",
        "door_lock",
        "door_lock_logging",
        "humidity_control_mode",
        "humidity_control_setpoint",
        "indicator",
        "lock",
        "manufacturer_specific",
        "meter",
        "multilevel_sensor",
        "multilevel_switch",
        "node_naming",
        "notification",
        "protection",
        "scene_activation",
        "schedule_entry_lock",
        "sensor_alarm",
        "sensor_binary",
        "sensor_multilevel",
        "sound_switch",
        "switch_all",
        "switch_binary",
        "switch_color",
        "switch_multilevel",
        "thermostat_fan_mode",
        "thermostat_fan_state",
        "thermostat_mode",
        "thermostat_operating_state",
        "thermostat_setback",
        "thermostat_setpoint",
        "time_parameters",
        "user_code",
        "version",
        "wake_up",
        "window_covering",
        "zwaveplus_info",
    ]
)
FIRST_CLASS, LAST_CLASS = 0x20, 0x9F  # numbers of command classes of applications
LAST_ENDPOINT = 30


class ZWaveMessage(StrEnum):
    NOTHING = "nothing"
    GATEWAY_STATUS = "gateway status"
    NODE_STATUS = "node status"
    NODE_INFO = "node info"
    VALUE = "value"  # by its command class
    CUSTOM = "custom"  # a topic that the user chose, or none of this family


class ZWaveTopic(msgspec.Struct, frozen=True, gc=False):
    """`prefix` is "" when the topic does not show where it ends; `node` then begins the topic."""

    prefix: str
    node: str
    value: str
    kind: ZWaveMessage

    @property
    def identifier(self) -> str:
        if self.prefix:
            return f"{self.prefix}/{self.node}"
        return self.node


@lru_cache(maxsize=16_384)
def place_of(topic: str) -> ZWaveTopic:
    levels = topic.strip("/").split("/")
    end = _end_of_prefix(levels)
    prefix = "/".join(levels[:end])
    below = levels[end:]
    if not below or below[-1] == "set" or below[-1] == "lastActive":
        return ZWaveTopic(prefix, "", "", ZWaveMessage.NOTHING)
    if below[0] in CLIENTS:
        is_status = len(below) == 3 and below[2] == "status"
        return ZWaveTopic(
            prefix, "", "", ZWaveMessage.GATEWAY_STATUS if is_status else ZWaveMessage.NOTHING
        )
    if below == ["driver", "status"] and prefix:
        return ZWaveTopic(prefix, "", "", ZWaveMessage.GATEWAY_STATUS)
    start = _start_of_value(below)
    if start:
        return ZWaveTopic(
            prefix, "/".join(below[:start]), ".".join(below[start:]), ZWaveMessage.VALUE
        )
    node = "/".join(below[:-1])
    kinds = {"status": ZWaveMessage.NODE_STATUS, "nodeinfo": ZWaveMessage.NODE_INFO}
    return ZWaveTopic(prefix, node, below[-1], kinds.get(below[-1], ZWaveMessage.CUSTOM))


def _end_of_prefix(levels: list[str]) -> int:
    """The number of levels of the prefix: it ends before `_CLIENTS`, or with a level that is
    recognisable as Z-Wave's.
    """
    for place, level in enumerate(levels[:-1]):
        if level in CLIENTS and levels[place + 1].startswith(GATEWAY):
            return place
        if "zwave" in level.lower().replace("-", "").replace("_", ""):
            return place + 1
    return 0


def _start_of_value(below: list[str]) -> int:
    """The place of the command class, 0 for none; before it there is a node, behind it more."""
    for place in range(1, len(below) - 1):
        level = below[place]
        if level in CLASSES or level.startswith("unknownClass_"):
            return place
        if _is_class_number(level) and place + 2 < len(below) and _is_endpoint(below[place + 1]):
            return place
    return 0


def _is_class_number(level: str) -> bool:
    return level.isdecimal() and len(level) <= 3 and FIRST_CLASS <= int(level) <= LAST_CLASS


def _is_endpoint(level: str) -> bool:
    return level.isdecimal() and len(level) <= 2 and int(level) <= LAST_ENDPOINT
