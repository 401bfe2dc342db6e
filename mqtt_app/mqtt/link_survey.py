"""Reads what the links look like right now, on the loop's thread, for threads that publish it."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from mqtt_app.coordination.evidence import LinkEvidence
from mqtt_app.domain.status.rates import Rates
from mqtt_app.mqtt.delivery.stalls import Stall
from mqtt_app.mqtt.link.session import Session
from mqtt_app.mqtt.loop import Loop

PART = 500  # links that are looked at in one go
ANSWER_TIMEOUT = 5.0  # s for the loop to answer

Item = TypeVar("Item")


class MeasuredFlow(msgspec.Struct, frozen=True):
    """`total`: messages of this process; `last_message_at`: unix seconds."""

    connection_id: int
    site_id: int
    total: int
    last_message_at: float | None


class LinkSurvey:
    """`opened_by` gives the entry of the allow-list that alone permits a host. `rates`: connection
    id -> messages a second, of those that have any.
    """

    def __init__(
        self,
        loop: Loop,
        sessions: Callable[[], list[Session]],
        stalls: Callable[[], Mapping[int, Stall]],
        opened_by: Callable[[str], str],
    ) -> None:
        self._loop = loop
        self._sessions = sessions
        self._find_stalls = stalls
        self._opened_by = opened_by
        self.rates: dict[int, float] = {}
        self._meter = Rates()
        self._totals: dict[int, int] = {}  # connection id -> messages that are measured
        # for the loop's thread:
        self._stalls: Mapping[int, Stall] = {}
        self._reported: dict[int, object] = {}  # connection id -> what was reported of it

    def connection_ids(self) -> set[int]:
        return {session.config.id for session in self._sessions()}

    def flows(self) -> list[MeasuredFlow] | None:
        """Of the links that had messages since the last call, or have a rate. None when the loop
        does not answer.
        """
        flows = self._read(self._flow_of)
        if flows is not None:
            now = self._loop.clock()
            rates = {
                flow.connection_id: self._meter.rate(flow.connection_id, flow.total, now)
                for flow in flows
            }
            self.rates = {number: rate for number, rate in rates.items() if rate}
        return flows

    def news(self) -> list[LinkEvidence] | None:
        """Of the links that changed since they were reported last. None when the loop does not
        answer.
        """
        self._loop.call(self._take_stalls)
        return self._read(self._news_of)

    def everything(self) -> list[LinkEvidence] | None:
        """Of all links."""
        self._reported = {}
        return self.news()

    def has_gone(self, connection_ids: set[int]) -> bool:
        """A link was reported that is not among these any more."""
        return not self._reported.keys() <= connection_ids

    def forget_all_but(self, connection_ids: set[int]) -> bool:
        """True when there were others."""
        if self._totals.keys() <= connection_ids:
            return False
        self._totals = {
            number: total for number, total in self._totals.items() if number in connection_ids
        }
        self._meter.keep(connection_ids)
        return True

    def _read(self, read_one: Callable[[Session], Item | None]) -> list[Item] | None:
        """What `read_one` gives of every link that has it; part by part, because messages have to
        wait for so long.
        """
        found: list[Item] = []
        sessions = self._sessions()
        for start in range(0, len(sessions), PART):
            if not self._read_part(read_one, sessions[start : start + PART], found):
                return None
        return found

    def _read_part(
        self, read_one: Callable[[Session], Item | None], sessions: list[Session], found: list[Item]
    ) -> bool:
        done = threading.Event()

        def collect() -> None:
            found.extend(item for session in sessions if (item := read_one(session)) is not None)
            done.set()

        self._loop.call(collect)
        return done.wait(ANSWER_TIMEOUT)

    def _take_stalls(self) -> None:
        self._stalls = self._find_stalls()

    def _flow_of(self, session: Session) -> MeasuredFlow | None:
        """None of the many whose messages are all measured, and which have no rate."""
        config = session.config
        flow = session.intake.flow
        if self._totals.get(config.id) == flow.total and config.id not in self.rates:
            return None
        self._totals[config.id] = flow.total
        return MeasuredFlow(config.id, config.site_id, flow.total, flow.last_message_at)

    def _news_of(self, session: Session) -> LinkEvidence | None:
        """None when all is as it was reported."""
        connection_id = session.config.id
        mark = (
            session.config.generation,
            session.config.config_version,
            session.link.since,
            session.stage,
            session.connected_at,
            session.keepalive.last_packet_at,
            session.intake.flow.messages,
            len(session.intake.acks),
            session.paused,
            self.rates.get(connection_id, 0.0),
            self._stalls.get(connection_id),
        )
        if self._reported.get(connection_id) == mark:
            return None
        self._reported[connection_id] = mark
        return self._evidence_of(session)

    def _evidence_of(self, session: Session) -> LinkEvidence:
        now = time.time()
        clock = self._loop.clock()
        config = session.config
        stall = self._stalls.get(config.id)
        last_packet_at = None
        if session.connected_at:
            last_packet_at = now - (clock - session.keepalive.last_packet_at)
        return LinkEvidence(
            connection_id=config.id,
            generation=config.generation,
            state=str(session.link.state),
            since=now - (clock - session.link.since),
            at=now,
            protocol=session.link.version,
            connected_since=session.connected_at,
            last_packet_at=last_packet_at,
            last_message_at=session.intake.flow.last_message_at,
            rate=self.rates.get(config.id, 0.0),
            messages=session.intake.flow.messages,
            unacked=len(session.intake.acks),
            paused=session.paused,
            not_stored_since=stall.since if stall else None,
            waits_for=stall.waits_for if stall else "",
            matched=dict(session.intake.flow.matched),
            config_version=config.config_version,
            opened_by=self._opened_by(config.host),
            stage=session.stage.stage,
            stage_since=session.stage.since,
        )
