"""Tells the rest of the world what the links look like right now: evidence for the status, rates
for browsers.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec
import redis

from mqtt_app.coordination.evidence import LinkEvidence
from mqtt_app.domain.status.rates import Rates
from mqtt_app.mqtt.delivery.stalls import Stall
from mqtt_app.mqtt.link.session import Session
from mqtt_app.mqtt.loop import Loop

log = logging.getLogger(__name__)

PART = 500  # links that are looked at in one go
ANSWER_TIMEOUT = 5.0  # s for the loop to answer
WHOLE_EVERY = (
    8.0  # s after which a link of which there is no news is told again; below status.EVIDENCE_STALE
)

Item = TypeVar("Item")
MATCHED_EVERY = (
    600.0  # s; the database keeps the last match of a filter that exactly, for the next owner
)
FlowOut = Callable[[list[dict[str, Any]]], None]


class Evidence(Protocol):
    def publish(self, instance_id: str, items: Iterable[LinkEvidence]) -> None: ...
    def update(self, instance_id: str, items: Iterable[LinkEvidence]) -> bool: ...


class _Flow(msgspec.Struct, frozen=True):
    connection_id: int
    site_id: int
    total: int
    last_message_at: float | None


class EvidencePublisher:
    def __init__(
        self,
        loop: Loop,
        sessions: Callable[[], list[Session]],
        evidence: Evidence,
        flow: FlowOut,
        instance_id: str,
        *,
        matched: Callable[[int, Mapping[str, float]], None],
        opened_by: Callable[[str], str],
        evidence_every: float,
        live_every: float,
        stalls: Callable[[], Mapping[int, Stall]],
    ) -> None:
        self._loop, self._sessions, self._evidence, self._flow = loop, sessions, evidence, flow
        self._instance_id, self._matched, self._opened_by = instance_id, matched, opened_by
        self._evidence_every, self._live_every = evidence_every, live_every
        self._find_stalls = stalls
        self._stalls: Mapping[int, Stall] = {}  # for the loop's thread
        self._meter = Rates()
        self._totals: dict[int, int] = {}  # connection id -> messages that are measured
        self._rates: dict[
            int, float
        ] = {}  # connection id -> messages a second, of those that have any
        self._told: dict[int, tuple[float, float | None]] = {}  # site id -> rate and last message
        self._marks: dict[
            int, object
        ] = {}  # connection id -> what was told of it; for the loop's thread
        self._matches: dict[
            int, dict[str, float]
        ] = {}  # connection id -> filter -> the match that was recorded
        self._whole_at = float("-inf")
        self._down = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt-pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        published = float("-inf")
        while not self._stopping.wait(min(self._live_every, self._evidence_every)):
            try:
                seen = self._read(self._flow_of)
                if seen is None:
                    continue  # what was told grows old, and says so
                self._measure(seen)
                if time.monotonic() - published >= self._evidence_every:
                    published = time.monotonic()
                    self._publish()
                self._tell_browsers(seen)
            except Exception:
                log.exception("What the links look like could not be told")

    def _read(self, what: Callable[[Session], Item | None]) -> list[Item] | None:
        """`what` of every link that has it, read on the loop's thread; part by part, for its
        messages have to wait so long. None when the loop does not answer.
        """
        found: list[Item] = []
        sessions = self._sessions()
        for start in range(0, len(sessions), PART):
            if not self._read_some(what, sessions[start : start + PART], found):
                return None
        return found

    def _read_some(
        self, what: Callable[[Session], Item | None], sessions: list[Session], found: list[Item]
    ) -> bool:
        done = threading.Event()

        def collect() -> None:
            found.extend(item for session in sessions if (item := what(session)) is not None)
            done.set()

        self._loop.call(collect)
        return done.wait(ANSWER_TIMEOUT)

    def _flow_of(self, session: Session) -> _Flow | None:
        """None of the many whose messages are all told, and whose rate is none."""
        config, flow = session.config, session.intake.flow
        if self._totals.get(config.id) == flow.total and config.id not in self._rates:
            return None
        self._totals[config.id] = flow.total
        return _Flow(config.id, config.site_id, flow.total, flow.last_message_at)

    def _measure(self, seen: list[_Flow]) -> None:
        now = self._loop.clock()
        rates = {
            one.connection_id: self._meter.rate(one.connection_id, one.total, now) for one in seen
        }
        self._rates = {connection_id: rate for connection_id, rate in rates.items() if rate}

    def _news_of(self, session: Session) -> LinkEvidence | None:
        """None when all is as it was told before."""
        mark = (
            session.config.generation,
            session.config.config_version,
            session.link.since,
            session.connected_at,
            session.keepalive.last_packet_at,
            session.intake.flow.messages,
            len(session.intake.acks),
            session.paused,
            self._rates.get(session.config.id, 0.0),
            self._stalls.get(session.config.id),
        )
        if self._marks.get(session.config.id) == mark:
            return None
        self._marks[session.config.id] = mark
        return self._evidence_of(session)

    def _evidence_of(self, session: Session) -> LinkEvidence:
        now, clock = time.time(), self._loop.clock()
        stall = self._stalls.get(session.config.id)
        return LinkEvidence(
            connection_id=session.config.id,
            generation=session.config.generation,
            state=str(session.link.state),
            since=now - (clock - session.link.since),
            at=now,
            protocol=session.link.version,
            connected_since=session.connected_at,
            last_packet_at=now - (clock - session.keepalive.last_packet_at)
            if session.connected_at
            else None,
            last_message_at=session.intake.flow.last_message_at,
            rate=self._rates.get(session.config.id, 0.0),
            messages=session.intake.flow.messages,
            unacked=len(session.intake.acks),
            paused=session.paused,
            not_stored_since=stall.since if stall else None,
            waits_for=stall.waits_for if stall else "",
            matched=dict(session.intake.flow.matched),
            config_version=session.config.config_version,
            opened_by=self._opened_by(session.config.host),
        )

    def _tell_browsers(self, seen: list[_Flow]) -> None:
        now = {
            one.site_id: (self._rates.get(one.connection_id, 0.0), one.last_message_at)
            for one in seen
        }
        changed = [site_id for site_id, values in now.items() if self._told.get(site_id) != values]
        self._told |= now
        if changed:
            self._flow(
                [
                    {"site_id": one, "rate": now[one][0], "last_message_at": now[one][1]}
                    for one in changed
                ]
            )

    def _publish(self) -> None:
        """News only, most of the time: of thousands of links few have any."""
        ids = {session.config.id for session in self._sessions()}
        self._forget_all_but(ids)
        whole = time.monotonic() - self._whole_at >= WHOLE_EVERY or not self._marks.keys() <= ids
        try:
            if whole or not self._tell(whole=False):
                self._tell(whole=True)
            self._down = False
        except redis.RedisError as error:
            self._whole_at = float("-inf")
            if not self._down:
                log.warning(
                    "Redis does not take the evidence of the links (%s)", type(error).__name__
                )
            self._down = True

    def _tell(self, *, whole: bool) -> bool:
        if whole:
            self._marks = {}
        self._loop.call(self._note_stalls)
        found = self._read(self._news_of)
        if found is None:
            self._whole_at = float("-inf")
            return True
        self._record_matches(found)
        if not whole:
            return self._evidence.update(self._instance_id, found)
        self._evidence.publish(self._instance_id, found)
        self._whole_at = time.monotonic()
        return True

    def _record_matches(self, found: Iterable[LinkEvidence]) -> None:
        for evidence in found:
            known = self._matches.setdefault(evidence.connection_id, {})
            due = {
                name: at
                for name, at in evidence.matched.items()
                if at - known.get(name, 0.0) >= MATCHED_EVERY
            }
            if due:
                known.update(due)
                self._matched(evidence.connection_id, due)

    def _note_stalls(self) -> None:
        self._stalls = self._find_stalls()

    def _forget_all_but(self, connection_ids: set[int]) -> None:
        if not self._totals.keys() <= connection_ids:
            self._totals = {
                key: total for key, total in self._totals.items() if key in connection_ids
            }
            self._meter.keep(connection_ids)
            self._told = {}
        if not self._matches.keys() <= connection_ids:
            self._matches = {
                key: known for key, known in self._matches.items() if key in connection_ids
            }
