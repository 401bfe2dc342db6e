"""JSON that is broken, or has fields that cannot be stored: what is kept and what is said."""

import json

import pytest

from mqtt_app.domain.facts import ReadingFact, Remark
from tests.narrowing import kind_of
from tests.unit.parsers.read_messages import error, facts, problems, values

# JSON: what is wrong with it


@pytest.mark.parametrize(("depth", "fits"), [(32, True), (33, False)])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_may_be_nested_thirty_two_levels_deep(
    depth: int, fits: bool, opening: str, closing: str
) -> None:
    payload = (opening * depth + "1" + closing * depth).encode()
    if fits:
        assert list(values("json", "a", payload).values()) == [1.0]
    else:
        assert "32 levels" in str(error("json", "a", payload))


@pytest.mark.parametrize(("depth", "fits"), [(32, True), (33, False)])
def test_brackets_beside_the_deepest_ones_make_nothing_deeper(depth: int, fits: bool) -> None:
    payload = b"[" * depth + b"1" + b"]" * (depth - 1) + b",[2]]"
    if fits:
        assert list(values("json", "a", payload).values()) == [1.0, 2.0]
    else:
        assert "32 levels" in str(error("json", "a", payload))


def test_many_brackets_side_by_side_or_in_strings_are_no_depth() -> None:
    assert len(values("json", "a", b"[" + b",".join([b"[1]"] * 40) + b"]")) == 40
    assert (
        values("json", "a", b'{"a": "' + b"[" * 40 + b'", "b": "\\"' + b"{" * 40 + b'"}')["a"]
        == "[" * 40
    )


@pytest.mark.parametrize(("size", "fits"), [(1_048_576, True), (1_048_577, False)])
def test_a_payload_may_be_a_megabyte(size: int, fits: bool) -> None:
    payload = b'{"v":1}' + b" " * (size - 7)
    if fits:
        assert values("json", "a", payload) == {"v": 1.0}
    else:
        assert "1,048,577 bytes" in str(error("json", "a", payload))


@pytest.mark.parametrize(
    ("payload", "kind", "says"),
    [
        (b'{"v": 1', "PARSE_ERROR", "breaks off after 7 bytes"),
        (b'{"v": "1', "PARSE_ERROR", "breaks off after 8 bytes"),
        (b'{"v" 1}', "PARSE_ERROR", "broken JSON: "),
        (b'{"v": 1} x', "PARSE_ERROR", "broken JSON: "),
        (b"{\x00\x01", "PARSE_ERROR", "broken JSON: "),
        (b"\x01\x02", "PARSE_ERROR", "expected one value"),
    ],
)
def test_what_is_wrong_with_json_is_said(payload: bytes, kind: str, says: str) -> None:
    found = error("json", "a", payload)
    assert (str(found.kind), says in str(found)) == (kind, True), found


@pytest.mark.parametrize("payload", [b"", b" \n", b"\x00\x00", b"null", b"{}", b"[]", b'""'])
def test_what_says_nothing_is_no_reading_and_no_error(payload: bytes) -> None:
    assert facts("json", "a", payload) == []


@pytest.mark.parametrize(
    ("field", "says"),
    [
        (b'"f": NaN', "finite"),
        (b'"f": nan', "finite"),
        (b'"f": -nan', "finite"),
        (b'"f": NAN', "finite"),
        (b'"f":Infinity', "finite"),
        (b'"f": -Infinity', "finite"),
        (b'"f": inf', "finite"),
        (b'"f": nan(ind)', "finite"),
        (b'"f": "nan"', "finite"),
        (b'"f": 1e400', "too large"),
        (b'"f": -1e400', "too large"),
        (b'"f": ' + b"9" * 5_000, "too large"),
        (b'"f": "1.5e400"', "out of range"),
        (b'"f": "' + b"x" * 4_097 + b'"', "4,097"),
        (b'"f": "a\\u0000b"', "NUL"),
        (b'"f": "\\ud800"', "surrogate"),
        (b'"f": "\\udc00\\ud800"', "surrogate"),
        (b'"f\\u0000": 1', "NUL"),
        (b'"f\\ud800": 1', "surrogate"),
        (b'"f' + b"x" * 300 + b'": 1', "255"),
        (b'"f": {"g": NaN}', "finite"),
        (b'"f": [1.5, NaN]', "finite"),
    ],
)
def test_a_bad_field_costs_only_itself(field: bytes, says: str) -> None:
    payload = b'{"before": 1, ' + field + b', "after": "x"}'
    found = values("json", "a", payload)
    assert (found["before"], found["after"]) == (1.0, "x")
    ((name, reason),) = problems("json", "a", payload).items()
    assert (name[0], says in reason) == ("f", True), reason


def test_nan_inside_a_string_or_a_name_is_left_alone() -> None:
    found = values("json", "a", b'{"a": NaN, "b": "x, nan, y", "nan": 1, "c": "inf"}')
    assert found == {"b": "x, nan, y", "nan": 1.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("123456789012345", 123_456_789_012_345.0),
        ("1234567890123456", "1234567890123456"),
        ("1234567890.123456", 1_234_567_890.123456),
        ("-12345678901234567", "-12345678901234567"),
        ("-5", -5.0),
        ("1e3", "1e3"),
        ("1685E6", "1685E6"),
        ("007", "007"),
        ("1.", "1."),
        ("x" * 4096, "x" * 4096),
    ],
)
def test_which_strings_are_numbers(text: str, value: float | str) -> None:
    assert values("json", "a", {"v": text}) == {"v": value}


@pytest.mark.parametrize(
    "encoded",
    [
        '{"a":"21.5 °C"}'.encode("cp1252"),
        '{"a":"21.5 °C"}'.encode("utf-16"),
    ],
)
def test_text_of_another_encoding_is_read_and_said(encoded: bytes) -> None:
    first, second = facts("json", "a", encoded)
    reading, remark = kind_of(ReadingFact, first), kind_of(Remark, second)
    assert (reading.value, reading.unit) == (21.5, "°C")
    assert "read as" in remark.text


@pytest.mark.parametrize(
    "payload",
    [
        b'"{\\"v\\":1.5}"',
        b'{"v":1.5}\x00\x00',
        b'\xef\xbb\xbf{"v":1.5}',
        b'\xef\xbb\xbf{"v":1.5}\x00',
        b' \r\n{"v":1.5}',
        b'{"v":"1.5"}',
    ],
)
def test_wrapped_padded_and_marked_json_is_the_same(payload: bytes) -> None:
    assert values("json", "a", payload) == {"v": 1.5}


def test_a_string_that_holds_json_is_decoded_once() -> None:
    inner = json.dumps({"v": 1.5, "w": json.dumps({"x": 1})})
    assert values("json", "a", {"payload": inner}) == {"payload.v": 1.5, "payload.w": '{"x": 1}'}
