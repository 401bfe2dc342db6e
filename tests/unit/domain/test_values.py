"""What a person would read in a text: a number, a number with a unit, a state, or just text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.values import (
    Quantity,
    UnstorableError,
    names_identifier,
    names_state,
    text_value,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("21.5", 21.5),
        (" 21.5\r\n", 21.5),
        ("-3", -3.0),
        ("+1", 1.0),
        ("0", 0.0),
        (".5", 0.5),
        ("1.5e3", 1_500.0),
        ("1.685E6", 1_685_000.0),
        ("21,5", 21.5),
        ("0,123", 0.123),
        ("23.456789012345678", 23.456789012345678),
        ("123456789012345", 123_456_789_012_345.0),
    ],
)
def test_what_a_person_reads_as_a_number_is_one(text: str, value: float) -> None:
    assert text_value(text) == Quantity(value)


@pytest.mark.parametrize(
    "text",
    [
        "260E1234",
        "1685E6",
        "1e3",
        "007",
        "-07",
        "00.5",
        "1234567890123456",
        "+491701234567",
        "1_000",
        "0x1F",
        "\u0663\u066b\u0665",
        "\uff11\uff12",
        "²",
        "5.",
        "1,234",
        "1,2,3",
        "1.2.3",
        "1 000",
        "12:30",
        "--5",
        "192.168.0.1",
        "10k",
        "10K",
        "5G",
        "231114221320W",
        "3D",
        "1A",
        "3C",
        "12 foo",
        "1.5e",
        "two",
    ],
)
def test_what_only_looks_like_a_number_stays_text(text: str) -> None:
    assert text_value(text) == Quantity(text)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1.2 kW", 1.2, "kW"),
        ("950W", 950.0, "W"),
        ("5 mW", 5.0, "mW"),
        ("5 MW", 5.0, "MW"),
        ("21.5 °C", 21.5, "°C"),
        ("21.5\u00a0°C", 21.5, "°C"),
        ("12%", 12.0, "%"),
        ("40 % RH", 40.0, "% RH"),
        ("3.3V", 3.3, "V"),
        ("16 A", 16.0, "A"),
        ("2.5A", 2.5, "A"),
        ("5 m³/h", 5.0, "m³/h"),
        ("60 \u03bcg/m³", 60.0, "\u03bcg/m³"),
        ("-71dBm", -71.0, "dBm"),
    ],
)
def test_a_number_and_its_unit_are_kept_apart_and_the_unit_as_written(
    text: str, value: float, unit: str
) -> None:
    assert text_value(text) == Quantity(value, unit)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("temperature", "21C", Quantity(21.0, "C")),
        ("current", "16A", Quantity(16.0, "A")),
        ("byte_3", "1A", Quantity("1A")),
        ("colour", "3C", Quantity("3C")),
    ],
)
def test_a_letter_that_may_be_a_hexadecimal_digit_is_a_unit_only_of_its_quantity(
    name: str, text: str, expected: Quantity
) -> None:
    assert text_value(text, name) == expected


@pytest.mark.parametrize("text", ["", "  ", "null", "None", "undefined", "-", "--", "n/a", "N/A"])
def test_some_texts_say_nothing(text: str) -> None:
    assert text_value(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nan", "no finite number"),
        ("-nan", "no finite number"),
        ("NaN", "no finite number"),
        (" infinity ", "no finite number"),
        ("-Inf", "no finite number"),
        ("1.#QNAN", "no finite number"),
        ("1.5e400", "out of range"),
        ("x" * 4_097, "4,097"),
        ("a\x00b", "NUL"),
        ("\ud800", "surrogate"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UnstorableError, match=reason):
        text_value(text)


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("POWER", "OFF", False),
        ("POWER1", "on", True),
        ("state", "ON", True),
        ("door", "open", True),
        ("door_contact", "Closed", False),
        ("garden", "on", True),
        ("isRaining", "no", False),
        ("raining", "yes", True),
        ("enabled", "NO", False),
        ("anything", "TRUE", True),
        ("country", "NO", "NO"),
        ("province", "ON", "ON"),
        ("countryCode", "NO", "NO"),
        ("lang", "no", "no"),
        ("mode", "off", "off"),
        ("hvac_mode", "off", "off"),
        ("gas", "NO", "NO"),
        ("contact_type", "NO", "NO"),
        ("shop", "open", "open"),
        ("name", "On", "On"),
        ("dev_addr", "on", "on"),
        ("state", "running", "running"),
        ("state", "unavailable", "unavailable"),
    ],
)
def test_words_are_booleans_only_where_they_stand_for_a_state(
    name: str, word: str, value: bool | str
) -> None:
    found = text_value(word, name)
    assert found == Quantity(value)
    assert type(found.value) is type(value)


@pytest.mark.parametrize(
    "name", ["dev_addr", "devEui", "serial", "serial_number", "fwVersion", "id", "MAC", "ip"]
)
def test_digits_under_a_name_for_identifiers_stay_text(name: str) -> None:
    assert names_identifier(name)
    assert text_value("12", name) == Quantity("12")


@pytest.mark.parametrize("name", ["temp", "humidity", "idle", "macro", "signal", "zipline"])
def test_a_name_that_only_begins_like_an_identifier_is_none(name: str) -> None:
    assert not names_identifier(name)


@pytest.mark.parametrize(("name", "state"), [("", False), ("7", False), ("has_leak", True)])
def test_what_names_a_state(name: str, state: bool) -> None:
    assert names_state(name) is state


@given(st.text(), st.text(max_size=20))
def test_any_text_is_something_that_can_be_stored_or_nothing_or_refused(
    text: str, name: str
) -> None:
    try:
        found = text_value(text, name)
    except UnstorableError:
        return
    assert found is None or not isinstance(found.value, float) or math.isfinite(found.value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_decimal_number_that_a_program_prints_is_read_back(number: float) -> None:
    text = f"{number:.6f}"
    if len(text.partition(".")[0].lstrip("-")) <= 15:
        assert text_value(text) == Quantity(float(text))
