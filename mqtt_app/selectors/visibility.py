"""Who sees which site, and who may do what there. Everything that hangs on a site is reached
through a Viewer.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from mqtt_app.conf import config
from mqtt_app.domain import access
from mqtt_app.domain.access import NOBODY, Action, Grant, Principal, Role, Scope, Sites, TokenLimits
from mqtt_app.models import ApiToken, Membership, Site

User = AbstractBaseUser | AnonymousUser
Row = TypeVar("Row", bound=Model)
_CACHE = "_sitewire_viewer"


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user and what they may see and do, as of the moment it was made. Asking it reads nothing
    more.

    `expires_at`: when the token that it was made from ends; None for never, and for sessions.
    """

    user: User
    principal: Principal
    expires_at: datetime | None = None

    @property
    def site_ids(self) -> Sites:
        return access.visible_sites(self.principal)

    def sees(self, site_id: int) -> bool:
        """Says nothing about whether there is such a site."""
        return access.is_in(site_id, self.site_ids)

    def sites(self) -> QuerySet[Site]:
        return self.narrow(Site.objects.all(), "pk")

    def narrow(self, rows: QuerySet[Row], path: str) -> QuerySet[Row]:
        """The rows of visible sites; `path` leads from a row to the id of its site."""
        return _at(rows, path, self.site_ids)

    def permitted(self, rows: QuerySet[Row], path: str, action: Action) -> QuerySet[Row]:
        """The rows of the sites at which this action is allowed."""
        return _at(rows, path, self._where(action))

    def may(self, action: Action, site_id: int | None = None) -> bool:
        """At this site; without one, anywhere at all."""
        return not self.refusal(action, site_id)

    def refusal(self, action: Action, site_id: int | None = None) -> str:
        """The sentence for a 403, which names what is needed; empty when it is allowed."""
        return access.refusal(self.principal, action, site_id, config().switching)

    def _where(self, action: Action) -> Sites:
        return access.sites_where(self.principal, action, config().switching)


def viewer_for(user: User, token: ApiToken | None = None) -> Viewer:
    """Reads the memberships of whoever needs some: one query, none for superusers."""
    if token is None:
        expires_at = None
    else:
        expires_at = token.expiry
    return Viewer(user, _principal(user, token), expires_at)


def viewer_of(request: HttpRequest | Any) -> Viewer:
    """The viewer behind a request of Django or of REST framework, made once.

    REST framework's request hands unknown names on to Django's, whose user is the session's: each
    keeps its own viewer, or a token would be judged by a session that came along with it.
    """
    kept = vars(request)
    if _CACHE not in kept:
        token = getattr(request, "auth", None)
        kept[_CACHE] = viewer_for(request.user, token if isinstance(token, ApiToken) else None)
    viewer: Viewer = kept[_CACHE]
    return viewer


def _principal(user: User, token: ApiToken | None) -> Principal:
    if not user.is_authenticated or not user.is_active:
        return NOBODY
    is_superuser = bool(getattr(user, "is_superuser", False))
    return Principal(
        is_active=True,
        is_superuser=is_superuser,
        grants=() if is_superuser else _grants(user),
        token=None if token is None else _limits(token),
    )


def _grants(user: AbstractBaseUser) -> tuple[Grant, ...]:
    rows = Membership.objects.filter(user_id=user.pk).values_list("role", "site_id")
    return tuple(Grant(Role(role), site_id) for role, site_id in rows)


def _limits(token: ApiToken) -> TokenLimits:
    return TokenLimits(
        Scope(token.scope), None if token.site_ids is None else frozenset(token.site_ids)
    )


def _at(rows: QuerySet[Row], path: str, sites: Sites) -> QuerySet[Row]:
    if sites is None:
        return rows
    return rows.filter(**{f"{path}__in": sorted(sites)})
