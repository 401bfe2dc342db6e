"""The two threads between the loop and the rest of the world: batches out, acknowledgements in."""

import logging
import queue
import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Protocol

import redis
from django.db import Error, close_old_connections, connection

from mqtt_app.domain.delivery.messages import Batch, pack
from mqtt_app.mqtt.delivery.delivery import BatchDelivery
from mqtt_app.mqtt.loop import Loop

log = logging.getLogger(__name__)

RETRY_AFTER = 0.5  # s, when a batch is not taken
REFUSED_AFTER = 3  # tries of a batch that is not taken, when others are
POP_TIMEOUT = 1.0  # s one wait for acknowledgements lasts

Committed = Callable[[Sequence[str]], Collection[str]]
"""Which of these batch ids have a receipt; blocks, may raise."""


class Acks(Protocol):
    def pop(self, instance_id: str, incarnation: str, timeout: float) -> list[str]: ...


class Sender:
    """Hands batches over, one after the other. One that is not taken is tried again behind the
    others; one that cannot be packed, or is not taken while others are, goes back to be taken
    apart.
    """

    def __init__(
        self, loop: Loop, delivery: BatchDelivery, on_batch: Callable[[bytes], None]
    ) -> None:
        self._loop, self._delivery, self._on_batch = loop, delivery, on_batch
        self._stopping = threading.Event()
        self._down = False
        self._refusals: dict[str, int] = {}  # batch id -> how often it was not taken
        self._given_back: set[str] = set()  # batches that are still among those to be sent
        self._thread = threading.Thread(target=self._run, name="mqtt-sender", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._delivery.to_send.put(None)
        self._thread.join(2.0)

    def _run(self) -> None:
        while (batch := self._delivery.to_send.get()) is not None:
            if batch.id in self._given_back:
                self._given_back.discard(batch.id)
                continue
            blob = self._packed(batch)
            if blob is not None and not self._sent(batch, blob):
                self._delivery.to_send.put(batch)
                self._stopping.wait(RETRY_AFTER)

    def _packed(self, batch: Batch) -> bytes | None:
        try:
            return pack(batch)
        except Exception:
            log.exception("A batch of %d messages cannot be packed", len(batch.messages))
            self._loop.call(partial(self._delivery.unsendable, batch.id))
            return None

    def _sent(self, batch: Batch, blob: bytes) -> bool:
        try:
            self._on_batch(blob)
        except Exception as error:  # noqa: BLE001  whatever the way out raises, the batch stays ours
            if not self._down:
                log.warning(
                    "Batches are not taken (%s: %s); they wait here", type(error).__name__, error
                )
            self._down = True
            self._refusals[batch.id] = self._refusals.get(batch.id, 0) + 1
            return False
        if self._down:
            log.info("Batches are taken again")
        self._down = False
        self._loop.call(partial(self._delivery.sent, batch.id))
        self._refusals.pop(batch.id, None)
        self._give_back_refused()
        return True

    def _give_back_refused(self) -> None:
        """Others are taken, so it is these batches that are at fault."""
        for batch_id in [
            batch_id for batch_id, times in self._refusals.items() if times >= REFUSED_AFTER
        ]:
            del self._refusals[batch_id]
            self._given_back.add(batch_id)
            self._loop.call(partial(self._delivery.unsendable, batch_id))


class AckReceiver:
    """Waits for ids of committed batches, and asks the receipts about those that stay away."""

    def __init__(
        self,
        loop: Loop,
        delivery: BatchDelivery,
        acks: Acks,
        committed: Committed,
        *,
        who: tuple[str, str],
    ) -> None:
        self._loop, self._delivery, self._acks, self._committed = loop, delivery, acks, committed
        self._who = who  # instance id, incarnation
        self._stopping = threading.Event()
        self._down = False
        self._thread = threading.Thread(target=self._run, name="mqtt-acks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2 * POP_TIMEOUT)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._pop()
            self._ask()

    def _pop(self) -> None:
        try:
            ids = self._acks.pop(*self._who, POP_TIMEOUT)
            if self._down:
                self._loop.call(self._delivery.look_after_loss)
            self._down = False
        except redis.RedisError as error:
            if not self._down:
                log.warning(
                    "No acknowledgements from Redis (%s); the receipts are asked instead",
                    type(error).__name__,
                )
            self._down = True
            self._stopping.wait(POP_TIMEOUT)
            return
        if ids:
            self._loop.call(partial(self._delivery.noted, ids))

    def _ask(self) -> None:
        try:
            ids = self._delivery.to_ask.get_nowait()
        except queue.Empty:
            return
        try:
            close_old_connections()
            committed = set(self._committed(ids))
        except Error as error:
            log.warning("The receipts cannot be asked (%s)", type(error).__name__)
            connection.close()
            self._loop.call(partial(self._delivery.unanswered, ids))
            return
        self._loop.call(partial(self._delivery.answered, ids, committed))
