"""The database side of a WebSocket: who listens, and what is true for them right now. Synchronous; run in a thread."""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser
from django.db import close_old_connections

from mqtt_app.live.access import Scope, user_of
from mqtt_app.live.picture import Row, shown
from mqtt_app.models import MqttConnection
from mqtt_app.selectors.disclosure import sees_failures
from mqtt_app.selectors.visibility import sites_visible_to


@dataclass(frozen=True, slots=True)
class View:
    """The sites that a user may see at this moment, and the state of their connections. Not `detailed`: errors are told
    in general words.
    """

    sites: frozenset[int]
    rows: list[Row]
    detailed: bool = True


def look(scope: Scope) -> View | None:
    """None when whoever opened this socket may not listen (any more). A constant number of queries."""
    close_old_connections()
    user = user_of(scope)
    return None if user is None else _view(user)


def _view(user: AbstractUser) -> View:
    sites = frozenset(sites_visible_to(user).order_by().values_list("id", flat=True))
    connections = MqttConnection.objects.filter(site__in=sites_visible_to(user).order_by().values("id"))
    found = connections.order_by("site_id").values_list(
        "site_id", "status", "is_active", "error_class", "error_message", "status_since"
    )
    detailed = sees_failures(user)
    rows = [
        {"site_id": site, "status": status, "is_active": active, "error_class": kind, "error_message": error,
         "at": since.isoformat()}
        for site, status, active, kind, error, since in found
    ]  # fmt: skip
    return View(sites, [shown(row, detailed=detailed) for row in rows], detailed)
