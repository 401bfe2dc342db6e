"""The thread that waits for reports of batches, and asks the receipts about those that stay away."""

import logging
import queue
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Protocol

import redis
from django.db import Error, close_old_connections, connection

from mqtt_app.background.outage_log import OutageLog
from mqtt_app.background.periodic_thread import PeriodicThread
from mqtt_app.coordination.acks import BatchReport
from mqtt_app.mqtt.delivery.delivery import BatchDelivery
from mqtt_app.mqtt.loop import Loop

log = logging.getLogger(__name__)

POP_TIMEOUT = 1.0  # s one wait for reports lasts

FindReceipts = Callable[[Sequence[str]], Collection[BatchReport]]
"""Reports of those of these batch ids that have a receipt; blocks, may raise."""


class Acks(Protocol):
    """Raises redis.RedisError."""

    def pop(self, instance_id: str, incarnation: str, timeout: float) -> list[BatchReport]: ...


class AckReceiver:
    """`incarnation`: of this start of the instance."""

    def __init__(
        self,
        loop: Loop,
        delivery: BatchDelivery,
        acks: Acks,
        find_receipts: FindReceipts,
        *,
        instance_id: str,
        incarnation: str,
    ) -> None:
        self._loop = loop
        self._to_ask = delivery.to_ask
        self._outcomes = delivery.outcomes
        self._acks = acks
        self._find_receipts = find_receipts
        self._instance_id = instance_id
        self._incarnation = incarnation
        self._outage = OutageLog(
            log,
            "No acknowledgements from Redis (%s); the receipts are asked instead",
            "Acknowledgements come from Redis again",
        )
        self._receipts_outage = OutageLog(
            log, "The receipts cannot be asked (%s)", "The receipts can be asked again"
        )
        self._thread = PeriodicThread("mqtt-acks", self._turn, every=0.0)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop(2 * POP_TIMEOUT)

    def _turn(self) -> None:
        self._receive()
        self._ask_receipts()

    def _receive(self) -> None:
        try:
            reports = self._acks.pop(self._instance_id, self._incarnation, POP_TIMEOUT)
        except redis.RedisError as error:
            self._outage.failed(error)
            self._thread.pause(POP_TIMEOUT)
            return
        if self._outage.is_down:
            self._loop.call(self._outcomes.ask_for_all)
        self._outage.succeeded()
        if reports:
            self._loop.call(partial(self._outcomes.reported, reports))

    def _ask_receipts(self) -> None:
        try:
            asked = self._to_ask.get_nowait()
        except queue.Empty:
            return
        try:
            close_old_connections()
            found = set(self._find_receipts(asked))
        except Error as error:
            self._receipts_outage.failed(error)
            connection.close()
            self._loop.call(partial(self._outcomes.receipts_unknown, asked))
            return
        self._receipts_outage.succeeded()
        self._loop.call(partial(self._outcomes.receipts_found, asked, found))
