from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.overlap import LARGEST, Copies, arrange, overlaps
from mqtt_app.domain.topics import matches

LEVELS = st.sampled_from(["a", "b", "c", "$x"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join)
FILTERS = st.lists(LEVELS | st.just("+"), min_size=1, max_size=4).flatmap(
    lambda levels: st.sampled_from(["/".join(levels), "/".join([*levels, "#"])])
) | st.just("#")
WANTED = st.dictionaries(FILTERS, st.integers(0, 1), min_size=1, max_size=6)


def every_topic() -> list[str]:
    names, found = ["a", "b", "c", "$x"], [[]]
    for _ in range(4):
        found += [[*topic, name] for topic in found for name in names]
    return sorted({"/".join(topic) for topic in found if 0 < len(topic) <= 4})


EVERY_TOPIC = every_topic()


@given(FILTERS, FILTERS)
def test_filters_overlap_when_and_only_when_a_topic_is_selected_by_both(one, other):
    common = one != other and any(matches(one, topic) and matches(other, topic) for topic in EVERY_TOPIC)
    assert overlaps([one, other] if one != other else [one]) == ({one, other} if common else set())


@given(WANTED)
def test_only_filters_that_overlap_have_identifiers_and_these_are_valid_and_their_own(wanted):
    arranged = arrange(wanted.items(), identified=True)
    marked = [one for one in arranged if one.identifier]
    assert {one.filter for one in marked} == overlaps(list(wanted))
    assert len({one.identifier for one in marked}) == len(marked)
    assert all(1 <= one.identifier <= LARGEST for one in marked)
    assert {(one.filter, one.qos) for one in arranged} == set(wanted.items())
    assert arranged == arrange(reversed(list(wanted.items())), identified=True)
    assert not any(one.identifier for one in arrange(wanted.items(), identified=False))


@given(WANTED, TOPICS)
def test_of_a_copy_for_each_filter_the_one_of_the_highest_qos_is_kept(wanted, topic):
    arranged = arrange(wanted.items(), identified=True)
    copies = Copies(arranged)
    selecting = [one for one in arranged if matches(one.filter, topic)]
    sent = [(one.identifier,) if one.identifier else () for one in selecting]
    kept = [
        one.qos
        for one, numbers in zip(selecting, sent, strict=True)
        if not copies.is_one(topic, numbers, set(wanted))
    ]
    assert kept == ([max(one.qos for one in selecting)] if selecting else [])


@given(WANTED, TOPICS)
def test_a_broker_that_sends_one_copy_with_all_identifiers_is_heard(wanted, topic):
    arranged = arrange(wanted.items(), identified=True)
    numbers = [one.identifier for one in arranged if matches(one.filter, topic)]
    assert not Copies(arranged).is_one(topic, numbers, set(wanted))


@given(WANTED, WANTED, TOPICS)
def test_while_filters_change_every_message_is_kept_at_least_once(before, after, topic):
    """At any moment the broker has some of the new subscriptions, in their order, and of the others what was before."""
    old, new = arrange(before.items(), identified=True), arrange(after.items(), identified=True)
    for done in range(len(new) + 1):
        session = {one.filter: one for one in old} | {one.filter: one for one in new[:done]}
        numbers = [one.identifier for one in session.values() if matches(one.filter, topic)]
        copies = Copies(new)
        kept = [number for number in numbers if not number or not copies.is_one(topic, (number,), set(after))]
        assert bool(kept) == bool(numbers), (done, session)


@given(WANTED, TOPICS)
def test_a_filter_that_was_refused_speaks_for_no_other(wanted, topic):
    arranged = arrange(wanted.items(), identified=True)
    copies, refused = Copies(arranged), arranged[0].filter
    granted = set(wanted) - {refused}
    sent = [one.identifier for one in arranged if one.filter in granted and matches(one.filter, topic)]
    kept = [number for number in sent if not copies.is_one(topic, (number,), granted)]
    assert bool(kept) == bool(sent)
