"""Objects that are one value with its unit, time and attributes: `{"value": -812, "max": null}`."""

from typing import Any

from mqtt_app.domain.facts import MetricDescription
from mqtt_app.domain.word_lists import words
from mqtt_app.parsers.generic.key_roles import KeyRole, role_of_key, squeezed
from mqtt_app.parsers.generic.tree_place import TreePlace

NAMES_OF_VALUES = ("name", "label", "title", "objectName", "object_name")
LONGEST_NAME = 200  # characters

# What may stand beside a value and belongs to it.
_ATTRIBUTES = frozenset(
    ("min", "max", "quality", "q", "valid", "precision", "status", "statuscode", "id", "index")
)
# Of these, what says how good the value is, what form it has or who wrote it is no reading.
_QUALITIES = frozenset(
    words(
        "quality q qc statuscode qualitycode good status type attribute access accessmode ack"
        " from user lc format context location statusflags objecttype objectidentifier"
    )
)
_NEVER_VALUES = frozenset(words("quality q qc statuscode qualitycode"))


def description_of_value(record: dict[str, Any], place: TreePlace) -> list[MetricDescription]:
    """What people call the value, if the record says so."""
    name = next((record[key] for key in NAMES_OF_VALUES if key in record), None)
    if not isinstance(name, str) or not 0 < len(name.strip()) <= LONGEST_NAME:
        return []
    return [MetricDescription(device=place.device, metric=place.path, name=name.strip())]


def has_value(record: dict[str, Any]) -> bool:
    return any(role_of_key(key) is KeyRole.VALUE for key in record)


def is_single_value(record: dict[str, Any]) -> bool:
    """Whether there is one `value`, and no other number, object or array but its attributes."""
    values = 0
    for key, value in record.items():
        role = role_of_key(key)
        if role is KeyRole.VALUE:
            if isinstance(value, dict):
                return False
            values += 1
        elif role in (KeyRole.PLAIN, KeyRole.DIAGNOSTIC) and not _is_attribute(key, value):
            return False
    return values == 1


def _is_attribute(key: str, value: object) -> bool:
    if value is None or isinstance(value, str):
        return True
    small = squeezed(key)
    return small in _ATTRIBUTES or small in _QUALITIES


def keys_of_quality(record: dict[str, Any]) -> set[str]:
    """What stands beside a `value` and is about its quality or form, so that it is no reading."""
    if is_single_value(record):
        listed = _QUALITIES
    else:
        listed = _NEVER_VALUES
    return {key for key in record if squeezed(key) in listed}
