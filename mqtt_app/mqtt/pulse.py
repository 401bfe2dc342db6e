"""Tells the rest of the world what the links look like right now: evidence for the status, rates for browsers."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import redis

from mqtt_app.coordination.evidence import LinkEvidence
from mqtt_app.mqtt.loop import Loop
from mqtt_app.mqtt.session import Session

log = logging.getLogger(__name__)

RATE_WINDOW = 10.0  # s over which a rate is taken
ANSWER_TIMEOUT = 5.0  # s for the loop to answer

FlowOut = Callable[[list[dict[str, Any]]], None]


class Evidence(Protocol):
    def publish(self, instance_id: str, items: Iterable[LinkEvidence]) -> None: ...


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
        self._history: dict[int, deque[tuple[float, int]]] = {}
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
                seen = self._look()
                if time.monotonic() - published >= self._evidence_every:
                    published = time.monotonic()
                    self._publish(seen)
                self._tell_browsers(seen)
            except Exception:
                log.exception("What the links look like could not be told")

    def _look(self) -> list[tuple[int, LinkEvidence]]:
        """(site id, evidence) of every link, read on the loop's thread."""
        answer: list[tuple[int, LinkEvidence]] = []
        done = threading.Event()

        def collect() -> None:
            answer.extend((one.config.site_id, self._of(one)) for one in self._sessions())
            done.set()

        self._loop.call(collect)
        return answer if done.wait(ANSWER_TIMEOUT) else []

    def _of(self, session: Session) -> LinkEvidence:
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
            rate=self._rate(session.config.id, session.flow.total, clock),
            messages=session.flow.messages,
            unacked=len(session.acks),
            paused=session.paused,
            matched=dict(session.flow.matched),
        )

    def _rate(self, connection_id: int, total: int, clock: float) -> float:
        history = self._history.setdefault(connection_id, deque())
        if history and history[-1][1] > total:
            history.clear()  # a new session began to count
        history.append((clock, total))
        while len(history) > 2 and clock - history[1][0] >= RATE_WINDOW:
            history.popleft()
        seconds = clock - history[0][0]
        return round((total - history[0][1]) / seconds, 2) if seconds > 0 else 0.0

    def _tell_browsers(self, seen: list[tuple[int, LinkEvidence]]) -> None:
        now = {site_id: (one.rate, one.last_message_at) for site_id, one in seen}
        changed = [site_id for site_id, values in now.items() if self._told.get(site_id) != values]
        self._told = now
        if changed:
            self._flow([{"site_id": one, "rate": now[one][0], "last_message_at": now[one][1]} for one in changed])

    def _publish(self, seen: list[tuple[int, LinkEvidence]]) -> None:
        known = {one.connection_id for _, one in seen}
        self._history = {number: history for number, history in self._history.items() if number in known}
        try:
            self._evidence.publish(self._instance_id, [one for _, one in seen])
            self._down = False
        except redis.RedisError as error:
            if not self._down:
                log.warning("Redis does not take the evidence of the links (%s)", type(error).__name__)
            self._down = True
