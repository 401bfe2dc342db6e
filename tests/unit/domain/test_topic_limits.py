"""Which characters a topic filter may hold, and how long it may be."""

import pytest

from mqtt_app.domain.topics import TopicError, validate_filter


@pytest.mark.parametrize(
    ("char", "fits"),
    [
        ("\x1f", False),
        (" ", True),
        ("~", True),
        ("\x7f", False),
        ("\x9f", False),
        ("\xa0", True),
        ("\ud7ff", True),
        ("\ud800", False),
        ("\ue000", True),
        ("\ufdcf", True),
        ("\ufdd0", False),
        ("\ufdef", False),
        ("\ufdf0", True),
        ("\ufffd", True),
        ("\ufffe", False),
        ("\uffff", False),
        ("\U00010000", True),
        ("\U0001fffd", True),
        ("\U0001fffe", False),
        ("\U0001ffff", False),
    ],
)
def test_which_characters_a_filter_may_hold(char: str, fits: bool) -> None:
    if fits:
        validate_filter(f"a/{char}")
        return
    with pytest.raises(TopicError, match=f"U\\+{ord(char):04X}"):
        validate_filter(f"a/{char}")


@pytest.mark.parametrize(("size", "fits"), [(65_535, True), (65_536, False)])
def test_a_filter_may_be_as_long_as_a_string_of_the_protocol(size: int, fits: bool) -> None:
    if fits:
        validate_filter("x" * size)
        return
    with pytest.raises(TopicError, match="shorten"):
        validate_filter("x" * size)


@pytest.mark.parametrize(
    ("code", "fits"), [(0xD7FF, True), (0xD800, False), (0xDFFF, False), (0xE000, True)]
)
def test_halves_of_surrogate_pairs_are_refused_from_the_first_to_the_last(
    code: int, fits: bool
) -> None:
    if fits:
        validate_filter(chr(code))
        return
    with pytest.raises(TopicError, match="Remove it"):
        validate_filter(chr(code))
