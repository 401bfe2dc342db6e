"""A delivery with task workers that some connections' messages harm, in a time of its own."""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Callable
from typing import Any, cast

from mqtt_app.coordination.acks import BatchOutcome, BatchReport
from mqtt_app.domain.delivery.batching import Limits
from mqtt_app.domain.delivery.messages import Batch, Envelope
from mqtt_app.mqtt.delivery.delivery import BatchDelivery
from mqtt_app.mqtt.loop import Loop
from tests.narrowing import present

STEP = 2.5  # s from round to round


class FakeLoop:
    def __init__(self) -> None:
        self.now = 1_000.0
        self.turns: list[Callable[[], None]] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()

    def clock(self) -> float:
        return self.now

    def at(self, when: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (when, next(self._number), callback))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, callback = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            callback()
            for turn in self.turns:
                turn()
        self.now = end


class Link:
    """The session of a connection, as the delivery sees it."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.paused = False

    def message_committed(self, epoch: int, packet_id: int) -> None:
        self.acknowledged.append(packet_id)

    def acknowledge_ready(self) -> None: ...

    def set_paused(self, paused: bool) -> None:
        self.paused = paused


class Harm:
    """What a connection's bad messages do to the task that stores them."""

    FAILS, REFUSED, HANGS, KILLS = "fails", "refused", "hangs", "kills"
    STUBBORN = "stubborn"  # cannot even be put aside
    ALL = (FAILS, REFUSED, HANGS, KILLS, STUBBORN)


class SmallWorld:
    """`harm`: connection id -> what each message of it does whose payload is `bad`."""

    def __init__(self, connections: int, harm: dict[int, str], **limits: Any) -> None:
        self.harm = harm
        self.loop = FakeLoop()
        self.delivery = BatchDelivery(
            cast("Loop", self.loop),
            Limits(**({"in_flight": 4, "receipt_timeout": 10.0} | limits)),
            "i",
            "x",
        )
        self.links = {number: Link() for number in range(1, connections + 1)}
        for number, link in self.links.items():
            self.delivery.attach(number, link)
        self.stored: defaultdict[int, list[int]] = defaultdict(list)
        self.aside: defaultdict[int, list[int]] = defaultdict(list)
        self.receipts: set[str] = set()
        self.down = False
        self._packets = itertools.count(1)

    def publish(
        self, connection_id: int, *, bad: bool = False, qos: int = 1, size: int = 10
    ) -> int:
        packet_id = next(self._packets)
        payload = b"bad" if bad else bytes(size)
        message = Envelope(
            connection_id,
            connection_id,
            1,
            1,
            packet_id,
            "a",
            payload,
            qos,
            False,
            False,
            self.loop.now,
        )
        self.delivery.add(message, urgent=False)
        return packet_id

    def round(self) -> None:
        self.loop.run(STEP)
        while not self.delivery.to_send.empty():
            batch = present(self.delivery.to_send.get())
            self.delivery.outcomes.sent(batch.id)
            self._store(batch)
        while not self.delivery.to_ask.empty():
            asked = self.delivery.to_ask.get()
            found = [BatchReport(batch_id) for batch_id in asked if batch_id in self.receipts]
            self.delivery.outcomes.receipts_found(asked, found)

    def _store(self, batch: Batch) -> None:
        outcome = BatchOutcome.FAILED if self.down else self._outcome(batch)
        if outcome is None:
            return
        if outcome is BatchOutcome.COMMITTED:
            self.receipts.add(batch.id)
            for message in batch.messages:
                (self.aside if batch.dead_letter_reason else self.stored)[
                    message.connection_id
                ].append(message.packet_id)
        self.delivery.outcomes.reported([BatchReport(batch.id, outcome)])

    def _outcome(self, batch: Batch) -> BatchOutcome | None:
        """None: no answer ever comes."""
        bad = [message for message in batch.messages if message.payload == b"bad"]
        harms = {self.harm[message.connection_id] for message in bad}
        if batch.dead_letter_reason and Harm.STUBBORN not in harms:
            return BatchOutcome.COMMITTED
        if Harm.KILLS in harms:
            return BatchOutcome.KILLED
        if Harm.HANGS in harms:
            return None
        if Harm.REFUSED in harms:
            return BatchOutcome.REFUSED
        return BatchOutcome.FAILED if harms else BatchOutcome.COMMITTED
