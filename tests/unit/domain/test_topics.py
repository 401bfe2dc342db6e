import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies._internal.core import DataObject

from mqtt_app.domain.topics import TopicError, matches, validate_filter

LEVEL = st.text(alphabet="ab$ é", max_size=3)
LEVELS = st.lists(LEVEL, min_size=1, max_size=5).filter(any)


@pytest.mark.parametrize(
    "text", ["#", "+", "a/#", "+/a/+", "/", "a//b", "$SYS/#", "$SYS/broker/+", "grün/+", "a b"]
)
def test_valid_filters_pass(text: str) -> None:
    validate_filter(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("foo/#/baz", "last level"),
        ("foo#", "alone"),
        ("foo/+x", "alone"),
        ("a\x00", "U+0000"),
        ("a\n", "U+000A"),
        ("a\ufffe", "U+FFFE"),
        ("a\ud800", "U+D800"),
        ("x" * 65_536, "65535"),
        ("é" * 32_768, "65536"),
        ("$share/g/a", "$share"),
        ("$share", "$share"),
    ],
    ids=range(12),
)
def test_a_wrong_filter_is_explained(text: str, says: str) -> None:
    with pytest.raises(TopicError, match=says.replace("+", r"\+").replace("$", r"\$")):
        validate_filter(text)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("#", "a/b", True),
        ("#", "$SYS/a", False),
        ("+/a", "$SYS/a", False),
        ("$SYS/#", "$SYS/a", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "ab", False),
        ("a/+", "a", False),
        ("a/+", "a/", True),
        ("+", "a/b", False),
        ("+/+", "/a", True),
        ("/+", "/a", True),
        ("+", "/a", False),
        ("a/b", "a/b", True),
        ("a/b", "a/B", False),
        ("a/+/c", "a/b/c", True),
        ("a/+/#", "a", False),
        ("a/$x", "a/$x", True),
    ],
)
def test_filters_select_by_the_rules_of_the_protocol(
    topic_filter: str, topic: str, expected: bool
) -> None:
    assert matches(topic_filter, topic) is expected


@given(LEVELS)
def test_every_name_is_selected_by_itself(levels: list[str]) -> None:
    topic = "/".join(levels)
    assert matches(topic, topic)


@given(LEVELS, st.data())
def test_a_plus_stands_for_exactly_one_level(levels: list[str], data: DataObject) -> None:
    place = data.draw(st.integers(0, len(levels) - 1))
    wanted = "/".join([*levels[:place], "+", *levels[place + 1 :]])
    hidden = place == 0 and levels[0].startswith("$")
    assert matches(wanted, "/".join(levels)) is not hidden
    assert not matches(wanted, "/".join([*levels, "more"]))


@given(LEVELS, LEVELS)
def test_a_hash_stands_for_all_below_and_the_level_itself(
    parent: list[str], below: list[str]
) -> None:
    wanted = "/".join([*parent, "#"])
    assert matches(wanted, "/".join(parent))
    assert matches(wanted, "/".join(parent + below))
