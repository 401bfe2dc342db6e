"""Puts the parts of an MQTT worker together, starts and stops them."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from mqtt_app import events, logging_utils
from mqtt_app.conf import Config
from mqtt_app.coordination.leases import Lease
from mqtt_app.domain.delivery.batching import Limits
from mqtt_app.domain.health.vitals import Vitals
from mqtt_app.domain.link.state import LinkTimeouts
from mqtt_app.mqtt import clocks
from mqtt_app.mqtt.connection_log_writer import ConnectionLogWriter
from mqtt_app.mqtt.delivery.batch_sender import AckReceiver, Acks, Sender
from mqtt_app.mqtt.delivery.delivery import BatchDelivery
from mqtt_app.mqtt.evidence_publisher import Evidence, EvidencePublisher, FlowOut
from mqtt_app.mqtt.link.dialer import Dialer, Guard, Resolver, Settings
from mqtt_app.mqtt.link.link_services import LinkServices, Pacer
from mqtt_app.mqtt.link.session import DOUBT, Session
from mqtt_app.mqtt.link.unfinished import UnfinishedBytes
from mqtt_app.mqtt.loop import Loop
from mqtt_app.mqtt.ownership.lease_keeper import LeaseKeeper, Leases
from mqtt_app.mqtt.ownership.link_reconciler import LinkReconciler, Ownership
from mqtt_app.mqtt.status_writer import StatusWriter, Writer
from mqtt_app.services.ownership import ConnectionConfig

log = logging.getLogger(__name__)

EARLY_CHECK = 0.05  # s


class Nudges(Protocol):
    def wait(self, timeout: float) -> bool: ...
    def close(self) -> None: ...


class DatabasePort(Ownership, Writer, Protocol):
    """Everything that a worker reads from and writes to the connections' rows."""


class Ports(msgspec.Struct, frozen=True):
    """The outside world. `on_batch` raises when a batch is not taken; `guard` says why an address
    is forbidden, `opened_by` which entry of the allow-list permits a host.
    """

    on_batch: Callable[[bytes], None]
    ownership: Any  # a DatabasePort
    leases: Any  # a lease_keeper.Leases
    acks: Any  # a carriers.Acks
    nudges: Any  # a Nudges
    evidence: Any  # a pulse.Evidence
    committed: Callable[[Sequence[str]], Collection[str]]
    flow: FlowOut
    nudge: Callable[[], None]
    tidy: Callable[[datetime], None]
    guard: Guard
    resolve: Resolver | None = None
    opened_by: Callable[[str], str] = lambda _host: ""


class Runtime:
    def __init__(self, instance_id: str, config: Config, ports: Ports) -> None:
        self.instance_id, self.incarnation = instance_id, uuid.uuid4().hex
        self._config, self._ports = config, ports
        self._stopping = threading.Event()
        ownership: DatabasePort = ports.ownership
        self.loop = Loop(clocks.now)
        self.delivery = BatchDelivery(self.loop, _limits(config), instance_id, self.incarnation)
        self._waiting = Vitals()
        self._keeper = self._make_keeper(ports.leases)
        self._reports = StatusWriter(ownership, self._wake)
        self._book = ConnectionLogWriter(self.loop)
        dialling = Settings(config.dial_threads, config.connect_timeout, config.bind_address)
        self._dialer = Dialer(dialling, ports.guard, ports.resolve)
        self._context = self._make_context()
        self._supervisor = self._make_supervisor(ownership)
        acks: Acks = ports.acks
        self._sender = Sender(self.loop, self.delivery, ports.on_batch)
        who = (instance_id, self.incarnation)
        self._receiver = AckReceiver(self.loop, self.delivery, acks, ports.committed, who=who)
        self._pulse = self._make_pulse(ports.evidence)
        self._listener = threading.Thread(target=self._listen, name="mqtt-nudges", daemon=True)

    def start(self) -> None:
        for part in (
            self.loop,
            self._reports,
            self._sender,
            self._receiver,
            self._keeper,
            self._supervisor,
            self._listener,
            self._pulse,
        ):
            part.start()

    def stop(self) -> None:
        """Hand everything over, then give the lease back. Takes the drain timeout and a few seconds
        at most.
        """
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._keeper.announce_drain()
        self._supervisor.drain()
        self._wait_for_early_ones()
        self._reports.stop(2.0)
        self._keeper.stop()
        self._ports.nudge()
        for part in (self._pulse, self._receiver, self._sender, self._dialer):
            part.stop()
        self.loop.stop()
        self._book.close()
        log.info("MQTT Monitor stopped (instance: %s)", self.instance_id)

    def _wait_for_early_ones(self) -> None:
        """What was acknowledged before its commit is nowhere else."""
        deadline = self.loop.clock() + self._config.drain_timeout
        while self.delivery.early and self.loop.clock() < deadline:
            time.sleep(EARLY_CHECK)
        if self.delivery.early:
            log.error(
                "%d messages were acknowledged early and are not committed; what is not in the queue yet is lost",
                self.delivery.early,
            )

    def sessions(self) -> list[Session]:
        return self._supervisor.sessions()

    def _wake(self) -> None:
        self._supervisor.wake()

    def _is_still_ours(self, since: float) -> bool:
        return self._supervisor.confirmed_since(since)

    def _lease_changed(self) -> None:
        self._supervisor.wake()
        self.loop.call(self._settle)

    def _may_acknowledge(self) -> bool:
        return self._keeper.may_act() and self._supervisor.confirmed_since(self._keeper.regained_at)

    def _settle(self) -> None:
        """What was committed while we might not act is acknowledged, once the rows show that the
        links are ours.
        """
        if self._keeper.may_act() and not self._may_acknowledge():
            self.loop.at(self.loop.clock() + DOUBT, self._settle)
            return
        for session in self.sessions():
            session.settle()

    def _vitals(self) -> Vitals:
        """Seconds old at most one renewal later; what the loop cannot be asked for now stays as it
        last was.
        """
        self.loop.call(self._note_vitals)
        now = self.loop.clock()
        last_turn, last_look = now - self.loop.turned_at, now - self._supervisor.looked_at
        log_rows, events_waiting = logging_utils.waiting(), events.waiting()
        allow_listed = sum(
            bool(self._ports.opened_by(session.config.host)) for session in self.sessions()
        )
        return msgspec.structs.replace(
            self._waiting,
            last_turn=last_turn,
            last_look=last_look,
            log_rows=log_rows,
            events=events_waiting,
            allow_listed=allow_listed,
        )

    def _note_vitals(self) -> None:
        self._waiting = self.delivery.vitals()

    def _listen(self) -> None:
        nudges: Nudges = self._ports.nudges
        while not self._stopping.is_set():
            if nudges.wait(1.0):
                self._supervisor.wake()
        nudges.close()

    def _make_keeper(self, leases: Leases) -> LeaseKeeper:
        config = self._config
        lease = Lease(
            instance_id=self.instance_id,
            incarnation=self.incarnation,
            capacity=config.capacity,
            pid=os.getpid(),
            host=socket.gethostname(),
            started_at=time.time(),
        )
        return LeaseKeeper(
            leases,
            lease,
            renew_every=config.lease_renew,
            act_for=config.lease_act,
            clock=clocks.now,
            changed=self._lease_changed,
            wiped=lambda: self.loop.call(self.delivery.look_after_loss),
            vitals=self._vitals,
        )

    def _make_context(self) -> LinkServices:
        config = self._config
        return LinkServices(
            loop=self.loop,
            dialer=self._dialer,
            delivery=self.delivery,
            reports=self._reports,
            book=self._book,
            policy=_policy(config),
            pacer=Pacer(config.connect_rate),
            may_act=self._keeper.may_act,
            may_acknowledge=self._may_acknowledge,
            is_still_ours=self._is_still_ours,
            receive_maximum=config.receive_maximum,
            maximum_packet_size=config.maximum_packet_size,
            packet_timeout=config.packet_timeout,
            unfinished=UnfinishedBytes(config.unfinished_bytes),
            session_expiry=config.session_expiry,
        )

    def _make_supervisor(self, ownership: Ownership) -> LinkReconciler:
        return LinkReconciler(
            self.instance_id,
            self.loop,
            self._keeper,
            ownership,
            self._new_session,
            scan_interval=self._config.scan_interval,
            force_after=self._config.force_after,
            drain_timeout=self._config.drain_timeout,
            tidy=self._ports.tidy,
            nudge=self._ports.nudge,
        )

    def _make_pulse(self, evidence: Evidence) -> EvidencePublisher:
        return EvidencePublisher(
            self.loop,
            self.sessions,
            evidence,
            self._ports.flow,
            self.instance_id,
            matched=self._reports.matched,
            opened_by=self._ports.opened_by,
            evidence_every=self._config.evidence_interval,
            live_every=self._config.live_interval,
            stalls=self.delivery.stalls,
        )

    def _new_session(
        self, config: ConnectionConfig, finished: Callable[[Session], None]
    ) -> Session:
        return Session(self._context, config, finished)


def _limits(config: Config) -> Limits:
    return Limits(
        messages=config.batch_messages,
        size=config.batch_bytes,
        linger=config.batch_linger,
        patience=config.batch_patience,
        in_flight=config.batches_in_flight,
        pending=config.pending_bytes,
        receipt_timeout=config.receipt_timeout,
        quarantine_after=config.quarantine_after,
    )


def _policy(config: Config) -> LinkTimeouts:
    return LinkTimeouts(
        dial_timeout=2 * config.connect_timeout,
        connack_timeout=config.connack_timeout,
        suback_timeout=config.suback_timeout,
        drain_timeout=config.drain_timeout,
        backoff_base=config.backoff_base,
        backoff_cap=config.backoff_cap,
        backoff_stable=config.backoff_stable,
        refused_base=config.refused_base,
        refused_cap=config.refused_cap,
        violation_base=config.violation_base,
    )
