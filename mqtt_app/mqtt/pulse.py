"""Tells the rest of the world what the links look like right now: evidence for the status, rates for browsers."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

import msgspec
import redis

from mqtt_app.coordination.evidence import LinkEvidence
from mqtt_app.domain.rates import Rates
from mqtt_app.mqtt.loop import Loop
from mqtt_app.mqtt.session import Session

log = logging.getLogger(__name__)

PART = 500  # links that are looked at in one go
ANSWER_TIMEOUT = 5.0  # s for the loop to answer

Item = TypeVar("Item")
FlowOut = Callable[[list[dict[str, Any]]], None]


class Evidence(Protocol):
    def publish(self, instance_id: str, items: Iterable[LinkEvidence]) -> None: ...


class _Flow(msgspec.Struct, frozen=True):
    connection_id: int
    site_id: int
    total: int
    last_message_at: float | None


class Pulse:
    def __init__(
        self,
        loop: Loop,
        sessions: Callable[[], list[Session]],
        evidence: Evidence,
        flow: FlowOut,
        instance_id: str,
        *,
        evidence_every: float,
        live_every: float,
    ) -> None:
        self._loop, self._sessions, self._evidence, self._flow = loop, sessions, evidence, flow
        self._instance_id = instance_id
        self._evidence_every, self._live_every = evidence_every, live_every
        self._meter = Rates()
        self._rates: dict[int, float] = {}  # connection id -> messages a second
        self._told: dict[int, tuple[float, float | None]] = {}
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
                seen = self._read(_flow)
                self._rates = self._measure(seen)
                if time.monotonic() - published >= self._evidence_every:
                    published = time.monotonic()
                    self._publish(self._read(self._evidence_of))
                self._tell_browsers(seen)
            except Exception:
                log.exception("What the links look like could not be told")

    def _read(self, what: Callable[[Session], Item]) -> list[Item]:
        """`what` of every link, read on the loop's thread; part by part, for its messages have to wait so long."""
        found: list[Item] = []
        sessions = self._sessions()
        for start in range(0, len(sessions), PART):
            if not self._read_some(what, sessions[start : start + PART], found):
                return []
        return found

    def _read_some(self, what: Callable[[Session], Item], sessions: list[Session], found: list[Item]) -> bool:
        done = threading.Event()

        def collect() -> None:
            found.extend(map(what, sessions))
            done.set()

        self._loop.call(collect)
        return done.wait(ANSWER_TIMEOUT)

    def _measure(self, seen: list[_Flow]) -> dict[int, float]:
        """Connection id -> messages a second."""
        now = self._loop.clock()
        rates = {one.connection_id: self._meter.rate(one.connection_id, one.total, now) for one in seen}
        self._meter.keep(rates)
        return rates

    def _evidence_of(self, session: Session) -> LinkEvidence:
        now, clock = time.time(), self._loop.clock()
        return LinkEvidence(
            connection_id=session.config.id,
            generation=session.config.generation,
            state=str(session.link.state),
            since=now - (clock - session.link.since),
            at=now,
            protocol=session.link.version,
            connected_since=session.connected_at,
            last_packet_at=now - (clock - session.keepalive.last_packet_at) if session.connected_at else None,
            last_message_at=session.flow.last_message_at,
            rate=self._rates.get(session.config.id, 0.0),
            messages=session.flow.messages,
            unacked=len(session.acks),
            paused=session.paused,
            matched=dict(session.flow.matched),
        )

    def _tell_browsers(self, seen: list[_Flow]) -> None:
        now = {one.site_id: (self._rates[one.connection_id], one.last_message_at) for one in seen}
        changed = [site_id for site_id, values in now.items() if self._told.get(site_id) != values]
        self._told = now
        if changed:
            self._flow([{"site_id": one, "rate": now[one][0], "last_message_at": now[one][1]} for one in changed])

    def _publish(self, evidence: list[LinkEvidence]) -> None:
        try:
            self._evidence.publish(self._instance_id, evidence)
            self._down = False
        except redis.RedisError as error:
            if not self._down:
                log.warning("Redis does not take the evidence of the links (%s)", type(error).__name__)
            self._down = True


def _flow(session: Session) -> _Flow:
    config, flow = session.config, session.flow
    return _Flow(config.id, config.site_id, flow.total, flow.last_message_at)
