"""The table of sites: what the selectors know, arranged for one page."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from math import inf

from django.core.paginator import Page, Paginator

from mqtt_app.dashboard.badges import Badge, group, headline_badge
from mqtt_app.dashboard.causes import SharedCause, causes, failure_of
from mqtt_app.domain.access import Action
from mqtt_app.domain.health.findings import Finding, Severity
from mqtt_app.domain.health.judgement import judge
from mqtt_app.selectors import pages
from mqtt_app.selectors.disclosure import sees_failures
from mqtt_app.selectors.health.observe import observe
from mqtt_app.selectors.pages import BrokerAddress
from mqtt_app.selectors.status.facets import SiteStatus
from mqtt_app.selectors.status.sites import statuses
from mqtt_app.selectors.status.system import pulse
from mqtt_app.selectors.visibility import Viewer

STATES = ("running", "starting", "degraded", "stopped")
PROBLEMS = "problems"
SORTS = ((PROBLEMS, "Problems first"), ("name", "By name"), ("silent", "Longest silent first"))
# what an operator has to look at, before what is as it was asked for
URGENCY = {"refused": 0, "degraded": 1, "starting": 2, "running": 3, "stopped": 4}


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """A line of the table; `wanted` decides between the stop and the start button, if the viewer
    may switch.
    """

    site_id: int
    name: str
    badge: Badge
    reason: str
    status: str
    connected_since: datetime | None
    address: BrokerAddress | None
    owner: str
    wanted: bool
    may_switch: bool
    rate: float | None
    last_message_at: datetime | None
    readings: int
    waiting: int
    allow_listed: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """`counts` are of all visible sites, `page` and its `rows` only of those that match `text` and
    `state`.

    `causes`: why several sites are down. `paused_parsers` are names with the number of visible
    sites where each is paused. `alarms` are for whoever may mend them. `may_switch`: at one site of
    this page at least.
    """

    page: Page[SiteStatus]
    rows: list[OverviewRow]
    counts: dict[str, int]
    waiting: int
    total: int
    live_evidence: bool
    causes: list[SharedCause]
    paused_parsers: list[tuple[str, int]]
    alarms: list[Finding]
    may_switch: bool
    may_administer: bool
    text: str
    state: str
    sort: str
    sorts: tuple[tuple[str, str], ...] = SORTS


def overview(viewer: Viewer, *, text: str, state: str, number: str, sort: str = "") -> Overview:
    visible = viewer.sites()
    detailed = sees_failures(viewer.user)
    known = statuses(list(visible.order_by("name")), detailed=detailed)
    waiting = pages.waiting_counts(visible)
    if text:
        named = pages.named_like(visible, text, detailed=detailed)
        matching = set(named.values_list("id", flat=True))
    else:
        matching = None
    shown = [
        status
        for status in known
        if (matching is None or status.site_id in matching) and _in_state(status, state, waiting)
    ]
    page = Paginator(_sorted(shown, sort), pages.ROWS).get_page(number)
    addresses = pages.addresses(status.site_id for status in page)
    rows = [row(status, addresses.get(status.site_id), waiting, viewer) for status in page]
    return Overview(
        page=page,
        rows=rows,
        counts={name: Counter(map(group, known))[name] for name in STATES},
        waiting=sum(waiting.values()),
        total=len(known),
        live_evidence=all(status.live_evidence for status in known),
        causes=_causes(known),
        paused_parsers=sorted(
            Counter(
                parser.name for status in known for parser in status.flow.paused_parsers
            ).items()
        ),
        alarms=_alarms() if viewer.may(Action.OVERSEE) else [],
        may_switch=any(shown_row.may_switch for shown_row in rows),
        may_administer=viewer.may(Action.ADMINISTER),
        text=text,
        state=state,
        sort=sort if sort in dict(SORTS) else PROBLEMS,
    )


def _sorted(found: list[SiteStatus], sort: str) -> list[SiteStatus]:
    """`found` is by name, and stays so among equals."""
    if sort == "name":
        return found
    if sort == "silent":
        return sorted(found, key=_silence, reverse=True)
    return sorted(found, key=_urgency)


def _urgency(status: SiteStatus) -> int:
    return URGENCY[status.kind]


def _silence(status: SiteStatus) -> float:
    """Seconds; who was never heard is silent for longest."""
    age = status.flow.last_message_age
    if age is None:
        return inf
    return age


def _causes(known: list[SiteStatus]) -> list[SharedCause]:
    failing = [status.site_id for status in known if failure_of(status) is not None]
    if not failing:
        return []
    return causes(known, pages.addresses(failing))


def _alarms() -> list[Finding]:
    """What is wrong with the installation right now; `manage.py doctor` looks at more."""
    findings = judge(observe(pulse()))
    return [finding for finding in findings if finding.severity is not Severity.OK]


def _in_state(status: SiteStatus, state: str, waiting: dict[int, int]) -> bool:
    if state == "waiting":
        return status.site_id in waiting
    return state not in STATES or group(status) == state


def row(
    status: SiteStatus, address: BrokerAddress | None, waiting: dict[int, int], viewer: Viewer
) -> OverviewRow:
    return OverviewRow(
        site_id=status.site_id,
        name=status.site_name,
        badge=headline_badge(status),
        reason="" if status.reason == "connecting" else status.reason,
        status=status.status or "",
        connected_since=status.link.connected_since,
        address=address,
        owner=status.owner.instance,
        wanted=status.desired.is_active,
        may_switch=address is not None and viewer.may(Action.SWITCH, status.site_id),
        rate=status.flow.rate if status.status == "connected" else None,
        last_message_at=status.flow.last_message_at,
        readings=status.flow.books.readings,
        waiting=waiting.get(status.site_id, 0),
        allow_listed=bool(status.link.allowed_by),
    )
