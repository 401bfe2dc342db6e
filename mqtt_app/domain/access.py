"""Who may do what: roles of people, scopes of tokens, and the actions that both allow. Pure: no
user, no request.

role      viewer  <  operator  <  manager        what a Membership gives, at one site or at all
scope     read    <  operate   <  manage         the most that a token allows, whoever made it
action    VIEW       SWITCH, ATTEND  CONFIGURE   needs at least the role and the scope of its column
          REVIEW                                 needs a manager, and a token of any scope
          OVERSEE                                superusers only, with a token of any scope for all sites
          ADMINISTER                             superusers only, with a token of scope `manage` for all sites

SWITCH is the superuser's as well, unless the installation's `Switching` is OPERATORS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    MANAGER = "manager"


class Scope(StrEnum):
    READ = "read"
    OPERATE = "operate"
    MANAGE = "manage"


class Action(StrEnum):
    VIEW = "view"  # read a site and everything that hangs on it
    ATTEND = "attend"  # decide about discovered topics, name devices, have messages parsed again
    SWITCH = "switch"  # start and stop; superusers only, unless SITEWIRE_SWITCHING is "operators"
    CONFIGURE = "configure"  # the site's settings, its connection and its topic filters
    REVIEW = "review"  # read who changed what at a site
    OVERSEE = (
        "oversee"  # read what belongs to no single site: metrics, the audit trail of everything
    )
    ADMINISTER = (
        "administer"  # sites, users, memberships and everything that belongs to no single site
    )


class Switching(StrEnum):
    """Who starts and stops links, beside superusers."""

    SUPERUSERS = "superusers"
    OPERATORS = "operators"


ROLE_CHOICES = tuple((role.value, role.value.capitalize()) for role in Role)
SCOPE_CHOICES = tuple((scope.value, scope.value.capitalize()) for scope in Scope)

ROLE_NEEDED: Mapping[Action, Role] = {
    Action.VIEW: Role.VIEWER,
    Action.ATTEND: Role.OPERATOR,
    Action.SWITCH: Role.OPERATOR,
    Action.CONFIGURE: Role.MANAGER,
    Action.REVIEW: Role.MANAGER,
}
"""The least role for an action at a site. What is not in here is for superusers."""
SCOPE_NEEDED: Mapping[Action, Scope] = {
    Action.VIEW: Scope.READ,
    Action.ATTEND: Scope.OPERATE,
    Action.SWITCH: Scope.OPERATE,
    Action.CONFIGURE: Scope.MANAGE,
    Action.REVIEW: Scope.READ,
    Action.OVERSEE: Scope.READ,
    Action.ADMINISTER: Scope.MANAGE,
}
OF_NO_SITE = frozenset({Action.OVERSEE, Action.ADMINISTER})
"""A token that is limited to some sites allows none of these, also not at one of its sites."""

Sites = frozenset[int] | None
"""Ids of sites; None: all sites, also those to come."""
NOWHERE: Sites = frozenset()

_RANK = {name: rank for closed_set in (Role, Scope) for rank, name in enumerate(closed_set)}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a membership gives. `site` None: at all sites."""

    role: Role
    site: int | None = None


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """The most that a token allows of what its user may do."""

    scope: Scope
    sites: Sites = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever asks: a user, and the token that the request came with, if any."""

    is_active: bool
    is_superuser: bool = False
    grants: tuple[Grant, ...] = ()
    token: TokenLimits | None = None


NOBODY = Principal(is_active=False)


def visible_sites(principal: Principal) -> Sites:
    return sites_where(principal, Action.VIEW, Switching.SUPERUSERS)


def sites_where(principal: Principal, action: Action, switching: Switching) -> Sites:
    """The sites at which `principal` may do this. For what belongs to no site: all or none."""
    return _both(_by_user(principal, action, switching), _by_token(principal.token, action))


def is_in(site: int, sites: Sites) -> bool:
    return sites is None or site in sites


def refusal(principal: Principal, action: Action, site: int | None, switching: Switching) -> str:
    """Why not, as a sentence that names what is needed; empty when it is allowed.

    `site` None: is it allowed anywhere?
    """
    if _covers(sites_where(principal, action, switching), site):
        return ""
    return _missing_role(principal, action, site, switching) or _missing_scope(
        principal.token, action
    )


def _by_user(principal: Principal, action: Action, switching: Switching) -> Sites:
    if not principal.is_active:
        return NOWHERE
    if principal.is_superuser:
        return None
    if _is_for_superusers(action, switching):
        return NOWHERE
    enough = [grant.site for grant in principal.grants if _reaches(grant.role, ROLE_NEEDED[action])]
    if None in enough:
        return None
    return frozenset(site for site in enough if site is not None)


def _by_token(token: TokenLimits | None, action: Action) -> Sites:
    if token is None:
        return None
    if not _reaches(token.scope, SCOPE_NEEDED[action]):
        return NOWHERE
    if action in OF_NO_SITE and token.sites is not None:
        return NOWHERE
    return token.sites


def _both(some: Sites, others: Sites) -> Sites:
    if some is None:
        return others
    if others is None:
        return some
    return some & others


def _missing_role(
    principal: Principal, action: Action, site: int | None, switching: Switching
) -> str:
    if _covers(_by_user(principal, action, switching), site):
        return ""
    if not principal.is_active:
        return "This account is switched off."
    if _is_for_superusers(action, switching):
        if action is Action.SWITCH:
            return "Only a superuser may start and stop."
        return "Only a superuser may do this."
    roles = [grant.role for grant in principal.grants if site is None or grant.site in {None, site}]
    if roles:
        own = max(roles, key=_RANK.__getitem__).value
    else:
        own = "none"
    if site is None:
        place = ""
    else:
        place = " at this site"
    return f"This needs the role {ROLE_NEEDED[action].value}{place}; yours is {own}."


def _missing_scope(token: TokenLimits | None, action: Action) -> str:
    needed = SCOPE_NEEDED[action]
    if token is not None and not _reaches(token.scope, needed):
        return f'This needs a token with the scope "{needed.value}"; this one has "{token.scope.value}".'
    return "This token is limited to other sites; use one that is for all sites, or for this one."


def _is_for_superusers(action: Action, switching: Switching) -> bool:
    return action not in ROLE_NEEDED or (
        action is Action.SWITCH and switching is Switching.SUPERUSERS
    )


def _reaches(has: Role | Scope, needed: Role | Scope) -> bool:
    return _RANK[has] >= _RANK[needed]


def _covers(sites: Sites, site: int | None) -> bool:
    if site is None:
        return sites != NOWHERE
    return is_in(site, sites)
