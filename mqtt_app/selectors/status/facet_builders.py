"""From rows and reports to facets."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from mqtt_app.coordination.evidence import LinkEvidence
from mqtt_app.domain.accounting import TERMS
from mqtt_app.domain.delivery import broker_queue, stalls
from mqtt_app.domain.link.ack_mode import CAN_LOSE, AckMode
from mqtt_app.domain.link.grants import REFUSED
from mqtt_app.domain.link.trouble.memory import memory_from
from mqtt_app.domain.status.headline import Facts, effective_status
from mqtt_app.domain.status.refusals import REMEDIES
from mqtt_app.models import MqttConnection, MqttTopic, ParserHealth, Site, SiteBooks
from mqtt_app.selectors.status import broker_facets
from mqtt_app.selectors.status.evidence import Live
from mqtt_app.selectors.status.facets import (
    Acknowledged,
    BrokerQueue,
    DesiredFacet,
    FilterState,
    FlowFacet,
    LastError,
    LinkFacet,
    MessageAccounting,
    OwnerFacet,
    PausedParser,
    SubscriptionsFacet,
)


def desired(site: Site, row: MqttConnection, facts: Facts) -> DesiredFacet:
    if not facts.configured:
        said = "no connection is configured"
    elif not site.is_active:
        said = "the site is switched off, whatever its connection says"
    else:
        said = "an operator stopped it, or never started it"
        if row.is_active:
            said = "an operator started it"
    return DesiredFacet(
        wanted=facts.wanted,
        is_active=row.is_active,
        site_is_active=site.is_active,
        since=row.updated_at,
        evidence=said,
    )


def owner(row: MqttConnection, seen: Live) -> OwnerFacet:
    age = seen.lease_age(row.owner)
    if not row.owner:
        said = "nobody owns it"
        if row.assigned_instance:
            said = f"assigned to {row.assigned_instance}, not taken yet"
    elif seen.blind:
        said = f"not known: {seen.blind}"
    else:
        said = "no lease: that worker is gone" if age is None else f"lease renewed {age:.1f} s ago"
    return OwnerFacet(
        instance=row.owner,
        generation=row.generation,
        alive=(age is not None) if row.owner and not seen.blind else None,
        lease_age=age,
        assigned_instance=row.assigned_instance,
        since=row.owned_since,
        evidence=said,
    )


def link(row: MqttConnection, facts: Facts, evidence: LinkEvidence | None, seen: Live) -> LinkFacet:
    current = None
    if facts.current_link:
        current = evidence
    facet = LinkFacet(
        status=effective_status(facts),
        stored_status=row.status,
        tls_verified=row.tls_verify if row.use_tls else None,
        retry_count=row.retry_count,
        last_error=_last_error(row),
        allows=broker_facets.allows(row),
        capabilities=row.capabilities,
        flapping=facts.flapping,
        since=row.status_since,
        evidence=_said(current, seen),
    )
    if current is None:
        return facet
    facet = replace(facet, allowed_by=current.opened_by)
    if current.last_packet_at:
        facet = replace(facet, last_packet_age=_age(current.last_packet_at, seen))
    if current.connected_since is None:
        return facet
    connected = moment(current.connected_since)
    return replace(facet, connected_since=connected, since=connected, mqtt_version=current.protocol)


def _last_error(row: MqttConnection) -> LastError | None:
    if not (row.error_class or row.error_message):
        return None
    return LastError(
        error_class=row.error_class,
        message=row.error_message,
        at=row.error_at,
        remedy=REMEDIES.get(row.error_class, ""),
    )


def subscriptions(
    row: MqttConnection, topics: Iterable[MqttTopic], evidence: LinkEvidence | None
) -> SubscriptionsFacet:
    trials = memory_from(row.link_memory).trials
    if evidence:
        matched = evidence.matched
    else:
        matched = {}
    filters = tuple(
        FilterState(
            filter=topic.filter,
            requested=topic.qos,
            granted=topic.granted_qos,
            refusal=topic.refusal,
            state=broker_facets.filter_state(topic, trials),
            tried_again_at=broker_facets.tried_again_at(topic, trials),
            ever_matched=topic.filter in matched or topic.matched_at is not None,
            last_match=_maybe_time(matched.get(topic.filter)) or topic.matched_at,
            since=topic.granted_at,
        )
        for topic in topics
    )
    granted = sum(state.granted is not None and state.granted < REFUSED for state in filters)
    answered = [state.since for state in filters if state.since]
    return SubscriptionsFacet(
        filters=filters,
        since=max(answered, default=None),
        evidence=f"the broker granted {granted} of {len(filters)} active filters",
    )


def flow(
    row: MqttConnection,
    books: SiteBooks | None,
    parsers: Iterable[ParserHealth],
    evidence: LinkEvidence | None,
    seen: Live,
) -> FlowFacet:
    """`parsers` are those that are paused."""
    facet = FlowFacet(
        paused_parsers=tuple(
            PausedParser(name=parser.parser_name, since=parser.paused_since, reason=parser.reason)
            for parser in parsers
            if parser.paused_since is not None
        ),
        acknowledged=Acknowledged(mode=row.ack_mode, can_lose=CAN_LOSE[AckMode(row.ack_mode)]),
        broker_queue=_broker_queue(row.broker_queue_limit, None),
        books=_accounting(books),
        evidence=_said(evidence, seen),
    )
    last = None
    if books:
        last = books.last_message_at
    if evidence:
        facet = _as_reported(facet, row, evidence, seen)
        last = max(filter(None, (last, _maybe_time(evidence.last_message_at))), default=None)
    if last is None:
        return facet
    return replace(facet, last_message_at=last, last_message_age=_age(last.timestamp(), seen))


def _as_reported(
    facet: FlowFacet, row: MqttConnection, evidence: LinkEvidence, seen: Live
) -> FlowFacet:
    """With what only the owner of the link knows."""
    facet = replace(
        facet,
        rate=evidence.rate,
        messages=evidence.messages,
        unacked=evidence.unacked,
        paused=evidence.paused,
        broker_queue=_broker_queue(row.broker_queue_limit, evidence.rate),
        since=_maybe_time(evidence.connected_since),
    )
    stalled = _maybe_time(evidence.not_stored_since)
    if stalled is None:
        return facet
    return replace(
        facet,
        not_stored_since=stalled,
        not_stored_age=_age(stalled.timestamp(), seen),
        waits_for=stalls.sentence(evidence.waits_for),
        remedy=stalls.remedy(evidence.waits_for),
    )


def _broker_queue(limit: int | None, rate: float | None) -> BrokerQueue:
    lasts = broker_queue.lasts(limit, rate)
    return BrokerQueue(limit=limit, lasts=lasts, evidence=broker_queue.said(limit, rate))


def _accounting(row: SiteBooks | None) -> MessageAccounting:
    if row is None:
        return MessageAccounting()
    return MessageAccounting(
        received=row.received,
        terms={term: getattr(row, term) for term in TERMS},
        dropped=row.dropped,
        readings=row.readings,
    )


def _said(evidence: LinkEvidence | None, seen: Live) -> str:
    if seen.blind:
        return f"not known: {seen.blind}"
    if evidence:
        return f"reported by its owner {_age(evidence.at, seen):.1f} s ago"
    return "no report of an owner"


def _age(at: float | None, seen: Live) -> float:
    return round(max(0.0, seen.at - (at or seen.at)), 3)


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _maybe_time(at: float | None) -> datetime | None:
    if at is None:
        return None
    return moment(at)
