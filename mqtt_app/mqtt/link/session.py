"""One connection: feeds the state machine with events and carries out its effects. Lives on the
loop's thread.
"""

import socket
import time
from collections.abc import Callable
from functools import partial

from mqtt_app.domain.link import events
from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.failures import LinkFailure
from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.connack import Connack
from mqtt_app.domain.link.protocol.control_packets import Suback
from mqtt_app.domain.link.stages import Stage, StageTime
from mqtt_app.domain.link.state import Link, State, versions_to_try
from mqtt_app.domain.link.transitions import Effect
from mqtt_app.domain.link.trouble.memory import LinkMemory
from mqtt_app.mqtt.link.client import MqttClient
from mqtt_app.mqtt.link.connector import Connector
from mqtt_app.mqtt.link.intake import Intake
from mqtt_app.mqtt.link.keepalive import Keepalive
from mqtt_app.mqtt.link.link_io import LinkIo
from mqtt_app.mqtt.link.link_services import LinkServices
from mqtt_app.mqtt.link.machine import LinkMachine
from mqtt_app.mqtt.link.reporter import LinkKnowledge, LinkReporter
from mqtt_app.mqtt.link.subscribing.history import LinkHistory
from mqtt_app.mqtt.link.subscribing.subscriber import Subscriber
from mqtt_app.mqtt.link.subscriptions import Subscriptions


class Session:
    """`finished` is called once, when the link is closed for good."""

    def __init__(
        self,
        services: LinkServices,
        config: ConnectionConfig,
        finished: Callable[["Session"], None],
    ) -> None:
        self._services = services
        self.config = config
        self._finished = finished
        versions = versions_to_try(config.protocol_version, config.negotiated_version)
        link = Link(versions=versions, all_versions=versions, retries=config.retry_count)
        self._machine = LinkMachine(services, link, self._carry_out)
        self._reporter = LinkReporter(services.statuses, services.connection_log, self._knowledge)
        self._subscriber = Subscriber(
            services.loop, services.statuses, self._reporter, config, services.session_expiry
        )
        self._history = LinkHistory(config)
        self.keepalive = Keepalive(
            services.loop,
            judging=self._is_silence_judged,
            pinging=self._is_pinged,
            lost=self._on_silence,
            packet_timeout=services.packet_timeout,
        )
        self.intake = Intake(services, self._subscriber.subscriptions, config)
        self.io = LinkIo(services.loop, self.keepalive.heard, self._after_read)
        self._connector = Connector(services, self._on_dialed)
        self.connected_at: float | None = None  # unix time

    @property
    def link(self) -> Link:
        return self._machine.link

    @property
    def subscriptions(self) -> Subscriptions:
        return self._subscriber.subscriptions

    @property
    def stage(self) -> StageTime:
        """What the connect is at."""
        stage = _STAGES.get(self.link.state)
        if stage is None:
            return self._connector.stage
        since = time.time() - (self._services.loop.clock() - self.link.since)
        return StageTime(stage, round(since, 1))

    @property
    def paused(self) -> bool:
        return self.io.paused

    # Commands

    def start(self) -> None:
        self._services.delivery.attach(self.config.id, self)
        self._machine.on_event(events.Start())

    def drain(self) -> None:
        self._machine.on_event(events.Drain())
        self.acknowledge_ready()

    def abandon(self) -> None:
        """Another instance owns it: close at once."""
        self._reporter.replaced(self.config)
        self._machine.on_event(events.Abandon())

    def adjust(self, config: ConnectionConfig) -> None:
        """Nothing changed that needs another link: this one stays."""
        self.config = config
        self.intake.flow.filters = config.filter_names
        if self.io.client is not None and self.link.state in {State.SUBSCRIBING, State.UP}:
            self._subscriber.synchronize(config, self.io.client)
            self._subscriber.report()

    # From the delivery

    def message_committed(self, epoch: int, packet_id: int) -> None:
        if epoch == self.intake.epoch:
            self.intake.acks.mark_committed(packet_id)

    def acknowledge_ready(self) -> None:
        """If we still may. In the drain, disconnect when nothing is left to be acknowledged."""
        client = self.io.client
        if client is None:
            return
        if self._services.may_acknowledge():
            ready = self.intake.acks.take_ready()
            if ready:
                client.acknowledge(ready)
        if self.link.state is State.DRAINING and not len(self.intake.acks):
            self._machine.on_event(events.Drained())

    def set_paused(self, paused: bool) -> None:
        self.io.set_paused(paused)

    # From the client, see listener.py

    def on_accepted(self, packet: Connack) -> None:
        client = self.io.client
        if client is None:
            return
        # MQTT 5 can be asked once more without harm. An older broker sends all it retains then:
        # only if it was away.
        is_trusted = not client.is_v5 and self.link.retries <= 1
        accepted = self._subscriber.on_accepted(packet, self.config, client, trusted=is_trusted)
        self._history.on_accepted()
        self._machine.on_event(accepted)
        self.keepalive.agreed()

    def on_refused(self, failure: LinkFailure) -> None:
        self._later(events.Refused(failure))

    def on_lost(self, failure: LinkFailure) -> None:
        self._later(events.Lost(self._explained(failure)))

    def _explained(self, failure: LinkFailure) -> LinkFailure:
        """What a lost link is remembered and reported with."""
        is_asking = bool(self._subscriber.subscriptions.unanswered)
        if self.link.state in {State.SUBSCRIBING, State.UP}:
            self._history.on_lost(failure, is_asking=is_asking)
            return self._subscriber.on_lost(failure)
        return failure

    def on_suback(self, packet: Suback) -> None:
        client = self.io.client
        if client is not None:
            self._machine.on_event(self._subscriber.on_suback(packet, self.config, client))

    def on_unsuback(self, packet_id: int, codes: bytes | None) -> None:
        if self.io.client is not None:
            self._subscriber.on_unsuback(packet_id, codes, self.config, self.io.client)

    def on_message(self, message: Publish) -> None:
        if self.io.client is not None:
            self.intake.take(message, self.config, self.io.client.window)

    def on_socket_closing(self, descriptor: int) -> None:
        self.io.unwatch(descriptor)

    def on_writable_wanted(self) -> None:
        self.io.write_soon()

    def _knowledge(self) -> LinkKnowledge:
        allows = self._subscriber.allows
        memory = LinkMemory(self._subscriber.trials, self._history.interruptions)
        return LinkKnowledge(allows if allows.protocol else None, memory)

    # From the loop

    def _after_read(self) -> None:
        self.keepalive.packet_timer.look()
        if self.intake.has_ready:
            self.intake.has_ready = False
            self.acknowledge_ready()

    def _is_silence_judged(self) -> bool:
        return self.link.state is State.UP and not self.paused

    def _is_pinged(self, silence: float, interval: float) -> bool:
        is_connected = self.link.state in {State.SUBSCRIBING, State.UP, State.DRAINING}
        return is_connected and (self.paused or silence >= interval)

    def _on_silence(self, failure: LinkFailure) -> None:
        self._machine.on_event(events.Lost(self._explained(failure)))

    # Events and effects

    def _later(self, event: events.Event) -> None:
        """Not from within the client, which is about to use its socket still."""
        self._services.loop.call(partial(self._on_event_of, self.io.client, event))

    def _on_event_of(self, client: MqttClient | None, event: events.Event) -> None:
        if self.io.client is client:
            self._machine.on_event(event)

    def _carry_out(self, effect: Effect) -> None:
        if effect in _REPORTS:
            self._history.judge(self.link.failure)
            _REPORTS[effect](self._reporter, self.config, self.link)
        else:
            _EFFECTS[effect](self)

    # Effects

    def _start_dial(self) -> None:
        turn = self._connector.start(self.config)
        self._machine.on_event(events.Paced(turn))

    def _on_dialed(self, result: socket.socket | LinkFailure) -> None:
        if isinstance(result, LinkFailure):
            self._machine.on_event(events.DialFailed(result))
            return
        version = self.link.version
        self.io.client = self._services.new_client(self.config, version, result, self)
        self._machine.on_event(events.Dialed())

    def _handshake(self) -> None:
        client = self.io.client
        assert client is not None
        self.intake.begin(self._services.next_epoch())
        self._services.delivery.attach(self.config.id, self)
        self.io.watch(client)
        client.send_connect()
        self.keepalive.begin(client)

    def _subscribe(self) -> None:
        if self.io.client is not None:
            self._subscriber.synchronize(self.config, self.io.client)
            if self._subscriber.subscriptions.are_answered:
                self._machine.on_event(events.Granted())

    def _stop_reading(self) -> None:
        self.io.stop_reading()

    def _goodbye(self) -> None:
        if self.io.client is not None:
            self.io.client.goodbye()
        self._forget_client()

    def _close(self) -> None:
        if self.io.client is not None:
            self.io.client.close()
        self._forget_client()

    def _forget_client(self) -> None:
        self.io.client = None
        self.connected_at = None
        self.intake.end()
        self.keepalive.end()
        self._connector.cancel()

    def _report_connected(self) -> None:
        self.connected_at = time.time()
        self._reporter.connected(self.config, self.link, self.connected_at)

    def _finish(self) -> None:
        self._services.delivery.detach(self.config.id, self)
        self._finished(self)


_EFFECTS: dict[Effect, Callable[[Session], None]] = {
    Effect.DIAL: Session._start_dial,
    Effect.HANDSHAKE: Session._handshake,
    Effect.SUBSCRIBE: Session._subscribe,
    Effect.STOP_READING: Session._stop_reading,
    Effect.GOODBYE: Session._goodbye,
    Effect.CLOSE: Session._close,
    Effect.REPORT_CONNECTED: Session._report_connected,
    Effect.FINISHED: Session._finish,
}
_STAGES = {State.HANDSHAKING: Stage.CONNECT, State.SUBSCRIBING: Stage.SUBSCRIBE}
_REPORTS: dict[Effect, Callable[[LinkReporter, ConnectionConfig, Link], None]] = {
    Effect.REPORT_CONNECTING: LinkReporter.connecting,
    Effect.REPORT_FAILED: LinkReporter.failed,
    Effect.REPORT_LOST: LinkReporter.lost,
    Effect.REPORT_DISCONNECTED: LinkReporter.disconnected,
}
