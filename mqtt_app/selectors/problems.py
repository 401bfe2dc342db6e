"""Problems of the sites that somebody sees."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from mqtt_app.domain.link.disclosure import error_in_general
from mqtt_app.domain.problems import ProblemKind, ProblemState
from mqtt_app.models import Problem
from mqtt_app.selectors.disclosure import sees_failures
from mqtt_app.selectors.visibility import Viewer


def problems(
    viewer: Viewer,
    now: datetime,
    *,
    site: int | None = None,
    kind: str = "",
    state: str = "",
    search: str = "",
) -> QuerySet[Problem]:
    """Newest first. `state` open has those whose time of being ignored is over."""
    found = viewer.narrow(Problem.objects.select_related("site"), "site_id")
    if site is not None:
        found = found.filter(site=site)
    if kind:
        found = found.filter(kind=kind)
    if state:
        found = found.filter(_in_state(state, now))
    if search:
        found = found.filter(_saying(search, viewer))
    return found.order_by("-last_at", "-id")


def conceal(found: Iterable[Problem], viewer: Viewer) -> list[Problem]:
    """Failures of links in general words, for those who are not told more; not to be saved."""
    rows = list(found)
    if not sees_failures(viewer.user):
        for row in rows:
            if row.kind == ProblemKind.LINK:
                row.title = error_in_general(row.error_type, row.title)
    return rows


def _in_state(state: str, now: datetime) -> Q:
    over = Q(state=ProblemState.IGNORED, ignored_until__lte=now)
    if state == ProblemState.OPEN:
        return Q(state=ProblemState.OPEN) | over
    return Q(state=state) & ~over


def _saying(text: str, viewer: Viewer) -> Q:
    """The words of a failure are searched only by those who are shown them."""
    said = Q(title__icontains=text)
    if not sees_failures(viewer.user):
        said &= ~Q(kind=ProblemKind.LINK)
    return said | Q(site__name__icontains=text) | Q(detail__icontains=text)
