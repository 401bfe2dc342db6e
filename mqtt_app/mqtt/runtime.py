"""Puts the parts of an MQTT worker together, starts and stops them."""

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable

import msgspec

from mqtt_app import events, logging_utils
from mqtt_app.background.periodic_thread import PeriodicThread
from mqtt_app.conf import Config
from mqtt_app.coordination.leases import Lease
from mqtt_app.domain.delivery.batching import Limits
from mqtt_app.domain.health.vitals import Vitals
from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.state import LinkTimeouts
from mqtt_app.mqtt import clocks
from mqtt_app.mqtt.connection_log_writer import ConnectionLogWriter
from mqtt_app.mqtt.delivery.ack_receiver import AckReceiver
from mqtt_app.mqtt.delivery.batch_sender import BatchSender
from mqtt_app.mqtt.delivery.delivery import BatchDelivery
from mqtt_app.mqtt.evidence_publisher import EvidencePublisher
from mqtt_app.mqtt.link.dialer import Dialer, DialSettings
from mqtt_app.mqtt.link.link_services import LinkServices, Pacer
from mqtt_app.mqtt.link.machine import DOUBT
from mqtt_app.mqtt.link.session import Session
from mqtt_app.mqtt.link.unfinished import UnfinishedBytes
from mqtt_app.mqtt.link_survey import LinkSurvey
from mqtt_app.mqtt.loop import Loop
from mqtt_app.mqtt.ownership.lease_keeper import LeaseKeeper
from mqtt_app.mqtt.ownership.link_reconciler import LinkReconciler
from mqtt_app.mqtt.ports import Ports
from mqtt_app.mqtt.status_writer import StatusWriter

log = logging.getLogger(__name__)

EARLY_CHECK = 0.05  # s
NUDGE_TIMEOUT = 1.0  # s one wait for nudges lasts
STOP_WRITING_AFTER = 2.0  # s for what the links have still to report


class Runtime:
    """One start of an instance, from `start` to `stop`."""

    def __init__(self, instance_id: str, config: Config, ports: Ports) -> None:
        self.instance_id = instance_id
        self.incarnation = uuid.uuid4().hex
        self._config = config
        self._ports = ports
        self._is_stopped = False
        self._loop_vitals = Vitals()
        self.loop = Loop(clocks.now)
        self.delivery = BatchDelivery(
            self.loop, _batch_limits(config), instance_id, self.incarnation
        )
        self._keeper = self._make_keeper()
        self._statuses = StatusWriter(ports.store, self._wake)
        self._connection_log = ConnectionLogWriter(self.loop)
        dialling = DialSettings(config.dial_threads, config.connect_timeout, config.bind_address)
        self._dialer = Dialer(dialling, ports.guard, ports.resolve)
        self._services = self._make_services()
        self._reconciler = self._make_reconciler()
        self._sender = BatchSender(self.loop, self.delivery, ports.on_batch)
        self._receiver = AckReceiver(
            self.loop,
            self.delivery,
            ports.acks,
            ports.find_receipts,
            instance_id=instance_id,
            incarnation=self.incarnation,
        )
        self._evidence = self._make_evidence_publisher()
        self._nudges = PeriodicThread(
            "mqtt-nudges", self._wait_for_nudge, every=0.0, at_end=ports.nudges.close
        )

    def start(self) -> None:
        for part in (
            self.loop,
            self._statuses,
            self._sender,
            self._receiver,
            self._keeper,
            self._reconciler,
            self._nudges,
            self._evidence,
        ):
            part.start()

    def stop(self) -> None:
        """Hand everything over, then give the lease back. Takes the drain timeout and a few seconds
        at most.
        """
        if self._is_stopped:
            return
        self._is_stopped = True
        self._nudges.end_soon()
        self._keeper.announce_drain()
        self._reconciler.drain()
        self._wait_for_early_messages()
        self._statuses.stop(STOP_WRITING_AFTER)
        self._keeper.stop()
        self._ports.nudge()
        for part in (self._evidence, self._receiver, self._sender, self._dialer):
            part.stop()
        self.loop.stop()
        self._connection_log.close()
        log.info("MQTT Monitor stopped (instance: %s)", self.instance_id)

    def _wait_for_early_messages(self) -> None:
        """What was acknowledged before its commit is nowhere else."""
        deadline = self.loop.clock() + self._config.drain_timeout
        while self.delivery.early and self.loop.clock() < deadline:
            time.sleep(EARLY_CHECK)
        if self.delivery.early:
            log.error(
                "%d messages were acknowledged early and are not committed; what is not in the"
                " queue yet is lost",
                self.delivery.early,
            )

    def sessions(self) -> list[Session]:
        return self._reconciler.sessions()

    def _wake(self) -> None:
        self._reconciler.wake()

    def _wait_for_nudge(self) -> None:
        if self._ports.nudges.wait(NUDGE_TIMEOUT):
            self._wake()

    def _is_still_ours(self, since: float) -> bool:
        return self._reconciler.confirmed_since(since)

    def _may_acknowledge(self) -> bool:
        return self._keeper.may_act() and self._is_still_ours(self._keeper.regained_at)

    def _on_lease_changed(self) -> None:
        self._wake()
        self.loop.call(self._acknowledge_ready)

    def _on_redis_wiped(self) -> None:
        self.loop.call(self.delivery.outcomes.ask_for_all)

    def _acknowledge_ready(self) -> None:
        """What was committed while we might not act is acknowledged, once the rows show that the
        links are ours.
        """
        if self._keeper.may_act() and not self._may_acknowledge():
            self.loop.at(self.loop.clock() + DOUBT, self._acknowledge_ready)
            return
        for session in self.sessions():
            session.acknowledge_ready()

    def _vitals(self) -> Vitals:
        """What the loop has to be asked for is as it was at the last renewal."""
        self.loop.call(self._take_loop_vitals)
        now = self.loop.clock()
        opened = [session for session in self.sessions() if self._is_allow_listed(session)]
        return msgspec.structs.replace(
            self._loop_vitals,
            last_turn=now - self.loop.turned_at,
            last_look=now - self._reconciler.looked_at,
            log_rows=logging_utils.waiting(),
            events=events.waiting(),
            allow_listed=len(opened),
        )

    def _is_allow_listed(self, session: Session) -> bool:
        return bool(self._ports.opened_by(session.config.host))

    def _take_loop_vitals(self) -> None:
        self._loop_vitals = self.delivery.vitals()

    def _make_keeper(self) -> LeaseKeeper:
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
            self._ports.leases,
            lease,
            renew_every=config.lease_renew,
            act_for=config.lease_act,
            clock=clocks.now,
            changed=self._on_lease_changed,
            wiped=self._on_redis_wiped,
            vitals=self._vitals,
        )

    def _make_services(self) -> LinkServices:
        config = self._config
        return LinkServices(
            loop=self.loop,
            dialer=self._dialer,
            delivery=self.delivery,
            statuses=self._statuses,
            connection_log=self._connection_log,
            timeouts=_link_timeouts(config),
            pacer=Pacer(config.connect_rate),
            unfinished=UnfinishedBytes(config.unfinished_bytes),
            may_act=self._keeper.may_act,
            may_acknowledge=self._may_acknowledge,
            is_still_ours=self._is_still_ours,
            receive_maximum=config.receive_maximum,
            maximum_packet_size=config.maximum_packet_size,
            session_expiry=config.session_expiry,
            packet_timeout=config.packet_timeout,
        )

    def _make_reconciler(self) -> LinkReconciler:
        return LinkReconciler(
            self.instance_id,
            self.loop,
            self._keeper,
            self._ports.store,
            self._new_session,
            scan_interval=self._config.scan_interval,
            force_after=self._config.force_after,
            drain_timeout=self._config.drain_timeout,
            reconcile_if_needed=self._ports.reconcile_if_needed,
            nudge=self._ports.nudge,
        )

    def _make_evidence_publisher(self) -> EvidencePublisher:
        ports = self._ports
        survey = LinkSurvey(self.loop, self.sessions, self.delivery.stalls, ports.opened_by)
        return EvidencePublisher(
            survey,
            ports.evidence,
            ports.publish_flow,
            self.instance_id,
            report_matches=self._statuses.report_matches,
            evidence_every=self._config.evidence_interval,
            live_every=self._config.live_interval,
        )

    def _new_session(
        self, config: ConnectionConfig, finished: Callable[[Session], None]
    ) -> Session:
        return Session(self._services, config, finished)


def _batch_limits(config: Config) -> Limits:
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


def _link_timeouts(config: Config) -> LinkTimeouts:
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
