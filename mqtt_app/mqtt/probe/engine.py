"""One test of a connection, from its settings to a first message."""

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from mqtt_app.domain.link.answers.capabilities import (
    OLDER_BROKER,
    BrokerCapabilities,
    sentence,
)
from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.failures import (
    BROKER,
    NETWORK,
    NO_CONNACK,
    SPEAKS_TLS,
    TLS,
    LinkFailure,
)
from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.connack import Connack
from mqtt_app.domain.link.resolved import ipv6_first
from mqtt_app.domain.link.state import versions_to_try
from mqtt_app.domain.probe.heard import Heard
from mqtt_app.domain.probe.settings import judge_settings
from mqtt_app.domain.probe.stages import (
    STAGES,
    ProbeStage,
    StageResult,
    Verdict,
    failed,
    skipped,
    without,
)
from mqtt_app.mqtt.probe import certificates
from mqtt_app.mqtt.probe.arrivals import arrivals
from mqtt_app.mqtt.probe.deadline import Deadline, OutOfTimeError
from mqtt_app.mqtt.probe.dialing import ProbeDialer, ProbeTools
from mqtt_app.mqtt.probe.filters import FilterTest
from mqtt_app.mqtt.probe.session import ProbeSession

MOST_ADDRESSES = 6  # of a name that are tried
REFUSES_CLIENT_IDS = frozenset({2, 5, 0x85, 0x87})
OUT_OF_TIME = LinkFailure(
    NETWORK, "The test took too long and was broken off here. Try again when the broker is faster."
)
NOT_REACHED = "Not tried: an earlier stage failed."


class ProbeFindings(msgspec.Struct, frozen=True):
    """`results` of the stages up to `message`, or all of them where one failed. `messages` are the
    first that came.
    """

    results: tuple[StageResult, ...]
    messages: tuple[Publish, ...] = ()
    heard: Heard = msgspec.field(default_factory=Heard)

    @property
    def has_failed(self) -> bool:
        return any(result.verdict is Verdict.FAILED for result in self.results)


class Probe:
    """`report` is called with each result as soon as it is there. Nothing is stored or kept open.
    `listen`: seconds for which everything is heard that comes; 0: until the first message.
    """

    def __init__(
        self,
        config: ConnectionConfig,
        tools: ProbeTools,
        report: Callable[[StageResult], None],
        listen: float = 0.0,
    ) -> None:
        self._listen = listen
        self._config = config
        self._tools = tools
        self._report = report
        self._deadline = Deadline(tools.timeouts.total)
        self._dialer = ProbeDialer(config, tools, self._deadline)
        self._began = self._deadline.clock()
        self._results: list[StageResult] = []
        self._session: ProbeSession | None = None
        self._sock: socket.socket | None = None
        self._version = ""
        self._allows = OLDER_BROKER

    def run(self, now: datetime) -> ProbeFindings:
        """Never raises for what a broker does. `now` judges certificates."""
        messages: tuple[Publish, ...] = ()
        heard = Heard()
        try:
            for result in self._stages(now):
                self._say(result)
                if result.verdict is Verdict.FAILED:
                    break
        except OutOfTimeError:
            self._say(failed(self._next_stage(), OUT_OF_TIME))
        finally:
            if self._session is not None:
                messages = tuple(self._session.messages)
                heard = self._session.heard
                self._session.close()
            elif self._sock is not None:
                self._sock.close()
        findings = ProbeFindings(tuple(self._results), messages)
        if findings.has_failed:
            for rest in skipped(STAGES[len(self._results) :], NOT_REACHED):
                self._say(rest)
        return ProbeFindings(tuple(self._results), messages, heard)

    def _say(self, result: StageResult) -> None:
        now = self._deadline.clock()
        seconds = 0.0 if result.verdict is Verdict.SKIPPED else round(now - self._began, 3)
        self._began = now
        said = msgspec.structs.replace(result, seconds=seconds)
        self._results.append(without(said, self._config.secrets))
        self._report(self._results[-1])

    def _next_stage(self) -> ProbeStage:
        return STAGES[len(self._results)]

    def _stages(self, now: datetime) -> Iterator[StageResult]:
        yield judge_settings(self._config, now)
        answers = self._dialer.look_up()
        if isinstance(answers, LinkFailure):
            yield failed(ProbeStage.LOOK_UP, answers)
            return
        ordered = ipv6_first(answers)
        shown = [str(answer[4][0]) for answer in ordered]
        found = "address" if len(shown) == 1 else "addresses"
        summary = f"{self._config.host} has {len(shown)} {found}."
        yield StageResult(ProbeStage.LOOK_UP, Verdict.OK, summary, evidence=tuple(shown))
        yield self._tcp(ordered[:MOST_ADDRESSES])
        yield StageResult(ProbeStage.PROXY, Verdict.SKIPPED, "No proxy is set.")
        yield self._tls()
        yield self._connect()
        assert self._session is not None
        test = FilterTest(self._config, self._tools.timeouts, self._redial, self._allows)
        yield test.run(self._session)
        yield self._message(has_filters=bool(test.granted))

    def _tcp(self, answers: Sequence[tuple[Any, ...]]) -> StageResult:
        """Every address is tried; the first that answers is used."""
        evidence: list[str] = []
        failures: list[LinkFailure] = []
        for answer in answers:
            began = self._deadline.clock()
            result = self._dialer.connect(answer)
            spent = self._deadline.clock() - began
            address = str(answer[4][0])
            if isinstance(result, LinkFailure):
                failures.append(result)
                evidence.append(f"{address}: {result.message}")
                continue
            evidence.append(f"{address}: answers after {1_000 * spent:.0f} ms")
            if self._sock is None:
                self._sock = result
                self._dialer.answer = answer
            else:
                result.close()
        if self._sock is None:
            return failed(ProbeStage.TCP, failures[0], evidence)
        if failures:
            summary = f"{len(failures)} of {len(answers)} addresses do not answer."
            remedy = "Links use one that answers; have the others mended or taken out of the DNS."
            return StageResult(
                ProbeStage.TCP, Verdict.WARNING, summary, evidence=tuple(evidence), remedy=remedy
            )
        summary = f"Port {self._config.port} is open."
        return StageResult(ProbeStage.TCP, Verdict.OK, summary, evidence=tuple(evidence))

    def _tls(self) -> StageResult:
        config = self._config
        if not config.use_tls:
            return StageResult(ProbeStage.TLS, Verdict.SKIPPED, "TLS is off.")
        assert self._sock is not None
        sock, self._sock = self._sock, None
        secured = self._dialer.secure(sock, ca=config.tls_ca, verify=config.tls_verify)
        if isinstance(secured, LinkFailure):
            return self._tls_failed(secured)
        self._sock = secured
        evidence = list(certificates.seen(secured))
        if config.tls_ca or not config.tls_verify:
            evidence += certificates.system_trust(self._dialer)
        trusted = "and its certificate is trusted" if config.tls_verify else "unverified"
        summary = f"The broker speaks TLS, {trusted}."
        return StageResult(ProbeStage.TLS, Verdict.OK, summary, evidence=tuple(evidence))

    def _tls_failed(self, failure: LinkFailure) -> StageResult:
        config = self._config
        hint = ""
        evidence: list[str] = []
        if failure.message.startswith(certificates.ABOUT_CERTIFICATES):
            evidence = certificates.looked_at(self._dialer)
            if config.tls_ca and certificates.TRUSTED in evidence:
                hint = "Without the CA certificate that is set here it would be trusted."
        elif failure.kind in {TLS, NETWORK}:
            evidence = [failure.message]
            failure = certificates.speaks_plainly(self._dialer, config) or failure
        return failed(ProbeStage.TLS, failure, evidence, hint)

    def _connect(self) -> StageResult:
        """MQTT 5 first and then 3.1.1, where the settings leave it open."""
        evidence: list[str] = []
        failure = NO_CONNACK
        versions = versions_to_try(self._config.protocol_version, "")
        for version in versions:
            answer = self._connect_with(version)
            if isinstance(answer, Connack):
                evidence.append(self._allowed(answer, version))
                summary = f"The broker accepts the connection with MQTT {version}."
                return StageResult(
                    ProbeStage.CONNECT, Verdict.OK, summary, evidence=tuple(evidence)
                )
            evidence.append(f"MQTT {version}: {answer.message}")
            failure = answer
            if not failure.older_mqtt:
                break
        return self._connect_failed(failure, evidence)

    def _connect_with(self, version: str) -> Connack | LinkFailure:
        sock = self._sock or self._dialer.again()
        self._sock = None
        if isinstance(sock, LinkFailure):
            return sock
        session = self._open(sock, version)
        greeted = None
        if isinstance(sock, ssl.SSLSocket) and not self._config.tls_client_certificate:
            greeted = session.greeting()
        answer = greeted or session.connect(self._tools.timeouts.connack)
        if isinstance(answer, LinkFailure):
            session.close()
            return answer
        self._session = session
        self._version = version
        self._allows = answer.allows
        return answer

    def _open(self, sock: socket.socket, version: str) -> ProbeSession:
        return ProbeSession(
            sock,
            self._config,
            v5=version == "5",
            limit=self._tools.limit,
            deadline=self._deadline,
        )

    def _redial(self) -> ProbeSession | LinkFailure:
        """After the broker closed the session for a filter."""
        answer = self._connect_with(self._version)
        if isinstance(answer, LinkFailure):
            return answer
        assert self._session is not None
        return self._session

    def _allowed(self, answer: Connack, version: str) -> str:
        allows: BrokerCapabilities = answer.allows if version == "5" else OLDER_BROKER
        return sentence(
            msgspec.structs.replace(
                allows,
                protocol=version,
                asked_keepalive=self._config.keepalive,
                asked_session_expiry=0,
            )
        )

    def _connect_failed(self, failure: LinkFailure, evidence: list[str]) -> StageResult:
        hint = ""
        undecided = failure.kind in {BROKER, NETWORK} and failure.broker_code is None
        if undecided and not self._config.use_tls and certificates.speaks_tls(self._dialer):
            failure = SPEAKS_TLS
        if failure.broker_code in REFUSES_CLIENT_IDS:
            hint = (
                f"This test used the client id {self._config.client_id}: where the broker ties its "
                "access rules to client ids, only the link itself can show it."
            )
        return failed(ProbeStage.CONNECT, failure, evidence, hint)

    def _message(self, *, has_filters: bool) -> StageResult:
        if not has_filters:
            return StageResult(ProbeStage.MESSAGE, Verdict.SKIPPED, "No filter was asked for.")
        assert self._session is not None
        return arrivals(self._session, self._tools.timeouts.message, self._listen)
