"""What a log row shows of a payload: as it came while it is short, cut and saying so beyond that."""

import pytest

from mqtt_app.domain.audit import CHANGED, changes_between
from mqtt_app.domain.ingest.samples import sample, storable


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (None, None),
        ("0123456789", "0123456789"),
        ("01234567890", "0123456789… (cut: 11 characters in all)"),
        (b"0123456789", "0123456789"),
        (b"01234567890", "0123456789… (cut: 11 bytes in all)"),
        (b"12345678\xff", "12345678\\x… (cut: 9 bytes in all)"),
        (b"123456\xff", "123456\\xff"),
        (b"\x00a", "\u2400a"),
        (bytearray(b"ab"), "ab"),
        (memoryview(b"ab"), "ab"),
        ({"a": 123}, {"a": 123}),
        ({"a": 1234}, '{"a": 1234… (cut: 11 characters in all)'),
        ([1, "ü"], [1, "ü"]),
        ([None], [None]),
        (["\x00"], '["\\u0000"]'),
        (["\x00aa"], '["\\u0000aa… (cut: 12 characters in all)'),
        ("a\x00\ud800", "a\u2400?"),
    ],
)
def test_what_is_shown_of_a_payload_in_ten_characters(
    payload: object, shown: dict[str, int] | list[int | str | None] | str | None
) -> None:
    assert sample(payload, 10) == shown


def test_text_is_made_such_that_postgresql_takes_it() -> None:
    assert storable("a\x00b\ud800c") == "a\u2400b?c"
    assert storable("grün") == "grün"


def test_changes_name_old_and_new_and_of_secrets_only_that_they_changed() -> None:
    before = {"host": "a", "port": 1, "password": "old", "name": "same", "gone": 1}
    after = {"host": "b", "port": 1, "password": "new", "name": "same", "token": "t"}
    found = changes_between(before, after)
    assert found == {"gone": [1, None], "host": ["a", "b"], "password": CHANGED, "token": CHANGED}
    assert list(found) == sorted(found)
    assert changes_between(before, dict(before)) == {}
