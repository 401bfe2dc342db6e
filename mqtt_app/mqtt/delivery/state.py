"""What the way of messages out and the way of outcomes back share, on the loop's thread."""

import queue
import uuid
from collections.abc import Iterable

from mqtt_app.domain.delivery.batching import Batcher, Limits
from mqtt_app.domain.delivery.in_flight import InFlightBatches
from mqtt_app.domain.delivery.messages import Batch, Drop, Envelope
from mqtt_app.domain.delivery.suspicion import Suspicion
from mqtt_app.mqtt.delivery.memory import HeldMessage, Memory
from mqtt_app.mqtt.delivery.reading_gate import ReadingGate, Receiver
from mqtt_app.mqtt.delivery.stalls import Stalls
from mqtt_app.mqtt.loop import Loop


class DeliveryState:
    """`to_send` and `to_ask` are emptied by other threads. `receivers` and `postponed`, the messages
    that ingest has not taken yet, are by connection id.
    """

    def __init__(self, loop: Loop, limits: Limits, instance_id: str, incarnation: str) -> None:
        self.loop = loop
        self.limits = limits
        self._instance_id = instance_id
        self._incarnation = incarnation
        self.suspicion = Suspicion()
        self.batcher = Batcher(limits)
        self.in_flight = InFlightBatches(limits, _new_id, self.suspicion)
        self.memory = Memory()
        self.stalls = Stalls(self.batcher, self.suspicion)
        self.receivers: dict[int, Receiver] = {}
        self.reading = ReadingGate(self.memory, self.suspicion, limits.pending, self.receivers)
        self.postponed: dict[int, list[Envelope]] = {}
        self.stored_at = 0.0  # when the last batch was known to be committed
        self.to_send: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self.to_ask: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    @property
    def now(self) -> float:
        return self.loop.clock()

    def hand_over(
        self,
        messages: tuple[Envelope, ...],
        drops: tuple[Drop, ...] = (),
        *,
        aside: bool = False,
        dead_letter_reason: str = "",
    ) -> None:
        batch = Batch(
            _new_id(),
            self._instance_id,
            self._incarnation,
            messages,
            drops,
            dead_letter_reason=dead_letter_reason,
        )
        self.in_flight.add(batch, self.now, aside=aside)
        self.to_send.put(batch)

    def send_due(self) -> None:
        """What is to be sent again."""
        for batch in self.in_flight.take_due(self.now):
            self.to_send.put(batch)

    def drop(self, site_id: int, reason: str) -> None:
        """Count a message that is given up."""
        self.batcher.drop(site_id, reason, self.now)

    def message_committed(self, held: HeldMessage) -> None:
        receiver = self.receivers.get(held.message.connection_id)
        if receiver is not None:
            receiver.message_committed(held.epoch, held.message.packet_id)

    def acknowledge_ready(self, connection_ids: Iterable[int]) -> None:
        for connection_id in connection_ids:
            if connection_id in self.receivers:
                self.receivers[connection_id].acknowledge_ready()


def _new_id() -> str:
    return uuid.uuid4().hex
