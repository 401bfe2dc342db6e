"""One site's page: its evidence, topics, devices and last log rows."""

from dataclasses import dataclass

from django.core.paginator import Page
from django.utils import timezone

from mqtt_app.dashboard.badges import Badge, headline_badge
from mqtt_app.dashboard.facets import Card, accounting_terms, cards
from mqtt_app.dashboard.problems import ProblemGroup, grouped
from mqtt_app.domain.access import Action
from mqtt_app.domain.audit import in_words
from mqtt_app.domain.problems import ProblemState
from mqtt_app.models import (
    AuditEntry,
    Device,
    DiscoveredTopic,
    MqttConnectionLog,
    MqttParsingLog,
    Site,
    TopicRule,
)
from mqtt_app.selectors import pages
from mqtt_app.selectors.audit import entries
from mqtt_app.selectors.disclosure import sees_failures
from mqtt_app.selectors.fingerprint import Fingerprint, fingerprint_of
from mqtt_app.selectors.pages import BrokerAddress
from mqtt_app.selectors.problems import conceal, problems
from mqtt_app.selectors.status.facets import SiteStatus
from mqtt_app.selectors.status.sites import site_status
from mqtt_app.selectors.visibility import Viewer


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the viewer may do at this site: which buttons and links there are."""

    attend: bool
    switch: bool
    configure: bool


AUDIT_ROWS = 10
PROBLEM_ROWS = 10


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry of the audit trail, `lines` for people."""

    entry: AuditEntry
    lines: list[str]


@dataclass(frozen=True, slots=True)
class SiteView:
    """Everything the page shows; `terms` are the right side of the books' equation.

    `changes` is None for those who may not read the site's audit trail.
    """

    site: Site
    status: SiteStatus
    badge: Badge
    address: BrokerAddress | None
    cards: list[Card]
    terms: list[tuple[str, int]]
    waiting: list[DiscoveredTopic]
    waiting_total: int
    fingerprint: Fingerprint
    rules: list[TopicRule]
    topics: Page[DiscoveredTopic]
    devices: Page[Device]
    connection_logs: list[MqttConnectionLog]
    parsing_logs: list[MqttParsingLog]
    changes: list[AuditRow] | None
    problems: list[ProblemGroup]
    text: str
    may: Allowed


def site_view(
    site: Site, viewer: Viewer, *, text: str, topic_page: str, device_page: str
) -> SiteView:
    detailed = sees_failures(viewer.user)
    status = site_status(site, detailed=detailed)
    waiting = pages.waiting_counts(Site.objects.filter(pk=site.pk))
    return SiteView(
        site=site,
        status=status,
        badge=headline_badge(status),
        address=pages.addresses([site.pk]).get(site.pk),
        cards=cards(status),
        terms=accounting_terms(status.flow.books),
        waiting=pages.waiting_topics(site),
        waiting_total=waiting.get(site.pk, 0),
        fingerprint=fingerprint_of(site),
        rules=pages.rules(site),
        topics=pages.topics(site, text, topic_page),
        devices=pages.devices(site, device_page),
        connection_logs=pages.connection_logs(site, detailed=detailed),
        parsing_logs=pages.parsing_logs(site),
        changes=_changes(site, viewer),
        problems=_problems(site, viewer),
        text=text,
        may=Allowed(
            attend=viewer.may(Action.ATTEND, site.pk),
            switch=viewer.may(Action.SWITCH, site.pk),
            configure=viewer.may(Action.CONFIGURE, site.pk),
        ),
    )


def _problems(site: Site, viewer: Viewer) -> list[ProblemGroup]:
    """The newest that are open."""
    now = timezone.now()
    found = problems(viewer, now, site=site.pk, state=ProblemState.OPEN.value)
    return grouped(conceal(found[:PROBLEM_ROWS], viewer), viewer, now)


def _changes(site: Site, viewer: Viewer) -> list[AuditRow] | None:
    if not viewer.may(Action.REVIEW, site.pk):
        return None
    newest = entries(viewer, site=site.pk)[:AUDIT_ROWS]
    return [
        AuditRow(entry, [in_words(name, change) for name, change in entry.changes.items()])
        for entry in newest
    ]
