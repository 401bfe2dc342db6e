"""One value as the rule of its metric wants it."""

from typing import Any

from mqtt_app.domain.values import Quantity, UnstorableError, state_word, text_value
from mqtt_app.parsers.json_tree import to_float
from mqtt_app.parsers.mapping.compiled import CompiledMetric


def mapped_value(rule: CompiledMetric, raw: Any, name: str) -> Quantity | None:
    """None for what says nothing. Raises UnstorableError with a phrase for what is not of the type
    of the rule.
    """
    if isinstance(raw, dict | list):
        raise UnstorableError("it holds several values, not one")
    if isinstance(raw, bytes):
        raise UnstorableError("it holds raw bytes")
    if rule.type == "text":
        return Quantity(str(raw))
    if rule.type == "boolean":
        return Quantity(_boolean(raw, name))
    if isinstance(raw, str):
        found = text_value(raw, name)
    else:
        found = Quantity(raw)
    if found is None:
        return None
    return _of_number(rule, found)


def _of_number(rule: CompiledMetric, found: Quantity) -> Quantity:
    """With scale and offset, where the value is a number."""
    value = found.value
    if isinstance(value, str | bool):
        if rule.type == "number":
            raise UnstorableError(f"{str(value)[:40]} is no number")
        return found
    if rule.scale == 1.0 and rule.offset == 0.0:
        return found
    return Quantity(to_float(value) * rule.scale + rule.offset, found.unit)


def _boolean(raw: Any, name: str) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, int | float) and raw in (0, 1):
        return bool(raw)
    if isinstance(raw, str):
        word = state_word(raw.strip(), name)
        if word is not None:
            return word
    raise UnstorableError(f"{str(raw)[:40]} is neither true nor false")
