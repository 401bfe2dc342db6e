"""Objects that are one value with its unit, time and attributes: `{"value": -812, "max": null}`."""

from typing import Any

from mqtt_app.parsers.generic.key_roles import KeyRole, role_of_key

# What may stand beside a value and belongs to it.
_ATTRIBUTES = frozenset(
    ("min", "max", "quality", "q", "valid", "precision", "status", "statuscode", "id", "index")
)


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
    return value is None or isinstance(value, str) or key.lower() in _ATTRIBUTES
