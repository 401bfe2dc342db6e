"""The MQTT runtime as a part of a Celery worker: started with it, drained when it stops.

It belongs to the worker, not to its consumer, which is stopped and started with the connection to
Redis.
"""

import logging
import time
from functools import partial
from typing import Any

from celery import Celery, bootsteps
from kombu import Connection
from kombu.exceptions import OperationalError

from mqtt_app import events
from mqtt_app.conf import Config, config
from mqtt_app.coordination.acks import AckList
from mqtt_app.coordination.client import blocking_client, quick_client
from mqtt_app.coordination.evidence import EvidenceStore
from mqtt_app.coordination.leases import LeaseStore
from mqtt_app.coordination.nudges import NudgeListener, nudge
from mqtt_app.mqtt.delivery.ack_receiver import POP_TIMEOUT
from mqtt_app.mqtt.link.guard import installed_guard
from mqtt_app.mqtt.ports import Ports
from mqtt_app.mqtt.runtime import Runtime
from mqtt_app.selectors.receipts import find_receipts
from mqtt_app.services import ownership
from tasks.queue_limits import check_capacity
from tasks.queues import INGEST, STORE_BATCH

log = logging.getLogger(__name__)

# s between two looks at the length of the queue; a full one is looked at with every try
CHECK_EVERY = 0.5
SEND_TIMEOUT = 2.0  # s; a half-open Redis must not hold the sender for longer


class BatchQueue:
    """Sends batches as tasks, on a Redis connection of its own with short timeouts. Used by one
    thread.
    """

    def __init__(self, app: Celery, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._checked_at = 0.0
        options = dict(app.conf.broker_transport_options or {})
        options |= {"socket_timeout": SEND_TIMEOUT, "socket_connect_timeout": SEND_TIMEOUT}
        self._connection: Any = Connection(app.conf.broker_url, transport_options=options)

    def send(self, blob: bytes) -> None:
        """Raises when the batch is not taken: Redis is away, or the queue is full."""
        self._check_capacity()
        try:
            self._app.send_task(
                STORE_BATCH,
                kwargs={"blob": blob},
                connection=self._connection,
                serializer="msgpack",
                retry=False,
            )
        except (OperationalError, OSError):
            self._connection.close()
            raise

    def _check_capacity(self) -> None:
        if time.monotonic() - self._checked_at < CHECK_EVERY:
            return
        check_capacity(INGEST, self._limit)
        self._checked_at = time.monotonic()


class MqttStep(bootsteps.StartStopStep):
    """`celery worker` runs it when the app was given an instance id, see project/mqtt_worker.py."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._runtime: Runtime | None = None

    def include_if(self, worker: Any) -> bool:
        return bool(worker.app.conf.get("mqtt_instance"))

    def start(self, worker: Any) -> None:
        knobs = config()
        self._runtime = Runtime(worker.app.conf.mqtt_instance, knobs, _ports(worker.app, knobs))
        self._runtime.start()

    def stop(self, worker: Any) -> None:  # noqa: ARG002
        if self._runtime is not None:
            self._runtime.stop()

    def terminate(self, worker: Any) -> None:
        self.stop(worker)


def _ports(app: Celery, knobs: Config) -> Ports:
    leases = LeaseStore(quick_client(), knobs.lease_ttl)
    guard = installed_guard(knobs)
    return Ports(
        on_batch=BatchQueue(app, knobs.ingest_queue_max).send,
        store=ownership,
        leases=leases,
        acks=AckList(blocking_client(POP_TIMEOUT)),
        nudges=NudgeListener(blocking_client(POP_TIMEOUT)),
        evidence=EvidenceStore(quick_client(), knobs.evidence_ttl),
        find_receipts=find_receipts,
        publish_flow=events.flow,
        nudge=nudge,
        reconcile_if_needed=partial(ownership.reconcile_if_needed, leases=leases),
        guard=guard,
        opened_by=guard.opened_by,
    )
