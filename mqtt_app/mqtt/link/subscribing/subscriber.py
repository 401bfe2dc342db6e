"""Asks the broker of one session for its filters, by what this broker allows and has done before."""

import time
from collections.abc import Mapping

import msgspec

from mqtt_app.domain.link import events, sweep
from mqtt_app.domain.link.answers.askable import SubscribeRules, rules_for
from mqtt_app.domain.link.answers.capabilities import BrokerCapabilities, without
from mqtt_app.domain.link.connection_config import ConnectionConfig, SubackResults
from mqtt_app.domain.link.failures import LinkFailure
from mqtt_app.domain.link.grants import refusal
from mqtt_app.domain.link.protocol.connack import Connack
from mqtt_app.domain.link.protocol.control_packets import Suback
from mqtt_app.domain.link.trouble import filter_trials
from mqtt_app.domain.masking import masked
from mqtt_app.mqtt.link.client import MqttClient
from mqtt_app.mqtt.link.reporter import LinkReporter
from mqtt_app.mqtt.link.subscriptions import Subscriptions
from mqtt_app.mqtt.loop import Loop
from mqtt_app.mqtt.status_writer import StatusWriter

NETWORK = "network"
LATEST_RETRY = 86_400.0  # s; a clock that was set back must not bar a filter for ever


class Subscriber:
    """`allows`: what the broker said last. `trials`: filters that it closes the link for. For the
    loop's thread.
    """

    def __init__(
        self,
        loop: Loop,
        statuses: StatusWriter,
        reporter: LinkReporter,
        config: ConnectionConfig,
        session_expiry: int,
    ) -> None:
        self._loop = loop
        self._statuses = statuses
        self._reporter = reporter
        self._session_expiry = session_expiry
        self.subscriptions = Subscriptions(config)
        self.allows = BrokerCapabilities()
        self.trials = config.memory.trials
        self._had_session = False
        self._client: MqttClient | None = None
        self._config = config

    def on_accepted(
        self, packet: Connack, config: ConnectionConfig, client: MqttClient, *, trusted: bool
    ) -> events.Accepted:
        self._client = client
        self.allows = msgspec.structs.replace(
            without(packet.allows, config.secrets),
            asked_keepalive=config.keepalive,
            asked_session_expiry=self._session_expiry,
        )
        self.trials = filter_trials.keep_wanted(self.trials, config.filter_names)
        session_lost = self._had_session and not packet.session_present
        self._had_session = self._had_session or packet.session_present
        self.subscriptions.on_session(
            config,
            present=packet.session_present,
            identified=packet.allows.identifiers,
            trusted=trusted,
            rules=self._rules(config),
        )
        return events.Accepted(self.subscriptions.differ, session_lost)

    def _rules(self, config: ConnectionConfig) -> SubscribeRules:
        return rules_for(config.filter_names, self.allows, self.trials, config.host, time.time())

    def synchronize(self, config: ConnectionConfig, client: MqttClient) -> None:
        self._client = client
        self._config = config
        loop = self._loop
        rules = self._rules(config)
        self.subscriptions.synchronize(config, client, loop.clock(), rules)
        loop.at(loop.clock() + sweep.LENGTH + 1.0, self._end_sweep)
        self._report_left_out(rules)
        self._try_again_later()

    def _end_sweep(self) -> None:
        self.subscriptions.end_sweep(self._loop.clock())

    def _report_left_out(self, rules: SubscribeRules) -> None:
        codes = {name: found.code for name, found in rules.left_out.items()}
        if codes:
            self._report(codes, {name: found.why for name, found in rules.left_out.items()})

    def _try_again_later(self) -> None:
        """The filters that are left out, when the first of them is due."""
        due = filter_trials.next_at(self.trials)
        if due is not None:
            wait = min(max(0.0, due - time.time()), LATEST_RETRY)
            if wait:
                self._loop.at(self._loop.clock() + wait + 0.1, self._try_again)

    def _try_again(self) -> None:
        client = self._client
        if client is not None and not client.reader.is_over and self.subscriptions.are_answered:
            self.synchronize(self._config, client)

    def on_suback(
        self, packet: Suback, config: ConnectionConfig, client: MqttClient
    ) -> events.Answered | events.Granted:
        """Raises Violation."""
        codes = self.subscriptions.take_suback(packet.packet_id, packet.codes, client)
        self.trials = filter_trials.answered(self.trials, codes)
        why = {
            name: masked(refusal(code, packet.words), config.secrets)
            for name, code in codes.items()
        }
        self._config = config
        self._report(codes, why)
        self._reporter.subscribed(config, why)
        if not self.subscriptions.are_answered:
            return events.Answered()
        self.trials = filter_trials.completed(self.trials, len(config.filters))
        return events.Granted()

    def on_unsuback(
        self, packet_id: int, codes: bytes | None, config: ConnectionConfig, client: MqttClient
    ) -> None:
        """Raises Violation."""
        self.subscriptions.take_unsuback(packet_id, codes, client)
        self._config = config
        self.report()

    def report(self) -> None:
        """For the next owner: whether anything is left to be asked."""
        self._report({}, {})

    def _report(self, codes: Mapping[str, int], why: Mapping[str, str]) -> None:
        results = SubackResults(codes, self.subscriptions.synced_version, why)
        if results.codes or results.synced_version:
            self._statuses.report_subacks(self._config, results)

    def on_lost(self, failure: LinkFailure) -> LinkFailure:
        """The failure to report: the broker may have closed the link because of what it was asked."""
        self._client = None
        unanswered = self.subscriptions.unanswered
        if not unanswered or failure.is_violation or failure.is_silent:
            return failure
        if failure.kind != NETWORK and failure.broker_code is None:
            return failure
        self.trials = filter_trials.closed(self.trials, unanswered, time.time())
        return filter_trials.explain(self.trials, unanswered, failure)
