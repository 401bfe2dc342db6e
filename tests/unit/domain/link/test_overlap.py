from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.link import overlap
from mqtt_app.domain.link.overlap import LARGEST, Copies, arrange, overlaps
from mqtt_app.domain.topics import matches

LEVELS = st.sampled_from(["a", "b", "c", "$x"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join)
FILTERS = st.lists(LEVELS | st.just("+"), min_size=1, max_size=4).flatmap(
    lambda levels: st.sampled_from(["/".join(levels), "/".join([*levels, "#"])])
) | st.just("#")
WANTED = st.dictionaries(FILTERS, st.integers(0, 1), min_size=1, max_size=6)


def every_topic() -> list[str]:
    names = ["a", "b", "c", "$x"]
    found: list[list[str]] = [[]]
    for _ in range(4):
        found += [[*topic, name] for topic in found for name in names]
    return sorted({"/".join(topic) for topic in found if 0 < len(topic) <= 4})


EVERY_TOPIC = every_topic()


@given(FILTERS, FILTERS)
def test_filters_overlap_when_and_only_when_a_topic_is_selected_by_both(
    one: str, other: str
) -> None:
    common = one != other and any(
        matches(one, topic) and matches(other, topic) for topic in EVERY_TOPIC
    )
    assert overlaps([one, other] if one != other else [one]) == ({one, other} if common else set())


@given(WANTED)
def test_only_filters_that_overlap_have_identifiers_and_these_are_valid_and_their_own(
    wanted: dict[str, int],
) -> None:
    arranged = arrange(wanted.items(), identified=True)
    marked = [one for one in arranged if one.identifier]
    assert {one.filter for one in marked} == overlaps(list(wanted))
    assert len({one.identifier for one in marked}) == len(marked)
    assert all(1 <= one.identifier <= LARGEST for one in marked)
    assert {one.filter for one in arranged} == set(wanted)
    assert arranged == arrange(reversed(list(wanted.items())), identified=True)
    assert not any(one.identifier for one in arrange(wanted.items(), identified=False))


@given(WANTED)
def test_filters_that_overlap_are_subscribed_at_the_higher_qos_and_the_others_as_wanted(
    wanted: dict[str, int],
) -> None:
    arranged = arrange(wanted.items(), identified=True)
    best = max((wanted[one.filter] for one in arranged if one.identifier), default=0)
    assert all(one.qos == (best if one.identifier else wanted[one.filter]) for one in arranged)


TWO = arrange([("a/#", 1), ("a/+", 1)], identified=True)
FIRST, SECOND = (one.identifier for one in TWO)
WAYS = ([(FIRST,), (SECOND,)], [(SECOND,), (FIRST,)], [(FIRST, SECOND)], [(SECOND,)])


@given(
    st.lists(st.tuples(st.sampled_from([b"1", b"2"]), st.sampled_from(WAYS))),
)
def test_each_message_is_taken_once_in_whatever_way_its_copies_come(
    published: list[tuple[bytes, list[tuple[Any, ...]]]],
) -> None:
    """Also when the broker leaves out the copies of one filter, and when messages are equal."""
    copies, sent = (
        Copies(TWO),
        [(payload, numbers) for payload, way in published for numbers in way],
    )
    kept = [payload for payload, numbers in sent if not copies.is_one("a/b", payload, numbers, 0.0)]
    assert sorted(kept) == sorted(payload for payload, _ in published)


def test_copies_that_a_broker_queued_under_other_filters_are_all_taken() -> None:
    other = arrange([("a/#", 1), ("a/+", 1), ("a/b", 1)], identified=True)
    assert not {one.identifier for one in other} & {FIRST, SECOND}
    copies = Copies(TWO)
    assert not any(copies.is_one("a/b", b"1", (one.identifier,), 0.0) for one in other)


@pytest.mark.parametrize("sent", [[0, 1, 2, 3], [0, 3, 2, 1], [0, 2, 1, 3]])
def test_while_filters_change_an_equal_message_is_another_one_and_a_copy_is_a_copy(
    sent: list[int],
) -> None:
    """The copies of two equal messages, of which the second was published after the filters had
    changed.
    """
    other = arrange([("a/#", 1), ("a/+", 1), ("a/b", 1)], identified=True)
    copies = Copies(TWO)
    copies.change(other)
    numbers = [FIRST, SECOND, *(one.identifier for one in other if one.filter != "a/b")]
    kept = [place for place in sent if not copies.is_one("a/b", b"1", (numbers[place],), 0.0)]
    assert len(kept) == 2


def test_what_comes_long_after_is_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    copies = Copies(TWO)
    assert not copies.is_one("a/b", b"1", (FIRST,), 0.0)
    assert copies.is_one("a/b", b"1", (SECOND,), overlap.COPIES_WITHIN)
    monkeypatch.setattr(overlap, "REMEMBERED", 2)
    for number in range(6):
        assert not copies.is_one("a/c", b"%d" % number, (FIRST,), overlap.COPIES_WITHIN)
    assert not copies.is_one("a/b", b"1", (SECOND,), overlap.COPIES_WITHIN)
