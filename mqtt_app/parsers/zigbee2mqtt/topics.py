"""Where in a topic the base topic of Zigbee2MQTT ends. It is the user's choice, at any depth."""

from functools import lru_cache

import msgspec

PREFIXES_OF_OTHERS = {"tele", "stat", "cmnd"}  # a Tasmota device may be named after the bridge
BELOW_OTHERS = {"controls", "meta"}  # Wiren Board shows the bridge as a device of its own
BRIDGE = "/bridge/"
SHOWN_BY = {  # what the payload of a message of a bridge of any name must hold, by its topic
    "devices": (b'"ieee_address"',),
    "groups": (b'"friendly_name"', b'"members"'),
    "info": (b'"coordinator"',),
    "event": (b'"ieee_address"',),
    "logging": (b'"level"', b'"message"'),
    "state": (b"line",),
    "response": (b'"status"',),
}

SHOWN_BESIDE_LINK_QUALITY = (  # by the state of a device of a bridge of any name
    b'"last_seen"',
    b'"update"',
    b'"update_available"',
    b'"color_mode"',
    b'"power_on_behavior"',
    b'"device_temperature"',
    b'"ieeeAddr"',
)


class Zigbee2MqttTopic(msgspec.Struct, frozen=True, gc=False):
    """`base` is "" when the topic does not show where it ends; `name` is what follows it."""

    base: str
    name: str


@lru_cache(maxsize=16_384)
def place_of(topic: str) -> Zigbee2MqttTopic:
    """The base topic ends with the first level that is recognisable as Zigbee2MQTT's, or else
    before `bridge`.
    """
    levels = topic.split("/")
    for place, level in enumerate(levels[:-1]):
        if is_base(level) and not _is_of_others(levels, place):
            name = "/".join(levels[place + 1 :]).strip("/")
            return Zigbee2MqttTopic("/".join(levels[: place + 1]), name)
    base, bridge, rest = topic.rpartition(BRIDGE)
    if bridge and base and rest:
        return Zigbee2MqttTopic(base, f"bridge/{rest}")
    return Zigbee2MqttTopic("", topic)


def is_base(level: str) -> bool:
    """`zigbee2mqtt`, `Zigbee2MQTT-2`, `house_zigbee2mqtt`, `z2m`, `z2m-cellar`."""
    small = level.lower().replace("-", "").replace("_", "")
    return "zigbee2mqtt" in small or small.startswith("z2m")


def shows_a_bridge(topic: str, sample: bytes) -> bool:
    """A message of a bridge whose base topic has any name at all, known by what it holds."""
    kind = topic.rpartition(BRIDGE)[2].partition("/")[0]
    marks = SHOWN_BY.get(kind)
    return marks is not None and all(mark in sample for mark in marks)


def shows_a_device(sample: bytes) -> bool:
    """The state of a device, below whatever topic; others have a link quality, too."""
    return (
        b'"linkquality"' in sample
        and sample.lstrip()[:1] == b"{"
        and any(mark in sample for mark in SHOWN_BESIDE_LINK_QUALITY)
    )


def _is_of_others(levels: list[str], place: int) -> bool:
    if place:
        before = levels[place - 1]
    else:
        before = ""
    after = levels[place + 1]
    return before in PREFIXES_OF_OTHERS or after in BELOW_OTHERS or after.startswith("$")
