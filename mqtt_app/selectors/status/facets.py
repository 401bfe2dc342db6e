"""The five facets of a site's status, each with `since` and the evidence it rests on.

Times are aware datetimes in UTC (None: not known), ages seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mqtt_app.domain.accounting import TERMS, Term


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredFacet:
    wanted: bool
    is_active: bool
    site_is_active: bool
    since: datetime | None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerFacet:
    """`alive` is None when Redis cannot be asked, or when nobody owns the connection."""

    instance: str
    generation: int
    alive: bool | None
    lease_age: float | None
    assigned_instance: str
    since: datetime | None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LastError:
    error_class: str
    message: str
    at: datetime | None
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacet:
    """`tls_verified` is None without TLS. `allowed_by`: the entry of SITEWIRE_BROKER_ALLOW that
    alone permits it. `allows`: what the broker allows, in words; `capabilities` the same for
    programs, without what is as by default. `flapping`: how it comes and goes, "" when it does not.
    """

    status: str
    stored_status: str
    connected_since: datetime | None = None
    mqtt_version: str = ""
    tls_verified: bool | None
    allowed_by: str = ""
    last_packet_age: float | None = None
    retry_count: int
    last_error: LastError | None
    allows: str
    capabilities: Mapping[str, object]
    flapping: str
    since: datetime | None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterState:
    """`granted` is the broker's SUBACK code: 0 or 1, 128 and above refused, None not answered.
    `state`: granted, refused, unanswered, or left out (the broker closes the connection for it),
    and then `tried_again_at`.
    """

    filter: str
    requested: int
    granted: int | None
    refusal: str
    state: str
    tried_again_at: datetime | None
    ever_matched: bool
    last_match: datetime | None
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionsFacet:
    filters: tuple[FilterState, ...]
    since: datetime | None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAccounting:
    """What became of every message: `received` is the sum of `terms` and of `dropped`, by reason;
    `balanced` says whether it is.
    """

    received: int = 0
    terms: Mapping[Term, int] = field(default_factory=lambda: dict.fromkeys(TERMS, 0))
    dropped: Mapping[str, int] = field(default_factory=dict)
    readings: int = 0

    @property
    def balanced(self) -> bool:
        return self.received == sum(self.terms.values()) + sum(self.dropped.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedParser:
    """A parser that fails on most messages of the site; what it cannot parse is kept meanwhile."""

    name: str
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerQueue:
    """What the broker can hold for us: `limit` messages, full after `lasts` seconds at the present
    rate.
    """

    limit: int | None
    lasts: float | None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """When the broker is told that it may forget a message; see
    mqtt_app/domain/delivery/ack_mode.py.
    """

    mode: str
    can_lose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFacet:
    """`rate` is messages a second over the last ten or so; `usual_gap` seconds between two of them at
    this hour of the week; `silence` says that it is longer now; `unacked` messages wait for their
    commit. `paused` is the reading of the link, not a parser. `not_stored_since`: messages wait and
    none was stored since, for `not_stored_age` seconds; `waits_for` says for what, `remedy` what to
    do.
    """

    last_message_at: datetime | None = None
    last_message_age: float | None = None
    rate: float | None = None
    usual_gap: float | None = None
    silence: str = ""
    messages: int | None = None
    unacked: int | None = None
    not_stored_since: datetime | None = None
    not_stored_age: float | None = None
    waits_for: str = ""
    remedy: str = ""
    paused: bool | None = None
    paused_parsers: tuple[PausedParser, ...]
    acknowledged: Acknowledged
    broker_queue: BrokerQueue
    books: MessageAccounting
    since: datetime | None = None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatus:
    """`headline` is one line for people; `kind` (its first word) and `reason` the same in parts,
    for programs.

    `status` is one of the four stored words, corrected when its writer is gone; None without a
    connection.
    """

    site_id: int
    site_name: str
    headline: str
    kind: str
    reason: str
    status: str | None
    live_evidence: bool
    at: datetime
    desired: DesiredFacet
    owner: OwnerFacet
    link: LinkFacet
    subscriptions: SubscriptionsFacet
    flow: FlowFacet
