"""Reads of the audit trail. Superusers see all of it, managers that of their sites, nobody else any."""

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection
from django.db.models import Q, QuerySet

from mqtt_app.domain.access import Role
from mqtt_app.models import AuditEntry, Membership, Site
from mqtt_app.selectors.visibility import sites_visible_to

User = AbstractBaseUser | AnonymousUser

_ACTIONS = """
WITH RECURSIVE found AS (
    SELECT min(action) AS action FROM mqtt_auditentry
    UNION ALL
    SELECT (SELECT min(e.action) FROM mqtt_auditentry e WHERE e.action > found.action) FROM found
    WHERE found.action IS NOT NULL
)
SELECT action FROM found WHERE action IS NOT NULL
"""


def sites_audited_by(user: User) -> QuerySet[Site]:
    """The sites whose entries this user may read."""
    seen = sites_visible_to(user)
    if getattr(user, "is_superuser", False):
        return seen
    managed = Membership.objects.filter(user=user.pk, role=Role.MANAGER.value)
    if managed.filter(site=None).exists():
        return seen
    return seen.filter(pk__in=managed.values("site"))


def entries_visible_to(user: User) -> QuerySet[AuditEntry]:
    if getattr(user, "is_superuser", False) and getattr(user, "is_active", False):
        return AuditEntry.objects.all()
    return AuditEntry.objects.filter(site_id__in=sites_audited_by(user).order_by().values("pk"))


def entries(
    user: User,
    *,
    site: int | None = None,
    user_name: str = "",
    action: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> QuerySet[AuditEntry]:
    """Newest first."""
    exact = {"site_id": site, "user_name": user_name, "action": action}
    since = Q() if start is None else Q(at__gte=start)
    until = Q() if end is None else Q(at__lte=end)
    return entries_visible_to(user).filter(since, until, **{name: value for name, value in exact.items() if value})


def actions() -> list[str]:
    """Every action that occurs, read by steps along its index: their number is small, that of the entries is not."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIONS)
        return [action for (action,) in cursor.fetchall()]
