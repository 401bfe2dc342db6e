"""The thread that hands batches over to the queue of the task workers."""

import logging
from collections.abc import Callable
from functools import partial

from mqtt_app.background.outage_log import OutageLog
from mqtt_app.background.periodic_thread import PeriodicThread
from mqtt_app.domain.delivery.messages import Batch, pack
from mqtt_app.mqtt.delivery.delivery import BatchDelivery
from mqtt_app.mqtt.loop import Loop

log = logging.getLogger(__name__)

RETRY_AFTER = 0.5  # s, when a batch is not taken
REFUSED_AFTER = 3  # tries of a batch that is not taken, when others are


class BatchSender:
    """Hands batches over, one after the other. One that is not taken is tried again behind the
    others; one that cannot be packed, or is not taken while others are, goes back to be taken
    apart. `on_batch` raises when a batch is not taken.
    """

    def __init__(
        self, loop: Loop, delivery: BatchDelivery, on_batch: Callable[[bytes], None]
    ) -> None:
        self._loop = loop
        self._waiting = delivery.to_send
        self._outcomes = delivery.outcomes
        self._on_batch = on_batch
        self._outage = OutageLog(
            log, "Batches are not taken (%s); they wait here", "Batches are taken again"
        )
        self._refusals: dict[str, int] = {}  # batch id -> how often it was not taken
        self._given_back: set[str] = set()  # batches that are still among those to be sent
        self._thread = PeriodicThread(
            "mqtt-sender", self._send_next, every=0.0, at_end=self._send_rest
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What waits is tried once more."""
        self._thread.end_soon()
        self._waiting.put(None)
        self._thread.join(2.0)

    def _send_next(self) -> None:
        batch = self._waiting.get()
        if batch is not None and not self._is_done(batch):
            self._waiting.put(batch)
            self._thread.pause(RETRY_AFTER)

    def _send_rest(self) -> None:
        for _ in range(self._waiting.qsize()):
            batch = self._waiting.get_nowait()
            if batch is not None:
                self._is_done(batch)

    def _is_done(self, batch: Batch) -> bool:
        """Send it; False when it was not taken."""
        if batch.id in self._given_back:
            self._given_back.discard(batch.id)
            return True
        blob = self._packed(batch)
        return blob is None or self._is_taken(batch, blob)

    def _packed(self, batch: Batch) -> bytes | None:
        try:
            return pack(batch)
        except Exception:
            log.exception("A batch of %d messages cannot be packed", len(batch.messages))
            self._loop.call(partial(self._outcomes.unsendable, batch.id))
            return None

    def _is_taken(self, batch: Batch, blob: bytes) -> bool:
        try:
            self._on_batch(blob)
        except Exception as error:  # noqa: BLE001  whatever the queue raises, the batch is kept here
            self._outage.failed(error)
            self._refusals[batch.id] = self._refusals.get(batch.id, 0) + 1
            return False
        self._outage.succeeded()
        self._loop.call(partial(self._outcomes.sent, batch.id))
        self._refusals.pop(batch.id, None)
        self._give_back_refused()
        return True

    def _give_back_refused(self) -> None:
        """Others are taken, so it is these batches that are at fault."""
        refused = [number for number, times in self._refusals.items() if times >= REFUSED_AFTER]
        for batch_id in refused:
            del self._refusals[batch_id]
            self._given_back.add(batch_id)
            self._loop.call(partial(self._outcomes.unsendable, batch_id))
