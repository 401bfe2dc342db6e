"""Conversion between the units that devices write, through Pint (https://pint.readthedocs.io).

Pint takes 0.2 s to import and 0.4 s to build its registry, so that the registry is built when the
first value is converted, and a conversion costs one look-up after the first of its pair. Units that
Pint takes for one kind, though an engineer does not (VA and W, Nm and J, rpm and Hz, degrees and
per cent), are defined here as kinds of their own.
"""

from functools import lru_cache

import msgspec
import pint

from mqtt_app.domain.unit_spellings import meaning

DIGITS = 12  # significant digits of a result: 20 °C are 68 °F, not 67.99999999999993
_OWN_KINDS = (
    "apparent_power = [apparent_power]",
    "reactive_power = [reactive_power]",
    "torque = [moment_of_force]",
    "rotation = [rotation]",
    "plane_angle = [plane_angle]",
    "acidity = [acidity]",
    "turbidity = [turbidity]",
    "euro = [currency]",
    "euro_cent = euro / 100",
    "data_bit = [information]",
    "data_byte = 8 * data_bit",
    "watt_minute = watt * minute",
    "part_per_billion = 1e-9",
)


class Linear(msgspec.Struct, frozen=True, gc=False):
    """`value * scale + offset` is the value in the other unit."""

    scale: float
    offset: float


def convert(value: float, source: str, target: str) -> float | None:
    """The value in the unit `target`, rounded to 12 digits; None when the units are of different
    kinds, or one is not in the list of `unit_spellings`. Equal spellings change nothing.
    """
    if source == target:
        return value
    linear = _linear(source, target)
    if linear is None:
        return None
    if linear.scale == 1.0 and not linear.offset:
        return value
    return float(f"{value * linear.scale + linear.offset:.{DIGITS}g}")


def same_dimension(first: str, second: str) -> bool:
    """Whether values in the one unit can be converted to the other."""
    return first == second or _linear(first, second) is not None


@lru_cache(maxsize=4_096)
def _linear(source: str, target: str) -> Linear | None:
    source_unit = meaning(source)
    target_unit = meaning(target)
    if not source_unit or not target_unit:
        return None
    if source_unit == target_unit:
        return Linear(1.0, 0.0)
    registry = _registry()
    try:
        zero = registry.Quantity(0.0, source_unit).to(target_unit).magnitude
        thousand = registry.Quantity(1_000.0, source_unit).to(target_unit).magnitude
    except pint.DimensionalityError:
        return None
    return Linear(_rounded((thousand - zero) / 1_000.0), _rounded(zero))


def _rounded(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


@lru_cache(maxsize=1)
def _registry() -> "pint.UnitRegistry[float]":
    registry: pint.UnitRegistry[float] = pint.UnitRegistry()
    for definition in _OWN_KINDS:
        registry.define(definition)
    return registry
