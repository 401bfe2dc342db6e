"""Reads of the audit trail. Superusers see all of it, managers that of their sites, nobody else
any.
"""

from datetime import datetime

from django.db import connection
from django.db.models import Q, QuerySet

from mqtt_app.domain.access import Action
from mqtt_app.models import AuditEntry
from mqtt_app.selectors.visibility import Viewer

_ACTIONS = """
WITH RECURSIVE found AS (
    SELECT min(action) AS action FROM mqtt_auditentry
    UNION ALL
    SELECT (SELECT min(e.action) FROM mqtt_auditentry e WHERE e.action > found.action) FROM found
    WHERE found.action IS NOT NULL
)
SELECT action FROM found WHERE action IS NOT NULL
"""


def entries_visible_to(viewer: Viewer) -> QuerySet[AuditEntry]:
    if viewer.may(Action.OVERSEE):
        return AuditEntry.objects.all()
    of_sites = AuditEntry.objects.filter(
        site_id__isnull=False
    )  # log-ins are not a manager's business
    return viewer.permitted(of_sites, "site_id", Action.REVIEW)


def entries(
    viewer: Viewer,
    *,
    site: int | None = None,
    user_name: str = "",
    action: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> QuerySet[AuditEntry]:
    """Newest first."""
    exact = {"site_id": site, "user_name": user_name, "action": action}
    if start is None:
        since = Q()
    else:
        since = Q(at__gte=start)
    if end is None:
        until = Q()
    else:
        until = Q(at__lte=end)
    return entries_visible_to(viewer).filter(
        since, until, **{name: value for name, value in exact.items() if value}
    )


def actions() -> list[str]:
    """Every action that occurs, read by steps along its index: their number is small, that of the
    entries is not.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ACTIONS)
        return [action for (action,) in cursor.fetchall()]
