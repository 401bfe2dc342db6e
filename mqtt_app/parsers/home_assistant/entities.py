"""One entity of a discovery message: what it says of the topics that it names.

Source: https://www.home-assistant.io/integrations/mqtt/ and the page of each of its platforms.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from mqtt_app.domain.facts import TopicDescription
from mqtt_app.parsers.home_assistant.keys import (
    LONG_OF_AVAILABILITY,
    LONG_OF_DEVICE,
    long_keys,
    with_base,
)
from mqtt_app.parsers.home_assistant.templates import path_of

MAX_EXPIRE = 10 * 365 * 86_400.0  # s


class EntityValue(msgspec.Struct, frozen=True):
    """The keys of a topic and of the template that finds a value in its messages."""

    topic: str
    templates: tuple[str, ...]


STATE = EntityValue("state_topic", ("value_template", "state_value_template", "state_template"))
OTHERS = (
    EntityValue("current_temperature_topic", ("current_temperature_template",)),
    EntityValue("current_humidity_topic", ("current_humidity_template",)),
    EntityValue("temperature_state_topic", ("temperature_state_template",)),
    EntityValue("target_humidity_state_topic", ("target_humidity_state_template",)),
    EntityValue("mode_state_topic", ("mode_state_template",)),
    EntityValue("fan_mode_state_topic", ("fan_mode_state_template",)),
    EntityValue("action_topic", ("action_template",)),
    EntityValue("position_topic", ("position_template",)),
    EntityValue("tilt_status_topic", ("tilt_status_template",)),
    EntityValue("brightness_state_topic", ("brightness_value_template",)),
    EntityValue("percentage_state_topic", ("percentage_value_template",)),
)
DEGREES = {"C": "°C", "F": "°F"}
TEMPERATURES = ("current_temperature_topic", "temperature_state_topic")


class Reachability(msgspec.Struct, frozen=True):
    topic: str = ""
    available: str = "online"
    not_available: str = "offline"


def descriptions(source: str, config: dict[str, Any]) -> Iterator[TopicDescription]:
    """`config` has long keys. The state has the source itself, other values one of their own."""
    device = _device(config.get("device"))
    if _text(config, STATE.topic):
        yield _description(source, STATE, config, device)
    for value in OTHERS:
        if _text(config, value.topic):
            yield _description(f"{source}#{value.topic}", value, config, device)


def _description(
    source: str, value: EntityValue, config: dict[str, Any], device: dict[str, Any]
) -> TopicDescription:
    topic = _text(config, value.topic)
    reachable = _reachability(config, topic)
    template = next((config[key] for key in value.templates if config.get(key)), None)
    path = path_of(template)
    known = path is not None  # else it is said of the device and its reachability only
    return TopicDescription(
        source=source,
        topic=topic,
        path=path or "",
        metric_name=_name(config, value) if known else "",
        unit=_unit(config, value) if known else "",
        diagnostic=known and _is_diagnostic(config),
        device_name=_text(device, "name")[:200],
        manufacturer=_text(device, "manufacturer"),
        model=_text(device, "model"),
        software=_text(device, "sw_version"),
        availability_topic=reachable.topic,
        available=reachable.available,
        not_available=reachable.not_available,
        expire_after=_expire_after(config),
    )


def _device(device: Any) -> dict[str, Any]:
    if isinstance(device, dict):
        return long_keys(device, LONG_OF_DEVICE)
    return {}


def _name(config: dict[str, Any], value: EntityValue) -> str:
    if value is STATE:
        return _text(config, "name")
    return ""


def _unit(config: dict[str, Any], value: EntityValue) -> str:
    if value is STATE:
        return _text(config, "unit_of_measurement")
    if value.topic in TEMPERATURES:
        unit = _text(config, "temperature_unit")
        return DEGREES.get(unit, unit)
    return ""


def _is_diagnostic(config: dict[str, Any]) -> bool:
    """A battery's charge is a measurement, whatever group of the user interface it is in."""
    return config.get("entity_category") == "diagnostic" and config.get("device_class") not in (
        "battery",
        "voltage",
    )


def _reachability(config: dict[str, Any], topic: str) -> Reachability:
    """Of several topics the one that is nearest to the state's: others speak for a bridge."""
    listed = config.get("availability")
    if isinstance(listed, list):
        entries = listed
    else:
        entries = [listed]
    found = [
        _reachability_of(with_base(long_keys(entry, LONG_OF_AVAILABILITY)), "topic")
        for entry in entries
        if isinstance(entry, dict)
    ]
    found.append(_reachability_of(config, "availability_topic"))
    return max(
        (entry for entry in found if entry.topic),
        key=lambda entry: _common_levels(entry.topic, topic),
        default=Reachability(),
    )


def _reachability_of(entry: dict[str, Any], key: str) -> Reachability:
    return Reachability(
        topic=_text(entry, key),
        available=_word(entry.get("payload_available"), "online"),
        not_available=_word(entry.get("payload_not_available"), "offline"),
    )


def _common_levels(first: str, second: str) -> int:
    count = 0
    for left, right in zip(first.split("/"), second.split("/"), strict=False):
        if left != right:
            break
        count += 1
    return count


def _word(payload: Any, default: str) -> str:
    if isinstance(payload, bool):
        if payload:
            return "true"
        return "false"
    if payload is None:
        return default
    return str(payload)


def _expire_after(config: dict[str, Any]) -> float:
    seconds = config.get("expire_after")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return 0.0
    if 0 < seconds <= MAX_EXPIRE:
        return float(seconds)
    return 0.0


def _text(config: dict[str, Any], key: str) -> str:
    value = config.get(key)
    if isinstance(value, str):
        return value
    return ""
