"""Home Assistant's MQTT discovery: `<prefix>/<component>/[<node>/]<object>/config`.

Source: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery. Such a message describes
values on other topics; it has none itself. In the device form, `<prefix>/device/<object>/config`,
the entities are under `components`. An empty payload takes everything back, so the entities that a
topic had are remembered where they are more than the one of the topic's own name.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.facts import Fact, Remembered, TopicDescription
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.home_assistant.entities import descriptions
from mqtt_app.parsers.home_assistant.keys import long_keys, with_base
from mqtt_app.parsers.json_tree import decode, invalid

CONFIG = "config"
DEFAULT_PREFIX = "homeassistant"
BIRTHS = ("homeassistant/status", "hass/status")
COMPONENTS = frozenset(
    [
        "alarm_control_panel",
        "binary_sensor",
        "button",
        "camera",
        "climate",
        "cover",
        "date",
        "datetime",
        "device",
        "device_automation",
        "device_tracker",
        "event",
        "fan",
        "humidifier",
        "image",
        "lawn_mower",
        "light",
        "lock",
        "notify",
        "number",
        "scene",
        "select",
        "sensor",
        "siren",
        "switch",
        "tag",
        "text",
        "time",
        "update",
        "vacuum",
        "valve",
        "water_heater",
    ]
)
STATELESS = frozenset(["button", "notify", "scene", "tag", "device_automation"])
MARKS = tuple(
    f'"{key}"'.encode()
    for key in (
        "stat_t",
        "state_topic",
        "cmd_t",
        "command_topic",
        "uniq_id",
        "unique_id",
        "cmps",
        "components",
        "automation_type",
        "atype",
        "availability_topic",
        "avty_t",
    )
)
INHERITED = (
    "availability",
    "availability_topic",
    "payload_available",
    "payload_not_available",
    "state_topic",
    "device",
    "expire_after",
)
MAX_MEMORY = 200_000  # bytes


class HomeAssistantParser:
    name = "home_assistant"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if not topic.endswith("/config"):
            return 0.9 if topic in BIRTHS else 0.0
        is_described = sample.lstrip()[:1] == b"{" and any(mark in sample for mark in MARKS)
        if not _has_component(topic):
            if is_described:
                return 0.7
            return 0.0
        if is_described:
            return 0.95
        if DEFAULT_PREFIX in topic.split("/"):
            return 0.92
        return 0.0

    def remembers(self, topic: str) -> Sequence[str]:
        if topic.endswith("/config"):
            return (topic,)
        return ()

    def parse(self, message: Message) -> Sequence[Fact]:
        topic = message.topic
        if not topic.endswith("/config"):
            return []
        if not message.payload.strip():
            return list(_changes(topic, [], message))
        config = decode(message.payload)
        if config is None:
            return []
        if not isinstance(config, dict):
            raise invalid("expected a JSON object that describes an entity")
        return list(_changes(topic, list(_described(topic, config)), message))


def _has_component(topic: str) -> bool:
    """`<prefix>/<component>/<object>/config`, or with a node between component and object."""
    levels = topic.split("/")
    return any(level in COMPONENTS for level in levels[-4:-2])


def _described(topic: str, config: dict[str, Any]) -> Iterator[TopicDescription]:
    long = with_base(long_keys(config))
    entities = long.get("components")
    if not isinstance(entities, dict):
        yield from descriptions(topic, long)
        return
    shared = {key: long[key] for key in INHERITED if key in long}
    if "~" in config:
        base = {"~": config["~"]}
    else:
        base = {}
    for name, entity in entities.items():
        if isinstance(entity, dict):
            own = with_base(long_keys(base | entity))
            if _has_state(own):
                yield from descriptions(f"{topic}#{name}", shared | own)


def _has_state(entity: dict[str, Any]) -> bool:
    """An entity with nothing but its platform has been removed."""
    return len(entity) > 1 and str(entity.get("platform")) not in STATELESS


def _changes(
    topic: str, found: list[TopicDescription], message: Message
) -> Iterator[TopicDescription | Remembered]:
    """What is described now, and an end of what was described before. The topic's own source is
    ended by an empty payload, without being remembered.
    """
    sources = [description.source for description in found]
    ended = [source for source in _remembered(message) if source not in sources]
    if not message.payload.strip() and topic not in ended:
        ended.insert(0, topic)
    yield from found
    for source in ended:
        yield TopicDescription(source=source)
    yield from _remember(topic, [] if sources == [topic] else sources, message)


def _remember(topic: str, sources: list[str], message: Message) -> Iterator[Remembered]:
    if sources:
        encoded = msgspec.json.encode(sources)
    else:
        encoded = None
    if encoded is not None and len(encoded) > MAX_MEMORY:
        encoded = None
    if encoded != message.memory.get(topic):
        yield Remembered(key=topic, value=encoded)


def _remembered(message: Message) -> list[str]:
    try:
        return msgspec.json.decode(message.memory.get(message.topic, b"[]"), type=list[str])
    except msgspec.MsgspecError:
        return []
