from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.topic_rules import Rule, RuleEffect, TopicState, decide, first_match


def rule(topic_filter: str = "#", number: int = 1, **says: Any) -> Rule:
    return Rule(id=number, filter=topic_filter, **says)


RULES = [
    rule("hall/+/temp", 1, is_active=True),
    rule("hall/#", 2, ignore=True),
    rule("#", 3, is_active=False),
]


@pytest.mark.parametrize(
    ("topic", "number"),
    [
        ("hall/a/temp", 1),
        ("hall/a/b/temp", 2),
        ("hall", 2),
        ("yard/a", 3),
        ("$SYS/broker/uptime", None),
        ("Hall/a/temp", 3),
    ],
)
def test_the_first_rule_that_matches_decides_alone(topic: str, number: int | None) -> None:
    found = first_match(RULES, topic)
    assert (found.id if found else None) == number


@pytest.mark.parametrize("active", [True, False])
def test_a_rule_that_says_nothing_about_it_leaves_the_flag_as_it_is(active: bool) -> None:
    after = decide(rule(parser_name="json"), TopicState(is_active=active))
    assert (after.is_active, after.parser_name, after.is_processable) == (active, "json", True)


@pytest.mark.parametrize("says", [{"ignore": True}, {"retired": True}])
def test_what_is_ignored_or_retired_is_never_active(says: dict[str, Any]) -> None:
    after = decide(rule(is_active=True, **says), TopicState(is_active=True))
    assert (after.is_active, after.is_ignored) == (False, True)
    assert after.is_retired == ("retired" in says)


def test_a_rule_that_forbids_the_parser_of_a_topic_leaves_the_next_message_to_decide() -> None:
    after = decide(rule(forbidden_parsers=("csv",)), TopicState(is_active=True, parser_name="csv"))
    assert (after.parser_name, after.is_processable) == ("", False)
    other = decide(rule(forbidden_parsers=("csv",)), TopicState(is_active=True, parser_name="json"))
    assert other.parser_name == "json"


def test_a_rule_without_a_parser_never_makes_a_topic_processable() -> None:
    assert not decide(rule(is_active=True), TopicState(is_active=False)).is_processable


def test_a_topic_that_was_ignored_by_another_rule_is_back() -> None:
    before = TopicState(is_active=False, is_ignored=True, is_retired=True, rule=1)
    after = decide(rule(number=2, is_active=True), before)
    assert after == TopicState(is_active=True, rule=2)


@given(
    st.builds(
        rule,
        is_active=st.sampled_from([None, True, False]),
        parser_name=st.sampled_from(["", "json"]),
        forbidden_parsers=st.sampled_from([(), ("json",), ("csv",)]),
        ignore=st.booleans(),
        retired=st.booleans(),
    ),
    st.builds(
        TopicState, is_active=st.booleans(), parser_name=st.sampled_from(["", "json", "csv"])
    ),
)
def test_a_decision_that_is_taken_again_changes_nothing(says: Rule, topic: TopicState) -> None:
    after = decide(says, topic)
    assert decide(says, after) == after


def test_the_effect_is_said_in_sentences_a_person_reads() -> None:
    effect = RuleEffect()
    for _ in range(1412):
        effect.add(TopicState(is_active=False), TopicState(is_active=True))
    effect.add(TopicState(is_active=True), TopicState(is_active=False, is_ignored=True))
    assert effect.sentences(done=False) == [
        "1,412 topics would become active",
        "1 topic would become inactive",
        "1 topic would become ignored",
    ]
    assert RuleEffect().sentences(done=True) == ["no topic changed"]
