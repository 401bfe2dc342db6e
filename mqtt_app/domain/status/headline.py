"""The truth about a link in one line: judged from evidence, never from one stored flag. All times
are unix seconds.

stopped      nobody wants it up, and nobody holds it
starting     wanted, and still within the time a start may take
running      wanted, owned by a live worker, link up, every filter granted, packets arrive, parsers work,
             messages come as often as they usually do
refused: …   somebody said no; it stays so until a person changes something
degraded: …  anything else: what is wrong, in words
"""

from dataclasses import dataclass
from enum import StrEnum

from mqtt_app.domain.delivery.stalls import NOT_STORED, sentence
from mqtt_app.domain.link.grants import REFUSED
from mqtt_app.domain.link.stages import slow
from mqtt_app.domain.status.refusals import WHO_SAID_NO
from mqtt_app.domain.status.silence import silence

START_GRACE = 45.0  # s a start may take: one reconcile (30 s), a scan, a dial and a handshake
SUBSCRIBE_GRACE = 15.0  # s from CONNACK to the last SUBACK
EVIDENCE_STALE = 15.0  # s without a word from a worker whose lease is alive
# s without any packet, or the keepalive when that is shorter: a live broker answers PINGREQ by then
SILENCE = 30.0
SHOWN_REFUSALS = 2  # different reasons in one headline
SHORTEST_SILENCE = 10.0  # s; the evidence itself is some seconds old


class HeadlineKind(StrEnum):
    RUNNING = "running"
    STARTING = "starting"
    STOPPED = "stopped"
    DEGRADED = "degraded"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Headline:
    kind: HeadlineKind
    reason: str = ""

    def __str__(self) -> str:
        if self.kind in {HeadlineKind.DEGRADED, HeadlineKind.REFUSED}:
            return f"{self.kind}: {self.reason}"
        return str(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacts:
    """What the owner last said about the socket, taken at `at`. `config_version`: whose filters it
    has asked for. `stage`: of a connect that is under way.
    """

    generation: int
    at: float
    connected_since: float | None = None
    last_packet_at: float | None = None
    paused: bool = False
    config_version: int = 0
    not_stored_since: float | None = None
    waits_for: str = ""
    stage: str = ""
    stage_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything the headline is judged by. `link` is None without evidence, `lease_age` without a
    lease.

    `wanted_since` is the last change of the wish or the configuration. `granted` holds one SUBACK
    code (None: not answered yet) for each active filter. `workers` counts live MQTT workers that
    accept connections. `blind` says why nothing live is known; empty: all of it is.
    `refusals`: why filters were refused. `left_out`: which filters are not asked for, because the
    broker closes the connection for them. `flapping`: how the link comes and goes.
    `last_message` of the site, and its `usual_gap` in seconds; None: not known.
    `nothing_stored`: why no message of any site is being stored; empty: some are.
    """

    configured: bool = True
    site_active: bool = True
    active: bool = True
    wanted_since: float = 0.0
    status: str = "disconnected"
    status_since: float = 0.0
    error_class: str = ""
    error_message: str = ""
    retry_count: int = 0
    owner: str = ""
    owned_since: float | None = None
    generation: int = 0
    config_version: int = 0
    keepalive: float = 60.0
    granted: tuple[int | None, ...] = ()
    refusals: tuple[str, ...] = ()
    left_out: str = ""
    flapping: str = ""
    paused_parsers: tuple[str, ...] = ()
    nothing_stored: str = ""
    last_message: float | None = None
    usual_gap: float | None = None
    blind: str = ""
    workers: int = 0
    lease_age: float | None = None
    link: LinkFacts | None = None

    @property
    def wanted(self) -> bool:
        return self.configured and self.site_active and self.active

    @property
    def owner_is_gone(self) -> bool:
        return bool(self.owner) and not self.blind and self.lease_age is None

    @property
    def current_link(self) -> LinkFacts | None:
        """Evidence of an earlier owner says nothing about this one."""
        if self.link is not None and self.link.generation == self.generation:
            return self.link
        return None


def headline(facts: Facts, now: float) -> Headline:
    if not facts.configured:
        return Headline(HeadlineKind.STOPPED, "no connection is configured")
    if not facts.wanted:
        return _unwanted(facts)
    if facts.blind:
        return Headline(
            HeadlineKind.DEGRADED,
            f"live evidence is unavailable: {facts.blind}; last known: {facts.status}",
        )
    return _unowned(facts, now) or _refused(facts) or _unproven(facts, now) or _linked(facts, now)


def _unwanted(facts: Facts) -> Headline:
    if not facts.owner or facts.owner_is_gone:
        return Headline(
            HeadlineKind.STOPPED, "" if facts.site_active else "the site is switched off"
        )
    if facts.blind:
        return Headline(
            HeadlineKind.DEGRADED,
            f"stopping; whether {facts.owner} let go is not known: {facts.blind}",
        )
    return Headline(HeadlineKind.DEGRADED, f"stopping, {facts.owner} still holds the link")


def _unowned(facts: Facts, now: float) -> Headline | None:
    if facts.owner and facts.lease_age is not None:
        return None
    if not facts.workers:
        return Headline(HeadlineKind.DEGRADED, "no MQTT worker is running")
    if facts.owner:
        return Headline(
            HeadlineKind.DEGRADED, f"its worker {facts.owner} is gone, another one takes over"
        )
    if now - max(facts.wanted_since, facts.status_since) < START_GRACE:
        return Headline(HeadlineKind.STARTING, "waiting for an MQTT worker to take it")
    return Headline(HeadlineKind.DEGRADED, "no MQTT worker has taken it")


def _refused(facts: Facts) -> Headline | None:
    if facts.status == "error" and facts.error_class in WHO_SAID_NO:
        return Headline(HeadlineKind.REFUSED, facts.error_message or WHO_SAID_NO[facts.error_class])
    return None


def _unproven(facts: Facts, now: float) -> Headline | None:
    """The owner's lease is alive, but is there news of the link?"""
    link = facts.current_link
    if link is None and now - (facts.owned_since or 0.0) < EVIDENCE_STALE:
        return _dialling(facts, now)
    if link is None:
        return Headline(HeadlineKind.DEGRADED, f"its worker {facts.owner} reports nothing about it")
    if now - link.at > EVIDENCE_STALE:
        return Headline(
            HeadlineKind.DEGRADED,
            f"its worker {facts.owner} last reported {now - link.at:.0f} s ago",
        )
    return None


def _linked(facts: Facts, now: float) -> Headline:
    link = facts.current_link
    # While the row says otherwise the evidence is older than it, or it is just being written.
    if link is None or link.connected_since is None or facts.status == "error":
        return _dialling(facts, now)
    if stalled := _stalled(facts, link, now):
        return Headline(HeadlineKind.DEGRADED, stalled)
    if link.paused:
        return Headline(HeadlineKind.DEGRADED, "reading is paused until what arrived is stored")
    silent = now - (link.last_packet_at or link.connected_since)
    if silent > min(SILENCE, max(facts.keepalive, SHORTEST_SILENCE)):
        return Headline(HeadlineKind.DEGRADED, f"the broker has been silent for {silent:.0f} s")
    return _subscribed(facts, link, now)


def _stalled(facts: Facts, link: LinkFacts, now: float) -> str:
    """Why its messages are not being stored, "" when they are, or there are none."""
    if link.not_stored_since is not None and now - link.not_stored_since >= NOT_STORED:
        waiting = f"the oldest has waited for {now - link.not_stored_since:.0f} s"
        return f"its messages are not stored: {sentence(link.waits_for)}; {waiting}"
    if facts.nothing_stored:
        return f"no site's messages are stored: {facts.nothing_stored}"
    return ""


def _dialling(facts: Facts, now: float) -> Headline:
    if facts.error_message and facts.status != "connected":
        return Headline(
            HeadlineKind.DEGRADED, f"{facts.error_message} (attempt {facts.retry_count})"
        )
    link = facts.current_link
    if link is not None and link.stage_since is not None:
        waiting = slow(link.stage, now - link.stage_since)
        if waiting:
            return Headline(HeadlineKind.DEGRADED, waiting)
    if now - max(facts.wanted_since, facts.owned_since or 0.0) < START_GRACE:
        return Headline(HeadlineKind.STARTING, "connecting")
    return Headline(HeadlineKind.DEGRADED, "the link is down")


def _subscribed(facts: Facts, link: LinkFacts, now: float) -> Headline:
    refused = sum(code is not None and code >= REFUSED for code in facts.granted)
    unanswered = sum(code is None for code in facts.granted)
    if not facts.granted:
        return Headline(HeadlineKind.DEGRADED, "no active topic filter, so nothing can arrive")
    if facts.left_out or refused:
        return Headline(HeadlineKind.DEGRADED, _not_granted(facts, refused))
    if unanswered and now - max(link.connected_since or 0.0, facts.wanted_since) < SUBSCRIBE_GRACE:
        return Headline(HeadlineKind.STARTING, "subscribing")
    if unanswered:
        which = f"{unanswered} of {len(facts.granted)} topic filters"
        asked = not link.config_version or link.config_version >= facts.config_version
        if asked:
            who = "the broker did not answer for"
        else:
            who = f"its worker {facts.owner} has not yet asked for"
        return Headline(HeadlineKind.DEGRADED, f"{who} {which}")
    return _parsed(facts) or _flowing(facts, now)


def _not_granted(facts: Facts, refused: int) -> str:
    if facts.left_out:
        return f"{facts.left_out}; the other filters are kept"
    which = f"the broker refused {refused} of {len(facts.granted)} topic filters"
    why = "; ".join(list(dict.fromkeys(facts.refusals))[:SHOWN_REFUSALS])
    if why:
        return f"{which}: {why}"
    return which


def _flowing(facts: Facts, now: float) -> Headline:
    silent = silence_of(facts, now)
    if silent:
        return Headline(HeadlineKind.DEGRADED, silent)
    return Headline(HeadlineKind.RUNNING)


def silence_of(facts: Facts, now: float) -> str:
    """Why a link that is up brings nothing, "" while that is as usual, or while it is down."""
    link = facts.current_link
    if link is None or link.connected_since is None or facts.status != "connected":
        return ""
    return silence(facts.last_message, link.connected_since, facts.usual_gap, now)


def _parsed(facts: Facts) -> Headline | None:
    paused = facts.paused_parsers
    if facts.flapping:
        return Headline(HeadlineKind.DEGRADED, facts.flapping)
    if not paused:
        return None
    if len(paused) == 1:
        which = f"parser {paused[0]} fails"
    else:
        which = f"parsers {', '.join(paused)} fail"
    return Headline(
        HeadlineKind.DEGRADED, f"the {which} on most messages, which are kept until it is mended"
    )


def effective_status(facts: Facts) -> str:
    """The stored status, unless its writer is gone: nobody speaks for it then."""
    orphaned = not facts.owner or facts.owner_is_gone
    if orphaned and facts.status in {"connected", "connecting"}:
        return "disconnected"
    return facts.status
