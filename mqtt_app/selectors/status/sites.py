"""The evidence about links: rows of PostgreSQL and what the owners report through Redis, put side
by side.

Five queries and two Redis round trips, however many sites are asked for.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mqtt_app.coordination.evidence import LinkEvidence
from mqtt_app.domain.status.headline import Facts, LinkFacts, effective_status, headline, silence_of
from mqtt_app.models import MqttConnection, MqttTopic, ParserHealth, Site, SiteBooks
from mqtt_app.selectors.connections import without_secrets
from mqtt_app.selectors.disclosure import conceal
from mqtt_app.selectors.status import broker_facets, facet_builders
from mqtt_app.selectors.status.evidence import Live, live
from mqtt_app.selectors.status.facets import SiteStatus
from mqtt_app.selectors.status.rhythms import usual_gaps


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a site's messages, and how long it is usually silent (s). `parsers` are those
    that are paused.
    """

    books: SiteBooks | None = None
    usual_gap: float | None = None
    parsers: Sequence[ParserHealth] = ()


NOTHING_STORED = Stored()


def site_status(site: Site, *, detailed: bool = True) -> SiteStatus:
    return statuses([site], detailed=detailed)[0]


def statuses(sites: Sequence[Site], *, detailed: bool = True) -> list[SiteStatus]:
    """In the order of `sites`. Not `detailed`: failures in general words, see
    `selectors.disclosure`.
    """
    ids = [site.pk for site in sites]
    connections = {row.site_id: row for row in without_secrets().filter(site__in=ids)}
    if not detailed:
        for row in connections.values():
            conceal(row)
    topics = _active_topics(connections.values())
    books = {row.site_id: row for row in SiteBooks.objects.filter(site__in=ids)}
    parsers = _paused_parsers(ids)
    seen = live((row.owner, row.pk) for row in connections.values())
    usual = usual_gaps(ids, seen.at)
    return [
        _status(
            site,
            row,
            topics[row.pk] if row else [],
            Stored(books.get(site.pk), usual.get(site.pk), parsers[site.pk]),
            seen,
        )
        for site, row in ((site, connections.get(site.pk)) for site in sites)
    ]


def effective_statuses(connections: Sequence[MqttConnection]) -> dict[int, str]:
    """Connection id -> the status to show: the stored one, unless its writer is gone."""
    seen = live((row.owner, row.pk) for row in connections)
    return {row.pk: effective_status(_facts(row.site, row, [], seen)) for row in connections}


def _active_topics(connections: Iterable[MqttConnection]) -> Mapping[int, list[MqttTopic]]:
    found: dict[int, list[MqttTopic]] = defaultdict(list)
    for topic in MqttTopic.objects.filter(
        connection__in=[row.pk for row in connections], is_active=True
    ):
        found[topic.connection_id].append(topic)
    return found


def _paused_parsers(site_ids: Sequence[int]) -> Mapping[int, list[ParserHealth]]:
    found: dict[int, list[ParserHealth]] = defaultdict(list)
    for parser in ParserHealth.objects.filter(ParserHealth.PAUSED, site__in=site_ids).order_by(
        "parser_name"
    ):
        found[parser.site_id].append(parser)
    return found


def _status(
    site: Site, row: MqttConnection | None, topics: list[MqttTopic], stored: Stored, seen: Live
) -> SiteStatus:
    if row is None:
        facts = Facts(configured=False, site_active=site.is_active)
    else:
        facts = _facts(site, row, topics, seen, stored)
    judged = headline(facts, seen.at)
    row = row or MqttConnection(site=site, status_since=site.created_at, updated_at=site.created_at)
    evidence = seen.links.get(row.pk)
    return SiteStatus(
        site_id=site.pk,
        site_name=site.name,
        headline=str(judged),
        kind=judged.kind,
        reason=judged.reason,
        status=effective_status(facts) if facts.configured else None,
        live_evidence=not seen.blind,
        at=facet_builders.moment(seen.at),
        desired=facet_builders.desired(site, row, facts),
        owner=facet_builders.owner(row, seen),
        link=facet_builders.link(row, facts, evidence, seen),
        subscriptions=facet_builders.subscriptions(row, topics, evidence),
        flow=replace(
            facet_builders.flow(row, stored.books, stored.parsers, evidence, seen),
            usual_gap=stored.usual_gap,
            silence=silence_of(facts, seen.at),
        ),
    )


def _facts(
    site: Site,
    row: MqttConnection,
    topics: Iterable[MqttTopic],
    seen: Live,
    stored: Stored = NOTHING_STORED,
) -> Facts:
    evidence = seen.links.get(row.pk)
    topics = list(topics)
    return Facts(
        site_active=site.is_active,
        active=row.is_active,
        wanted_since=row.updated_at.timestamp(),
        status=row.status,
        status_since=row.status_since.timestamp(),
        error_class=row.error_class,
        error_message=row.error_message,
        retry_count=row.retry_count,
        owner=row.owner,
        owned_since=row.owned_since.timestamp() if row.owned_since else None,
        generation=row.generation,
        config_version=row.config_version,
        keepalive=float(row.keepalive),
        granted=tuple(topic.granted_qos for topic in topics),
        refusals=tuple(topic.refusal for topic in topics if topic.refusal),
        left_out=broker_facets.left_out(row, [topic.filter for topic in topics]),
        flapping=broker_facets.flapping(row, seen.at),
        paused_parsers=tuple(parser.parser_name for parser in stored.parsers),
        last_message=_last_message(stored.books, evidence),
        usual_gap=stored.usual_gap,
        nothing_stored=seen.nothing_stored,
        blind=seen.blind,
        workers=seen.workers,
        lease_age=seen.lease_age(row.owner),
        link=_link_facts(evidence) if evidence else None,
    )


def _last_message(books: SiteBooks | None, evidence: LinkEvidence | None) -> float | None:
    times = []
    if books is not None and books.last_message_at is not None:
        times.append(books.last_message_at.timestamp())
    if evidence is not None and evidence.last_message_at:
        times.append(evidence.last_message_at)
    return max(times, default=None)


def _link_facts(evidence: LinkEvidence) -> LinkFacts:
    return LinkFacts(
        generation=evidence.generation,
        at=evidence.at,
        connected_since=evidence.connected_since,
        last_packet_at=evidence.last_packet_at,
        paused=evidence.paused,
        config_version=evidence.config_version,
        not_stored_since=evidence.not_stored_since,
        waits_for=evidence.waits_for,
        stage=evidence.stage,
        stage_since=evidence.stage_since,
    )
