"""The thread that publishes what the links look like right now: evidence for the status, rates for
browsers.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec
import redis

from mqtt_app.background.outage_log import OutageLog
from mqtt_app.background.periodic_thread import PeriodicThread
from mqtt_app.coordination.evidence import LinkEvidence
from mqtt_app.mqtt.link_survey import LinkSurvey, MeasuredFlow

log = logging.getLogger(__name__)

# s after which a link without news is published again; below status.EVIDENCE_STALE
WHOLE_EVERY = 8.0
# s; the database keeps the last match of a filter that exactly, for the next owner
MATCHED_EVERY = 600.0

PublishFlow = Callable[[list[dict[str, Any]]], None]


class Evidence(Protocol):
    """Raises redis.RedisError."""

    def publish(self, instance_id: str, items: Iterable[LinkEvidence]) -> None: ...
    def update(self, instance_id: str, items: Iterable[LinkEvidence]) -> bool: ...


class ShownFlow(msgspec.Struct, frozen=True):
    """Messages a second, and unix seconds of the last one."""

    rate: float
    last_message_at: float | None


class EvidencePublisher:
    """`report_matches` takes filter -> unix seconds, of one connection."""

    def __init__(
        self,
        survey: LinkSurvey,
        evidence: Evidence,
        publish_flow: PublishFlow,
        instance_id: str,
        *,
        report_matches: Callable[[int, Mapping[str, float]], None],
        evidence_every: float,
        live_every: float,
    ) -> None:
        self._survey = survey
        self._evidence = evidence
        self._publish_flow = publish_flow
        self._instance_id = instance_id
        self._report_matches = report_matches
        self._evidence_every = evidence_every
        self._shown: dict[int, ShownFlow] = {}  # site id -> what browsers have
        # connection id -> filter -> the match that was recorded
        self._matches: dict[int, dict[str, float]] = {}
        self._published_at = float("-inf")
        self._whole_at = float("-inf")
        self._outage = OutageLog(
            log,
            "Redis does not take the evidence of the links (%s)",
            "Redis takes the evidence of the links again",
        )
        every = min(live_every, evidence_every)
        self._thread = PeriodicThread("mqtt-evidence", self._turn, every=every)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop(2.0)

    def _turn(self) -> None:
        flows = self._survey.flows()
        if flows is None:
            return  # readers see by its time that what was published is old
        if time.monotonic() - self._published_at >= self._evidence_every:
            self._published_at = time.monotonic()
            self._publish_evidence()
        self._show_flows(flows)

    def _show_flows(self, flows: list[MeasuredFlow]) -> None:
        rates = self._survey.rates
        changed: list[dict[str, Any]] = []
        for flow in flows:
            shown = ShownFlow(rates.get(flow.connection_id, 0.0), flow.last_message_at)
            if self._shown.get(flow.site_id) != shown:
                self._shown[flow.site_id] = shown
                changed.append({"site_id": flow.site_id} | msgspec.structs.asdict(shown))
        if changed:
            self._publish_flow(changed)

    def _publish_evidence(self) -> None:
        """News only, most of the time: of thousands of links few have any."""
        connection_ids = self._survey.connection_ids()
        self._forget_all_but(connection_ids)
        is_whole_due = time.monotonic() - self._whole_at >= WHOLE_EVERY
        try:
            if is_whole_due or self._survey.has_gone(connection_ids) or not self._publish_news():
                self._publish_whole()
        except redis.RedisError as error:
            self._whole_at = float("-inf")
            self._outage.failed(error)
        else:
            self._outage.succeeded()

    def _publish_news(self) -> bool:
        """False when Redis has nothing of this instance that they could be added to."""
        news = self._survey.news()
        if news is None:
            self._whole_at = float("-inf")
            return True
        self._record_matches(news)
        return self._evidence.update(self._instance_id, news)

    def _publish_whole(self) -> None:
        evidence = self._survey.everything()
        if evidence is None:
            self._whole_at = float("-inf")
            return
        self._record_matches(evidence)
        self._evidence.publish(self._instance_id, evidence)
        self._whole_at = time.monotonic()

    def _record_matches(self, items: Iterable[LinkEvidence]) -> None:
        for evidence in items:
            known = self._matches.setdefault(evidence.connection_id, {})
            due = {
                name: at
                for name, at in evidence.matched.items()
                if at - known.get(name, 0.0) >= MATCHED_EVERY
            }
            if due:
                known.update(due)
                self._report_matches(evidence.connection_id, due)

    def _forget_all_but(self, connection_ids: set[int]) -> None:
        if self._survey.forget_all_but(connection_ids):
            self._shown = {}
        if not self._matches.keys() <= connection_ids:
            self._matches = {
                number: known for number, known in self._matches.items() if number in connection_ids
            }
