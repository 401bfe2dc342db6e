"""A token never makes, and never revokes, one that reaches further than itself."""

from datetime import UTC, datetime, timedelta

import pytest

from mqtt_app.domain.access import Scope
from mqtt_app.domain.accounts import tokens as rules
from mqtt_app.domain.accounts.tokens import Rights

SOON = datetime(2026, 1, 1, tzinfo=UTC)
LATE = SOON + timedelta(days=1)
FULL = Rights(Scope.MANAGE)


@pytest.mark.parametrize(
    ("maker", "asked", "allowed"),
    [
        (FULL, FULL, True),
        (FULL, Rights(Scope.READ), True),
        (Rights(Scope.OPERATE), Rights(Scope.OPERATE), True),
        (Rights(Scope.OPERATE), Rights(Scope.MANAGE), False),
        (Rights(Scope.READ), Rights(Scope.READ), False),
        (Rights(Scope.MANAGE, frozenset({1, 2})), Rights(Scope.MANAGE, frozenset({2})), True),
        (Rights(Scope.MANAGE, frozenset({1, 2})), Rights(Scope.READ, frozenset({2, 3})), False),
        (Rights(Scope.MANAGE, frozenset({1, 2})), Rights(Scope.READ), False),
        (Rights(Scope.MANAGE, None, SOON), Rights(Scope.READ, None, SOON), True),
        (Rights(Scope.MANAGE, None, SOON), Rights(Scope.READ, None, LATE), False),
        (Rights(Scope.MANAGE, None, SOON), Rights(Scope.READ), False),
    ],
)
def test_a_token_makes_no_more_than_it_is(maker: Rights, asked: Rights, allowed: bool) -> None:
    assert bool(rules.excess(asked, maker)) is not allowed


def test_what_was_left_open_is_taken_from_the_maker() -> None:
    maker = Rights(Scope.MANAGE, frozenset({1}), SOON)
    assert rules.narrowed(Rights(Scope.READ), maker) == Rights(Scope.READ, frozenset({1}), SOON)
    assert not rules.excess(rules.narrowed(Rights(Scope.READ), maker), maker)


def test_a_use_is_due_once_a_minute() -> None:
    assert rules.is_use_due(None, SOON)
    assert not rules.is_use_due(SOON, SOON + timedelta(seconds=59))
    assert rules.is_use_due(SOON, SOON + timedelta(seconds=60))
