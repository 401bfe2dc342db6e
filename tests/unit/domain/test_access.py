"""Roles, scopes and what both allow: the whole table, and what holds for any grants and any token."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mqtt_app.domain.access import (
    NOBODY,
    NOWHERE,
    OF_NO_SITE,
    Action,
    Grant,
    Principal,
    Role,
    Scope,
    Switching,
    TokenLimits,
    is_in,
    refusal,
    sites_where,
    visible_sites,
)

HERE, THERE = 1, 2
SUPERUSER = Principal(is_active=True, is_superuser=True)
BY_SUPERUSERS, BY_OPERATORS = Switching


def member(role: Role, site: int | None = HERE, token: TokenLimits | None = None) -> Principal:
    return Principal(is_active=True, grants=(Grant(role, site),), token=token)


def allowed(
    principal: Principal, switching: Switching = BY_SUPERUSERS, site: int = HERE
) -> set[str]:
    return {action.value for action in Action if not refusal(principal, action, site, switching)}


@pytest.mark.parametrize(
    ("role", "switching", "expected"),
    [
        (Role.VIEWER, BY_SUPERUSERS, {"view"}),
        (Role.OPERATOR, BY_SUPERUSERS, {"view", "attend"}),
        (Role.MANAGER, BY_SUPERUSERS, {"view", "attend", "configure", "review"}),
        (Role.VIEWER, BY_OPERATORS, {"view"}),
        (Role.OPERATOR, BY_OPERATORS, {"view", "attend", "switch"}),
        (Role.MANAGER, BY_OPERATORS, {"view", "attend", "switch", "configure", "review"}),
    ],
)
@pytest.mark.parametrize("site", [HERE, None])
def test_a_role_allows_at_its_site_what_the_table_says_and_nothing_elsewhere(
    role: Role, switching: Switching, expected: set[str], site: int | None
) -> None:
    assert allowed(member(role, site), switching) == expected
    assert allowed(member(role, site), switching, THERE) == (expected if site is None else set())


@pytest.mark.parametrize(
    ("scope", "sites", "expected"),
    [
        (Scope.READ, None, {"view", "review", "oversee"}),
        (Scope.OPERATE, None, {"view", "attend", "switch", "review", "oversee"}),
        (Scope.MANAGE, None, {action.value for action in Action}),
        (Scope.MANAGE, frozenset({HERE}), {"view", "attend", "switch", "configure", "review"}),
        (Scope.MANAGE, frozenset({THERE}), set()),
        (Scope.MANAGE, frozenset(), set()),
    ],
)
def test_a_token_caps_what_a_superuser_may_do(
    scope: Scope, sites: frozenset[int] | None, expected: set[str]
) -> None:
    assert allowed(replace(SUPERUSER, token=TokenLimits(scope, sites))) == expected


@pytest.mark.parametrize(
    "principal", [NOBODY, replace(SUPERUSER, is_active=False), Principal(is_active=True)]
)
def test_who_is_switched_off_or_has_no_membership_sees_and_does_nothing(
    principal: Principal,
) -> None:
    assert visible_sites(principal) == NOWHERE
    assert allowed(principal) == set()


@pytest.mark.parametrize(
    ("principal", "action", "sentence"),
    [
        (
            member(Role.VIEWER),
            Action.ATTEND,
            "This needs the role operator at this site; yours is viewer.",
        ),
        (
            member(Role.OPERATOR),
            Action.CONFIGURE,
            "This needs the role manager at this site; yours is operator.",
        ),
        (
            member(Role.MANAGER, THERE),
            Action.VIEW,
            "This needs the role viewer at this site; yours is none.",
        ),
        (member(Role.MANAGER), Action.SWITCH, "Only a superuser may start and stop."),
        (member(Role.MANAGER), Action.ADMINISTER, "Only a superuser may do this."),
        (
            replace(SUPERUSER, token=TokenLimits(Scope.READ)),
            Action.SWITCH,
            'This needs a token with the scope "operate"; this one has "read".',
        ),
        (
            replace(SUPERUSER, token=TokenLimits(Scope.MANAGE, frozenset({HERE}))),
            Action.ADMINISTER,
            "This token is limited to other sites; use one that is for all sites, or for this one.",
        ),
        (NOBODY, Action.VIEW, "This account is switched off."),
    ],
)
def test_a_refusal_names_what_is_needed(
    principal: Principal, action: Action, sentence: str
) -> None:
    assert refusal(principal, action, HERE, BY_SUPERUSERS) == sentence


def test_the_best_of_two_roles_counts() -> None:
    both = Principal(is_active=True, grants=(Grant(Role.VIEWER), Grant(Role.MANAGER, HERE)))
    assert "configure" in allowed(both)
    assert allowed(both, site=THERE) == {"view"}


# Any grants, any token

SITES = st.integers(1, 4)
LIMITS = st.builds(
    TokenLimits, st.sampled_from(Scope), st.none() | st.frozensets(SITES, max_size=3)
)
PRINCIPALS = st.builds(
    Principal,
    is_active=st.booleans(),
    is_superuser=st.booleans(),
    grants=st.lists(st.builds(Grant, st.sampled_from(Role), st.none() | SITES), max_size=4).map(
        tuple
    ),
    token=st.none() | LIMITS,
)
ACTIONS, SWITCHINGS = st.sampled_from(Action), st.sampled_from(Switching)


@given(PRINCIPALS, ACTIONS, SITES, SWITCHINGS)
def test_a_token_never_allows_more_than_its_user(
    principal: Principal, action: Action, site: int, switching: Switching
) -> None:
    alone = replace(principal, token=None)
    if refusal(alone, action, site, switching):
        assert refusal(principal, action, site, switching)


@given(PRINCIPALS, ACTIONS, SITES, SWITCHINGS)
def test_taking_a_grant_away_never_allows_more(
    principal: Principal, action: Action, site: int, switching: Switching
) -> None:
    for number in range(len(principal.grants)):
        fewer = replace(
            principal, grants=principal.grants[:number] + principal.grants[number + 1 :]
        )
        if refusal(principal, action, site, switching):
            assert refusal(fewer, action, site, switching)


@example(
    member(Role.VIEWER, HERE, TokenLimits(Scope.READ, frozenset({THERE}))),
    Action.VIEW,
    HERE,
    BY_SUPERUSERS,
)
@given(PRINCIPALS, ACTIONS, SITES, SWITCHINGS)
def test_sentence_and_set_agree(
    principal: Principal, action: Action, site: int, switching: Switching
) -> None:
    where = sites_where(principal, action, switching)
    assert is_in(site, where) is (refusal(principal, action, site, switching) == "")
    assert (where != NOWHERE) is (refusal(principal, action, None, switching) == "")


@given(PRINCIPALS, ACTIONS, SITES, SWITCHINGS)
def test_whatever_is_allowed_at_a_site_can_be_seen_there(
    principal: Principal, action: Action, site: int, switching: Switching
) -> None:
    if action not in OF_NO_SITE and not refusal(principal, action, site, switching):
        assert is_in(site, visible_sites(principal))


@given(PRINCIPALS, ACTIONS, SITES)
def test_letting_operators_switch_changes_nothing_else(
    principal: Principal, action: Action, site: int
) -> None:
    by_superusers, by_operators = (
        refusal(principal, action, site, switching) for switching in Switching
    )
    assert by_superusers == by_operators or action is Action.SWITCH
    assert not (by_operators and not by_superusers)


@given(PRINCIPALS, ACTIONS, SITES)
def test_only_superusers_reach_what_is_theirs(
    principal: Principal, action: Action, site: int
) -> None:
    if action in OF_NO_SITE and not refusal(principal, action, site, BY_OPERATORS):
        assert principal.is_superuser
