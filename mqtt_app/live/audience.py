"""The database side of a WebSocket: who listens, and what is true for them right now. Synchronous;
run in a thread.
"""

from dataclasses import dataclass

from django.db import close_old_connections
from django.utils import timezone

from mqtt_app.live.access import Scope, viewer_behind
from mqtt_app.live.picture import Row, shown
from mqtt_app.models import MqttConnection
from mqtt_app.selectors.disclosure import sees_failures
from mqtt_app.selectors.visibility import Viewer


@dataclass(frozen=True, slots=True)
class View:
    """The sites that a user may see at this moment, and the state of their connections.

    `ends_in`: seconds until the token that the socket was opened with expires; None for never.
    Not `detailed`: errors are shown in general words.
    """

    sites: frozenset[int]
    rows: list[Row]
    ends_in: float | None = None
    detailed: bool = True
    user_id: int | None = None
    sees_all: bool = False


def look(scope: Scope) -> View | None:
    """None when whoever opened this socket may not listen (any more). A constant number of queries."""
    close_old_connections()
    viewer = viewer_behind(scope)
    if viewer is None:
        return None
    return _view(viewer)


def _view(viewer: Viewer) -> View:
    sites = frozenset(viewer.sites().order_by().values_list("id", flat=True))
    connections = viewer.narrow(MqttConnection.objects.all(), "site_id")
    found = connections.order_by("site_id").values_list(
        "site_id", "status", "is_active", "error_class", "error_message", "status_since"
    )
    detailed = sees_failures(viewer.user)
    rows = [
        {
            "site_id": site,
            "status": status,
            "is_active": active,
            "error_class": kind,
            "error_message": error,
            "at": since.isoformat(),
        }
        for site, status, active, kind, error, since in found
    ]
    ends_at = viewer.expires_at
    if ends_at is None:
        ends_in = None
    else:
        ends_in = (ends_at - timezone.now()).total_seconds()
    shown_rows = [shown(row, detailed=detailed) for row in rows]
    sees_all = viewer.site_ids is None
    return View(sites, shown_rows, ends_in, detailed, _reads_own(viewer), sees_all)


def _reads_own(viewer: Viewer) -> int | None:
    """Whose operations about many sites are sent; None with a token that is for some sites only."""
    token = viewer.principal.token
    if token is not None and token.sites is not None:
        return None
    user_id: int | None = viewer.user.pk
    return user_id
