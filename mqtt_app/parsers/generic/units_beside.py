"""Units beside a value: `{"value": 1.6, "unit": "kW"}`, `{"temp": 21, "temp_unit": "C"}`."""

from typing import Any

from mqtt_app.domain.unit_spellings import is_unit
from mqtt_app.parsers.generic.key_roles import UNIT_ENDINGS, KeyRole, role_of_key

SHORT_VALUE = "v"
SHORT_UNIT = "u"
LONGEST = 32  # characters of a unit that is not in the list; exactly as written


def spelled_out(record: dict[str, Any]) -> dict[str, Any]:
    """The record with `value` and `unit` for `v` and `u`, where both are there, or `v` has a
    quality `q`; `{"v": 230, "i": 5}` are volts and amperes.
    """
    if SHORT_VALUE not in record or isinstance(record[SHORT_VALUE], dict | list):
        return record
    names = {SHORT_VALUE: "value"}
    if isinstance(record.get(SHORT_UNIT), str):
        names[SHORT_UNIT] = "unit"
    elif "q" not in record:
        return record
    return {names.get(key, key): value for key, value in record.items()}


def take_units(record: dict[str, Any]) -> dict[str, str]:
    """Unit by key of the value that it belongs to, and "" for the keys that hold a unit.

    A unit beside several numbers belongs to none of them, and stays a text.
    """
    found: dict[str, str] = {}
    for key, value in record.items():
        role = role_of_key(key)
        if isinstance(value, dict) and role is KeyRole.UNIT:
            found |= _of_each(record, key, value)
        elif isinstance(value, str) and role is KeyRole.UNIT:
            found |= _of_the_only_value(record, key, value)
        elif isinstance(value, str) and role is KeyRole.UNIT_OF_NAMESAKE:
            found |= _of_namesake(record, key, value)
    return found


def _of_the_only_value(record: dict[str, Any], key: str, unit: str) -> dict[str, str]:
    unit = unit.strip()
    values = [name for name in record if role_of_key(name) is KeyRole.VALUE]
    if values and len(unit) <= LONGEST:
        return {values[0]: unit, key: ""}
    numbers = [
        name
        for name, value in record.items()
        if _is_number(value) and role_of_key(name) is KeyRole.PLAIN
    ]
    if len(numbers) == 1 and is_unit(unit):
        return {numbers[0]: unit, key: ""}
    return {}


def _of_namesake(record: dict[str, Any], key: str, unit: str) -> dict[str, str]:
    ending = next(ending for ending in UNIT_ENDINGS if key.endswith(ending))
    name = key.removesuffix(ending)
    if name in record and is_unit(unit.strip()):
        return {name: unit.strip(), key: ""}
    return {}


def _of_each(record: dict[str, Any], key: str, units: dict[str, Any]) -> dict[str, str]:
    """`{"units": {"temp": "°C"}, "temp": 21}`; only if every entry is the unit of a value."""
    if not units or not all(
        isinstance(unit, str) and name in record for name, unit in units.items()
    ):
        return {}
    return {name: unit.strip() for name, unit in units.items()} | {key: ""}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
