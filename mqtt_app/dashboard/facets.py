"""The five facets of a site as cards: a verdict, since when, on what evidence, and what to do."""

from dataclasses import dataclass
from datetime import datetime

from mqtt_app.dashboard import words
from mqtt_app.dashboard.badges import BAD, LINKS, OFF, OK, WAIT, WARN, Badge
from mqtt_app.domain.accounting import Term
from mqtt_app.domain.link.grants import REFUSED
from mqtt_app.domain.status.spans import span
from mqtt_app.selectors.status.facets import (
    DesiredFacet,
    FlowFacet,
    LinkFacet,
    MessageAccounting,
    OwnerFacet,
    SiteStatus,
    SubscriptionsFacet,
)

PARSER_REMEDY = (
    "Correct the parser and restart the task workers. Nothing is lost: what waits is then stored by itself."
    " What nobody can parse may be replayed once more, and so come to an end, in the admin under dead letters."
)


_ON_OFF = {True: "on", False: "off"}


@dataclass(frozen=True, slots=True)
class Card:
    """`facts` are lines of label and text; a datetime is shown as a ticking age. `note` explains
    one of them.
    """

    title: str
    badge: Badge
    since: datetime | None
    evidence: str
    facts: tuple[tuple[str, str | datetime], ...] = ()
    remedy: str = ""
    note: str = ""


def cards(status: SiteStatus) -> list[Card]:
    wanted = status.desired.wanted
    return [
        _desired(status.desired),
        _owner(status.owner, wanted),
        _link(status.link, wanted, configured=status.status is not None),
        _subscriptions(status.subscriptions, linked=status.link.status == "connected"),
        _flow(status.flow, linked=status.link.status == "connected"),
    ]


def _desired(facet: DesiredFacet) -> Card:
    if facet.wanted:
        badge = Badge(OK, "Should run")
    else:
        badge = Badge(OFF, "Should be stopped")
    facts = (
        ("Connection", _ON_OFF[facet.is_active]),
        ("Site", _ON_OFF[facet.site_is_active]),
    )
    return Card("Desired", badge, facet.since, facet.evidence, facts)


def _owner(facet: OwnerFacet, wanted: bool) -> Card:
    if not facet.instance:
        if wanted:
            badge = Badge(WAIT, "Waiting for a worker")
        else:
            badge = Badge(OFF, "No owner needed")
    elif facet.alive is None:
        badge = Badge(WARN, f"{facet.instance} (not verified)")
    elif facet.alive:
        badge = Badge(OK, facet.instance)
    else:
        badge = Badge(BAD, f"{facet.instance} is gone")
    if facet.lease_age is None:
        lease = "none"
    else:
        lease = span(facet.lease_age)
    facts = (("Generation", str(facet.generation)), ("Lease age", lease))
    return Card("Owner", badge, facet.since, facet.evidence, facts)


def _link(facet: LinkFacet, wanted: bool, configured: bool) -> Card:
    if configured:
        badge = LINKS[facet.status]
    else:
        badge = Badge(OFF, "Not configured")
    texts = (
        ("MQTT version", facet.mqtt_version),
        ("Broker", facet.allows),
        ("Comes and goes", facet.flapping),
    )
    facts: list[tuple[str, str | datetime]] = [text for text in texts if text[1]]
    if facet.last_packet_age is not None:
        facts.append(("Last packet", span(facet.last_packet_age) + " ago"))
    if facet.retry_count:
        facts.append(("Attempts", str(facet.retry_count)))
    error = facet.last_error
    if error is None:
        return Card("Link", badge, facet.since, facet.evidence, tuple(facts))
    facts.append(("Last error", error.at or "time unknown"))
    facts.append(("Kind of error", error.error_class or "unknown"))
    if wanted and facet.status != "connected":
        remedy = error.remedy
    else:
        remedy = ""
    return Card("Link", badge, facet.since, error.message or facet.evidence, tuple(facts), remedy)


def _subscriptions(facet: SubscriptionsFacet, linked: bool) -> Card:
    total = len(facet.filters)
    granted = sum(state.granted is not None and state.granted < REFUSED for state in facet.filters)
    refused = sum(state.granted is not None and state.granted >= REFUSED for state in facet.filters)
    facts = (("Requested", str(total)), ("Granted", str(granted)), ("Refused", str(refused)))
    if not total:
        remedy = "Add a topic filter, for example “#”: without one nothing can arrive."
        return Card(
            "Subscriptions",
            Badge(WARN, "No filter"),
            facet.since,
            facet.evidence,
            facts,
            remedy,
        )
    if refused:
        remedy = "Ask whoever runs the broker for the right to subscribe, or change the filter."
        return Card(
            "Subscriptions",
            Badge(BAD, f"{refused} refused"),
            facet.since,
            facet.evidence,
            facts,
            remedy,
        )
    word = f"{granted} of {total} granted"
    if not linked:
        badge = Badge(OFF, word)
    elif granted == total:
        badge = Badge(OK, word)
    else:
        badge = Badge(WAIT, word)
    return Card("Subscriptions", badge, facet.since, facet.evidence, facts)


def _flow_trouble(facet: FlowFacet) -> Badge | None:
    if facet.not_stored_since:
        return Badge(BAD, "Not stored")
    if facet.paused:
        return Badge(WARN, "Paused until stored")
    if facet.paused_parsers:
        return Badge(WARN, "Waits until a parser works")
    if facet.silence:
        return Badge(WARN, "Silent")
    return None


def _flow_badge(facet: FlowFacet, linked: bool) -> Badge:
    trouble = _flow_trouble(facet)
    if trouble:
        return trouble
    if not linked:
        return Badge(OFF, "No link")
    if facet.rate:
        return Badge(OK, f"Flowing, {words.rate(facet.rate)}")
    return Badge(WAIT, "Quiet")


def _number(count: int | None) -> str:
    if count is None:
        return words.NOTHING
    return f"{count:,}"


def _usual(gap: float | None) -> str:
    if gap is None:
        return "not known yet"
    return span(max(1.0, gap))


def _flow(facet: FlowFacet, linked: bool) -> Card:
    facts: list[tuple[str, str | datetime]] = [
        ("Last message", facet.last_message_at or "never"),
        ("Usual gap", _usual(facet.usual_gap)),
        ("Waiting for commit", _number(facet.unacked)),
        ("Since link start", _number(facet.messages)),
    ]
    if facet.not_stored_since:
        facts.insert(0, ("Nothing stored", facet.not_stored_since))
    facts.append(("Acknowledged when", facet.acknowledged.mode))
    queue = facet.broker_queue
    if queue.limit is None:
        held = "size not known"
    else:
        held = f"{queue.limit:,} messages"
    if queue.lasts is not None:
        held = f"{held}, {span(queue.lasts)} at this rate"
    facts.append(("Broker queues", held))
    waiting = facet.books.terms[Term.KEPT]
    if waiting:
        facts.append(("Dead letters that wait", f"{waiting:,}"))
    for parser in facet.paused_parsers:
        facts.append((f"Parser {parser.name} paused", parser.since))
    remedy = facet.remedy
    if facet.paused_parsers:
        remedy = remedy or PARSER_REMEDY
    return Card(
        "Flow",
        _flow_badge(facet, linked),
        facet.since,
        _evidence(facet),
        tuple(facts),
        remedy,
        facet.acknowledged.can_lose,
    )


def _evidence(facet: FlowFacet) -> str:
    """What messages wait for that are not stored; while parsers are paused, what they say."""
    if facet.waits_for:
        return f"Messages are not stored: {facet.waits_for}."
    said = [f"{parser.name}: {parser.reason}" for parser in facet.paused_parsers if parser.reason]
    return "; ".join(said) or facet.evidence


def accounting_terms(accounting: MessageAccounting) -> list[tuple[str, int]]:
    """The right side of: received = stored + ... + dropped by reason."""
    terms = [(str(term), count) for term, count in accounting.terms.items()]
    dropped = [
        (f"dropped: {reason}", count) for reason, count in sorted(accounting.dropped.items())
    ]
    return terms + (dropped or [("dropped", 0)])
