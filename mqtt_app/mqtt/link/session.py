"""One connection: feeds the state machine with events and carries out its effects. Lives on the
loop's thread.
"""

import random
import socket
import time
from collections.abc import Callable, Mapping, Sequence

from mqtt_app.domain.link import state as machine
from mqtt_app.domain.link import sweep
from mqtt_app.domain.link.failures import LinkFailure
from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.state import Effect, Link, State
from mqtt_app.mqtt.link.client import MqttClient
from mqtt_app.mqtt.link.dialer import Dial
from mqtt_app.mqtt.link.intake import Intake
from mqtt_app.mqtt.link.keepalive import Keepalive
from mqtt_app.mqtt.link.link_services import LinkServices
from mqtt_app.mqtt.link.reporter import LinkReporter
from mqtt_app.mqtt.link.subscriptions import Subscriptions
from mqtt_app.mqtt.loop import Timer
from mqtt_app.services.ownership import Answers, ConnectionConfig

TURN = 200  # packets a link may have handled before the others get their turn
DOUBT = 0.1  # s between two looks while it is in doubt whether the link is still ours to connect


class Session:
    """`finished` is called once, when the link is closed for good."""

    def __init__(
        self, context: LinkServices, config: ConnectionConfig, finished: Callable[["Session"], None]
    ) -> None:
        self._context, self.config, self._finished = context, config, finished
        versions = machine.versions_to_try(config.protocol_version, config.negotiated_version)
        self.link = Link(versions=versions, all_versions=versions, retries=config.retry_count)
        self._voice = LinkReporter(context.reports, context.book)
        self.subscriptions = Subscriptions(config)
        self.keepalive = Keepalive(
            context.loop,
            judging=lambda: self.link.state is State.UP and not self.paused,
            pinging=self._is_pinged,
            lost=lambda failure: self._happened(machine.Lost(failure)),
            packet_timeout=context.packet_timeout,
        )
        self.intake = Intake(context, self.subscriptions, config)
        self.connected_at: float | None = None  # unix time
        self.paused = False
        self._reading_stopped = self._want_write = False
        self._client: MqttClient | None = None
        self._dial: Dial | None = None
        self._deadline: Timer | None = None

    # Commands

    def start(self) -> None:
        self._context.delivery.attach(self.config.id, self)
        self._happened(machine.Start())

    def drain(self) -> None:
        self._happened(machine.Drain())
        self.settle()

    def abandon(self) -> None:
        self._voice.replaced(self.config)
        self._happened(machine.Abandon())

    def adjust(self, config: ConnectionConfig) -> None:
        """Nothing changed that needs another link: this one stays."""
        self.config = config
        self.intake.flow.filters = tuple(one.filter for one in config.filters)
        if self._client is not None and self.link.state in {State.SUBSCRIBING, State.UP}:
            self._bring_about(self._client)
            self._say_answers()

    # Acknowledgements

    def committed(self, epoch: int, packet_id: int) -> None:
        if epoch == self.intake.epoch:
            self.intake.acks.committed(packet_id)

    def settle(self) -> None:
        """Acknowledge what is committed, if we still may; in the drain, part when nothing is open."""
        client = self._client
        if client is None:
            return
        if self._context.may_acknowledge():
            ready = self.intake.acks.ready()
            if ready:
                client.acknowledge(ready)
        if self.link.state is State.DRAINING and not len(self.intake.acks):
            self._happened(machine.Drained())

    def set_paused(self, paused: bool) -> None:
        self.paused = paused
        self._set_interest()
        if not paused and self._client is not None:
            self._context.loop.read_again(self._client.fileno())

    # From the loop

    def read_turn(self) -> bool:
        client = self._client
        if client is None or self.paused or self._reading_stopped:
            return False
        self.keepalive.heard()
        more = client.read(TURN)
        self.keepalive.packet_timer.look()
        if self.intake.settles:
            self.intake.settles = False
            self.settle()
        return more and not self.paused

    def write_turn(self) -> None:
        if self._client is not None:
            self._want_write = False
            self._client.write()
            if self._client is not None and self._client.want_write():
                self._want_write = True
            self._set_interest()

    def gone_turn(self) -> None:
        if self._client is not None:
            self._client.hung_up()

    # From the client

    def on_accepted(self, session_present: bool) -> None:
        client = self._client
        if client is None:
            return
        # MQTT 5 can be asked once more without harm. An older broker sends all it retains then:
        # only if it was away.
        trusted = not client.is_v5 and self.link.retries <= 1
        known = {
            "present": session_present,
            "identified": client.takes_identifiers,
            "trusted": trusted,
        }
        self.subscriptions.on_session(self.config, **known)
        self._happened(machine.Accepted(to_subscribe=self.subscriptions.differ))

    def on_refused(self, failure: LinkFailure) -> None:
        self._later(machine.Refused(failure))

    def on_lost(self, failure: LinkFailure) -> None:
        self._later(machine.Lost(failure))

    def on_granted(self, packet_id: int, codes: Sequence[int]) -> None:
        client = self._client
        answer = self.subscriptions.answered(packet_id, codes, client) if client is not None else {}
        self._say_answers(answer)
        self._voice.answered(self.config, answer)
        if self.subscriptions.are_answered:
            self._happened(machine.Granted())

    def on_left(self, packet_id: int, codes: Sequence[int] | None) -> None:
        if self._client is not None:
            self.subscriptions.left(packet_id, codes, self._client)
            self._say_answers()

    def _say_answers(self, codes: Mapping[str, int] | None = None) -> None:
        """To the database: what was granted, and for the next owner whether there is anything left
        to ask.
        """
        said = Answers(codes or {}, self.subscriptions.in_line_with)
        if said.codes or said.in_line_with:
            self._context.reports.answers(self.config, said)

    def on_message(self, message: Publish) -> None:
        if self._client is not None:
            self.intake.take(message, self.config, self._client.window)

    def on_socket_closing(self, descriptor: int) -> None:
        self._context.loop.unwatch(descriptor)

    def on_writable_wanted(self) -> None:
        if not self._want_write:
            self._want_write = True
            self._context.loop.call(
                self.write_turn
            )  # at the end of this round: one write for all that gathers

    # The machine

    def _later(self, event: machine.Event) -> None:
        """Not from within the client, which is about to use its socket still."""
        client = self._client
        self._context.loop.call(lambda: self._happened(event) if self._client is client else None)

    def _happened(self, event: machine.Event) -> None:
        before = self.link
        self.link, effects = machine.step(
            before, event, self._context.loop.clock(), self._context.policy, random.random()
        )
        if self.link is not before:
            self._arm()
        for effect in effects:
            _EFFECTS[effect](self)

    def _arm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self.link.deadline != machine.NEVER:
            self._deadline = self._context.loop.at(self.link.deadline, self._ticked)

    def _ticked(self) -> None:
        context, waits = self._context, self.link.state in {State.WAITING, State.REFUSED}
        if waits and not (context.may_act() and context.is_still_ours(self.link.since)):
            self._deadline = context.loop.at(context.loop.clock() + DOUBT, self._ticked)
        else:
            self._happened(machine.Tick())

    # Effects

    def _start_dial(self) -> None:
        loop = self._context.loop
        attempt = Dial(self.config, lambda result: loop.call(lambda: self._dialed(attempt, result)))
        self._dial = attempt
        slot = self._context.pacer.next_slot(loop.clock())
        self._happened(machine.Paced(slot))
        loop.at(slot, lambda: None if attempt.cancelled else self._context.dialer.dial(attempt))

    def _dialed(self, attempt: Dial, result: socket.socket | LinkFailure) -> None:
        if attempt is not self._dial or attempt.cancelled:
            if isinstance(result, socket.socket):
                result.close()
            return
        self._dial = None
        if isinstance(result, LinkFailure):
            self._happened(machine.DialFailed(result))
            return
        self._client = self._context.new_client(self.config, self.link.version, result, self)
        self._happened(machine.Dialed())

    def _handshake(self) -> None:
        client = self._client
        assert client is not None
        self.intake.begin(self._context.next_epoch())
        self._want_write = self._reading_stopped = self.paused = False
        self._context.delivery.attach(self.config.id, self)
        self._context.loop.watch(client.fileno(), self)
        client.send_connect()
        self.keepalive.begin(client)

    def _subscribe(self) -> None:
        if self._client is not None:
            self._bring_about(self._client)
            if self.subscriptions.are_answered:
                self._happened(machine.Granted())

    def _bring_about(self, client: MqttClient) -> None:
        loop = self._context.loop
        self.subscriptions.bring_about(self.config, client, loop.clock())
        loop.at(
            loop.clock() + sweep.LENGTH + 1.0, lambda: self.subscriptions.end_sweep(loop.clock())
        )

    def _stop_reading(self) -> None:
        self._reading_stopped = True
        self._set_interest()

    def _goodbye(self) -> None:
        if self._client is not None:
            self._client.goodbye()
        self._drop_client()

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._drop_client()

    def _drop_client(self) -> None:
        self._client = None
        self.connected_at = None
        self.intake.end()
        self.keepalive.end()
        if self._dial is not None:
            self._dial.cancel()
            self._dial = None

    def _say_connected(self) -> None:
        self.connected_at = time.time()
        self._voice.connected(self.config, self.link, self.connected_at)

    def _finish(self) -> None:
        self._context.delivery.detach(self.config.id, self)
        self._finished(self)

    def _is_pinged(self, silence: float, interval: float) -> bool:
        return self.link.state in {State.UP, State.DRAINING} and (
            self.paused or silence >= interval
        )

    def _set_interest(self) -> None:
        if self._client is not None:
            read = not (self.paused or self._reading_stopped)
            self._context.loop.change(self._client.fileno(), read=read, write=self._want_write)


_EFFECTS: dict[Effect, Callable[[Session], None]] = {
    Effect.DIAL: Session._start_dial,
    Effect.HANDSHAKE: Session._handshake,
    Effect.SUBSCRIBE: Session._subscribe,
    Effect.STOP_READING: Session._stop_reading,
    Effect.GOODBYE: Session._goodbye,
    Effect.CLOSE: Session._close,
    Effect.SAY_CONNECTING: lambda session: session._voice.connecting(session.config, session.link),
    Effect.SAY_CONNECTED: Session._say_connected,
    Effect.SAY_FAILED: lambda session: session._voice.failed(session.config, session.link),
    Effect.SAY_LOST: lambda session: session._voice.lost(session.config, session.link),
    Effect.SAY_CLEAN: lambda session: session._voice.clean(session.config, session.link),
    Effect.FINISHED: Session._finish,
}
