"""Home Assistant's MQTT Statestream: `homeassistant/<domain>/<object>/<attribute>`.

Source: https://www.home-assistant.io/integrations/mqtt_statestream/. An entity is the device
`homeassistant/<domain>/<object>`; `state` is plain text, attributes are JSON. The state
`unavailable` says that the entity is gone. Firmwares that put their own states below the prefix of
the discovery write objects there, which are left to the parser of JSON.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from mqtt_app.domain.facts import (
    Availability,
    DeviceDescription,
    Fact,
    Liveness,
    MetricDescription,
    Value,
)
from mqtt_app.domain.values import Quantity
from mqtt_app.domain.word_lists import words
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.fields import PLAIN, Fields, number_or_text, only_text, payload_text
from mqtt_app.parsers.json_tree import decode_text, invalid

BASE = "homeassistant"
STATE = "state"
UNAVAILABLE, UNKNOWN = "unavailable", "unknown"
SWITCHED = frozenset(
    words(
        "automation binary_sensor fan group humidifier input_boolean light remote schedule script"
        " siren switch update water_heater"
    )
)
NUMERIC = frozenset(words("sensor number input_number counter proximity air_quality"))
DOMAINS = (
    SWITCHED
    | NUMERIC
    | frozenset(
        words(
            "alarm_control_panel button calendar camera climate cover date datetime device_tracker"
            " event image input_button input_datetime input_select input_text lawn_mower lock"
            " media_player person plant scene select sun text time timer vacuum valve weather zone"
        )
    )
)
SWITCH = {"on": True, "off": False}
NAME, UNIT = "friendly_name", "unit_of_measurement"
METADATA = frozenset(
    words(
        "last_changed last_updated last_reported last_triggered icon device_class state_class"
        " attribution entity_picture supported_features supported_color_modes assumed_state"
        " entity_id restored editable options hvac_modes fan_modes preset_modes swing_modes"
        " effect_list source_list event_types context id user_id device_trackers"
    )
)
OF_OTHERS = frozenset(words("config set command cmd get availability available status"))


class EntityTopic(msgspec.Struct, frozen=True):
    device: str
    domain: str
    attribute: str


class StatestreamParser:
    name = "home_assistant_statestream"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        if BASE not in topic or _place(topic) is None:
            return 0.0
        is_object = topic.endswith(f"/{STATE}") and sample.lstrip()[:1] == b"{"
        if is_object:
            return 0.0
        return 0.75

    def parse(self, message: Message) -> Sequence[Fact]:
        place = _place(message.topic)
        if place is None:
            raise invalid("expected a topic such as homeassistant/sensor/hall/state")
        text = payload_text(message.payload)
        if not text or place.attribute in METADATA:
            return []
        if place.attribute == STATE:
            return _state(place, text)
        return _attribute(place, text)


@lru_cache(maxsize=16_384)
def _place(topic: str) -> EntityTopic | None:
    levels = topic.split("/")
    if len(levels) < 4 or levels[-4] != BASE or levels[-3] not in DOMAINS:
        return None
    if not levels[-2] or not levels[-1] or levels[-1] in OF_OTHERS:
        return None
    return EntityTopic("/".join(levels[:-1]), levels[-3], levels[-1])


def _state(place: EntityTopic, text: str) -> list[Fact]:
    """`unknown` is an entity that is there and has no value yet."""
    if text == UNAVAILABLE:
        return [Availability(identifier=place.device, state=Liveness.OFFLINE)]
    if text == UNKNOWN:
        return []
    fields = Fields(device=place.device, trait=lambda _: PLAIN, read=only_text)
    return list(fields.fact(STATE, _value(place, text), PLAIN))


def _value(place: EntityTopic, text: str) -> Value | Quantity | None:
    if place.domain in SWITCHED and text in SWITCH:
        return SWITCH[text]
    if place.domain in NUMERIC:
        return number_or_text(text)
    return text


def _attribute(place: EntityTopic, text: str) -> list[Fact]:
    """Of a name and a unit only what they say of the entity."""
    content = decode_text(text)
    if place.attribute == NAME:
        return [DeviceDescription(device=place.device, name=str(content)[:200])]
    if place.attribute == UNIT:
        return [MetricDescription(device=place.device, metric=STATE, unit=str(content)[:50])]
    fields = Fields(device=place.device, trait=lambda _: PLAIN, read=only_text)
    return fields.facts(content, place.attribute)
