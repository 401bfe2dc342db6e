"""Asks a broker for each topic filter by itself, so that one that it forbids is known by name."""

from collections.abc import Callable

from mqtt_app.domain.link.answers.askable import rules_for
from mqtt_app.domain.link.answers.capabilities import BrokerCapabilities
from mqtt_app.domain.link.connection_config import ConnectionConfig, Filter
from mqtt_app.domain.link.failures import BROKER, CONFIGURATION, NO_SUBACK, LinkFailure
from mqtt_app.domain.link.grants import refusal
from mqtt_app.domain.link.protocol.control_packets import Suback
from mqtt_app.domain.link.trouble.filter_trials import REMEDY, FilterTrials, sentence_of
from mqtt_app.domain.probe import packets
from mqtt_app.domain.probe.stages import ProbeStage, StageResult, Verdict, failed
from mqtt_app.mqtt.probe.deadline import ProbeTimeouts
from mqtt_app.mqtt.probe.session import ProbeSession

MOST_FILTERS = 50  # that are tried
MOST_CLOSES = 3  # links that the broker ends for a filter, until no other is tried


class FilterTest:
    """`granted` filters, once it has run; `session` is the last one."""

    def __init__(
        self,
        config: ConnectionConfig,
        timeouts: ProbeTimeouts,
        redial: Callable[[], ProbeSession | LinkFailure],
        allows: BrokerCapabilities,
    ) -> None:
        self._config = config
        self._timeouts = timeouts
        self._redial = redial
        self._allows = allows
        self.granted: list[str] = []
        self._refused: list[str] = []
        self._closed: list[str] = []
        self._evidence: list[str] = []
        self.session: ProbeSession | None = None

    def run(self, session: ProbeSession) -> StageResult:
        self.session = session
        wanted = self._config.filters
        if not wanted:
            return StageResult(
                ProbeStage.SUBSCRIBE,
                Verdict.WARNING,
                "There is no topic filter, so nothing can arrive.",
                remedy="Add one, such as plant/#.",
            )
        barred = rules_for(
            (entry.filter for entry in wanted),
            self._allows,
            FilterTrials(),
            self._config.host,
            0.0,
        ).left_out
        for entry in wanted[:MOST_FILTERS]:
            if entry.filter in barred:
                self._refuse(entry.filter, barred[entry.filter].why)
                continue
            ended = self._ask(entry)
            if ended is not None:
                return failed(ProbeStage.SUBSCRIBE, ended, self._evidence)
        if len(wanted) > MOST_FILTERS:
            self._evidence.append(f"{len(wanted) - MOST_FILTERS} further filters were not tried")
        return self._result()

    def _ask(self, entry: Filter) -> LinkFailure | None:
        """Why the test cannot go on."""
        assert self.session is not None
        name = packets.unshared(entry.filter)
        qos = min(entry.qos, self._allows.maximum_qos)
        answer = self.session.subscribe(name, qos, self._timeouts.suback)
        if isinstance(answer, Suback):
            self._answered(entry, answer)
            return None
        if answer.is_violation or answer == NO_SUBACK:
            return answer
        self._closed.append(entry.filter)
        self._evidence.append(f"{sentence_of([entry.filter])}. {answer.message}")
        self.session.close()
        if len(self._closed) >= MOST_CLOSES:
            return self._closes()
        redialed = self._redial()
        if isinstance(redialed, LinkFailure):
            return self._closes()
        self.session = redialed
        return None

    def _answered(self, entry: Filter, answer: Suback) -> None:
        code = answer.codes[0] if answer.codes else 0x80
        why = refusal(code, answer.words)
        if why:
            self._refuse(entry.filter, why)
            return
        self.granted.append(entry.filter)
        less = f", not {entry.qos} as asked" if code < entry.qos else ""
        self._evidence.append(f"{entry.filter}: granted QoS {code}{less}")

    def _refuse(self, name: str, why: str) -> None:
        self._refused.append(name)
        self._evidence.append(f"{name}: {why}")

    def _closes(self) -> LinkFailure:
        said = sentence_of(self._closed)
        return LinkFailure(BROKER, f"{said[0].upper()}{said[1:]}. {REMEDY[0].upper()}{REMEDY[1:]}")

    def _result(self) -> StageResult:
        evidence = tuple(self._evidence)
        total = len(self.granted) + len(self._refused) + len(self._closed)
        if self._closed and not self.granted:
            return failed(ProbeStage.SUBSCRIBE, self._closes(), evidence)
        if self._closed:
            said = sentence_of(self._closed)
            summary = f"{said[0].upper()}{said[1:]}."
        elif self._refused:
            shown = ", ".join(f"`{name}`" for name in self._refused[:3])
            summary = f"The broker refuses {len(self._refused)} of {total} topic filters: {shown}."
        else:
            word = "filter" if total == 1 else "filters"
            summary = f"The broker grants {total} topic {word}."
            return StageResult(ProbeStage.SUBSCRIBE, Verdict.OK, summary, evidence=evidence)
        remedy = f"{REMEDY[0].upper()}{REMEDY[1:]}"
        if not self.granted:
            failure = LinkFailure(CONFIGURATION, f"{summary} {remedy}")
            return failed(ProbeStage.SUBSCRIBE, failure, evidence)
        return StageResult(
            ProbeStage.SUBSCRIBE, Verdict.WARNING, summary, evidence=evidence, remedy=remedy
        )
