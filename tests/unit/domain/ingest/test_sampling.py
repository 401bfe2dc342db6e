"""Which messages become samples."""

import pytest

from mqtt_app.domain.ingest.sampling import (
    EVERY,
    SHAPE_EVERY,
    Sampled,
    is_due,
    is_new_shape,
    shape_of,
)

NOW = 1_790_000_000.0


def test_the_first_message_of_a_topic_is_a_sample() -> None:
    assert is_due(None, NOW)


def test_after_a_minute_there_is_another_and_none_before() -> None:
    known = Sampled(NOW, 7)
    assert not is_due(known, NOW + EVERY - 0.1)
    assert is_due(known, NOW + EVERY)


def test_a_clock_that_was_set_back_stops_no_samples() -> None:
    assert is_due(Sampled(NOW, 7), NOW - 1)


def test_another_shape_is_kept_sooner_but_not_with_each_message() -> None:
    known = Sampled(NOW, 7)
    assert is_new_shape(known, 8, NOW + SHAPE_EVERY)
    assert not is_new_shape(known, 8, NOW + SHAPE_EVERY - 0.1)
    assert not is_new_shape(known, 7, NOW + SHAPE_EVERY)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (b'{"t": 1.5, "u": "x"}', b'{"t":22,"u":"y"}'),
        (b"21.5", b"-3"),
        (b"open", b"CLOSED"),
        (b"  7", b"7"),
    ],
)
def test_other_values_make_no_other_shape(left: bytes, right: bytes) -> None:
    assert shape_of(left) == shape_of(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (b'{"t": 1}', b'{"h": 1}'),
        (b'{"t": 1}', b'{"t": 1, "error": 3}'),
        (b"21.5", b"open"),
        (b"21.5", b'{"t": 1}'),
        (b"\x01\x02", b"21.5"),
    ],
)
def test_other_keys_or_another_kind_are_another_shape(left: bytes, right: bytes) -> None:
    assert shape_of(left) != shape_of(right)


@pytest.mark.parametrize("payload", [b"", b"\xff" * 9, b'{"a":1}', b"{" * 5_000])
def test_a_shape_fits_into_its_column(payload: bytes) -> None:
    assert -(2**31) <= shape_of(payload) < 2**31
