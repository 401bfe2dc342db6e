"""Units as devices write them, and conversion within one kind."""

import pytest

from mqtt_app.domain.unit_spellings import SPELLINGS, is_unit, meaning
from mqtt_app.domain.units import convert, same_dimension


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (1.2, "kW", "W", 1_200.0),
        (950.0, "W", "kW", 0.95),
        (20.0, "°C", "°F", 68.0),
        (68.0, "F", "C", 20.0),
        (300.0, "K", "°C", 26.85),
        (1.0, "bar", "hPa", 1_000.0),
        (36.0, "km/h", "m/s", 10.0),
        (60.0, "Wmin", "Wh", 1.0),
        (1.0, "MW", "mW", 1e9),
        (1.0, "kB", "B", 1_000.0),
        (50.0, "%", "ppm", 500_000.0),
        (1.0, "\u03bcg/m³", "\u00b5g/m³", 1.0),
        (3.0, "dBm", "dBm", 3.0),
        (3.0, "furlong", "furlong", 3.0),
    ],
)
def test_values_are_converted_within_one_kind(
    value: float, source: str, target: str, expected: float
) -> None:
    assert convert(value, source, target) == expected
    assert same_dimension(source, target)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("W", "V"),
        ("W", "Wh"),
        ("VA", "W"),
        ("var", "VA"),
        ("Nm", "J"),
        ("rpm", "Hz"),
        ("°", "%"),
        ("dBm", "W"),
        ("B", "%"),
        ("m", "furlong"),
        ("", "W"),
        ("kg", ""),
        ("°C", "lx"),
    ],
)
def test_units_of_two_kinds_are_never_converted(source: str, target: str) -> None:
    assert convert(1.0, source, target) is None
    assert not same_dimension(source, target)


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
def test_every_spelling_converts_to_its_own_base_and_back(spelling: str) -> None:
    assert is_unit(spelling)
    if meaning(spelling):
        assert convert(5.0, spelling, f" {spelling}") == 5.0


@pytest.mark.parametrize("text", ["", "k", "M", "kk", "mw", "Kw ", "watt", "1"])
def test_what_is_not_in_the_list_is_no_unit(text: str) -> None:
    assert not is_unit(text)
