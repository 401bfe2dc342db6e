"""What a replay is about, and how its outcome is summed up."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.dead_letters import selection
from mqtt_app.domain.dead_letters.selection import ReplayResult, outcome_of, pattern_of
from mqtt_app.domain.topics import TopicError, matches

LEVELS = st.text(alphabet="ab$. (*\\^[", max_size=3)
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
WILD = st.one_of(LEVELS, st.just("+"))
FILTERS = st.tuples(st.lists(WILD, min_size=1, max_size=4), st.booleans()).map(
    lambda drawn: "/".join([*drawn[0], *(["#"] if drawn[1] else [])])
)


@given(FILTERS.filter(bool), TOPICS)
def test_the_pattern_of_a_filter_finds_what_the_filter_matches(
    topic_filter: str, topic: str
) -> None:
    found = re.search(pattern_of(topic_filter), topic) is not None
    assert found == matches(topic_filter, topic)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "found"),
    [
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/b", "$a/b", False),
        ("a/#", "a", True),
        ("a/#", "ab", False),
        ("a.c", "abc", False),
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/d/c", False),
    ],
)
def test_wildcards_follow_the_specification(topic_filter: str, topic: str, *, found: bool) -> None:
    assert (re.search(pattern_of(topic_filter), topic) is not None) == found


def test_no_filter_is_said() -> None:
    with pytest.raises(TopicError):
        pattern_of("a/#/b")


def test_failures_that_differ_in_numbers_are_one_kind_with_its_first_topic() -> None:
    failed = {1: ("no field 12 in 3.5", "a"), 2: ("no field 7 in 1", "b"), 3: ("broken", "c")}
    result = outcome_of(range(6), {4, 5}, failed)
    assert (result.stored, result.failed, result.dropped, result.done) == (2, 3, 1, 6)
    kinds = [(kind.error, kind.count, kind.topic) for kind in result.errors]
    assert kinds == [("no field 12 in 3.5", 2, "a"), ("broken", 1, "c")]


def test_kinds_beyond_the_limit_are_counted_together() -> None:
    result = ReplayResult()
    words = [f"reason {chr(97 + place)}" for place in range(selection.MAX_ERRORS + 3)]
    for word in words:
        result.add_failure(word, "t")
    assert len(result.errors) == selection.MAX_ERRORS + 1
    assert (result.errors[-1].error, result.errors[-1].count) == (selection.OTHERS, 3)


@given(st.lists(st.tuples(st.sampled_from("abcdefghijklmnop"), st.integers(1, 3)), max_size=20))
def test_sums_of_parts_are_the_whole(batches: list[tuple[str, int]]) -> None:
    total = ReplayResult()
    for word, number in batches:
        part = ReplayResult()
        for _ in range(number):
            part.add_failure(word, "t")
        total.add(part)
    expected = sum(number for _, number in batches)
    assert total.failed == expected
    assert sum(kind.count for kind in total.errors) == expected
