"""The database side of a WebSocket: who listens, and what is true for them right now. Synchronous; run in a thread."""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser
from django.db import close_old_connections

from mqtt_app.live.access import Scope, user_of
from mqtt_app.live.picture import Row
from mqtt_app.models import MqttConnection
from mqtt_app.selectors.visibility import sites_visible_to


@dataclass(frozen=True, slots=True)
class View:
    """The sites that a user may see at this moment, and the state of their connections."""

    sites: frozenset[int]
    rows: list[Row]


def look(scope: Scope) -> View | None:
    """None when whoever opened this socket may not listen (any more). A constant number of queries."""
    close_old_connections()
    user = user_of(scope)
    return None if user is None else _view(user)


def _view(user: AbstractUser) -> View:
    sites = frozenset(sites_visible_to(user).order_by().values_list("id", flat=True))
    connections = MqttConnection.objects.filter(site__in=sites_visible_to(user).order_by().values("id"))
    found = connections.order_by("site_id").values_list(
        "site_id", "status", "is_active", "error_message", "status_since"
    )
    rows = [
        {"site_id": site, "status": status, "is_active": active, "error_message": error, "at": since.isoformat()}
        for site, status, active, error, since in found
    ]
    return View(sites, rows)
