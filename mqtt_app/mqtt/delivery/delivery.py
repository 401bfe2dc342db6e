"""From messages to batches handed over, and from commits to acknowledgements. Lives on the loop's
thread.
"""

import logging
import queue
import time
import uuid
from collections.abc import Collection, Sequence

from mqtt_app.coordination.acks import Fate, Note, read_note
from mqtt_app.domain.delivery.batching import Batcher, Limits
from mqtt_app.domain.delivery.cutting import is_at_broker
from mqtt_app.domain.delivery.in_flight import InFlightBatches
from mqtt_app.domain.delivery.messages import Batch, Envelope, plain
from mqtt_app.domain.delivery.stalls import WaitsFor
from mqtt_app.domain.delivery.suspicion import Suspicion
from mqtt_app.domain.health.vitals import Vitals
from mqtt_app.mqtt.delivery.memory import Held, Memory
from mqtt_app.mqtt.delivery.reading_gate import ReadingGate, Receiver
from mqtt_app.mqtt.delivery.stalls import Stall, Stalls
from mqtt_app.mqtt.loop import Loop

log = logging.getLogger(__name__)

POSTPONED_FOR = 2.0  # s until messages that could not be taken are offered again
UNSENDABLE = "unsendable"  # reason of a drop
_WAITS_FOR = {Fate.FAILED: WaitsFor.DATABASE, Fate.REFUSED: WaitsFor.REFUSED}
OVERDUE_CHECK = 1.0  # s between two looks for batches without an acknowledgement


class BatchDelivery:
    """`to_send` and `to_ask` are emptied by other threads, which answer through `Loop.call`."""

    def __init__(self, loop: Loop, limits: Limits, instance_id: str, incarnation: str) -> None:
        self._loop, self._limits = loop, limits
        self._instance_id, self._incarnation = instance_id, incarnation
        self._suspicion = Suspicion()
        self._batcher = Batcher(limits)
        self._ledger = InFlightBatches(limits, _new_id, self._suspicion)
        self._memory = Memory()
        self._stalls = Stalls(self._batcher, self._suspicion)
        self._stored_at = 0.0  # when the last batch was known to be committed
        self._alarm = 0.0
        self._receivers: dict[int, Receiver] = {}
        self._reading = ReadingGate(self._memory, self._suspicion, limits.pending, self._receivers)
        self._later: dict[
            int, list[Envelope]
        ] = {}  # by connection: postponed messages, until they are offered again
        self.to_send: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self.to_ask: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        loop.turns.append(self.flush)
        loop.at(0.0, self._look_for_overdue)

    @property
    def early(self) -> int:
        """Messages in memory that no broker will bring again."""
        return self._memory.early

    def attach(self, connection_id: int, receiver: Receiver) -> None:
        self._receivers[connection_id] = receiver
        self._reading.opened(connection_id)

    def detach(self, connection_id: int, receiver: Receiver) -> None:
        """Its link is closed for good. What is being stored goes on; what is not, is let go of with
        its link.
        """
        if self._receivers.get(connection_id) is not receiver:
            return
        del self._receivers[connection_id]
        suspect = connection_id in self._suspicion
        gone = self._ledger.release(connection_id, self._loop.clock(), suspect=suspect)
        if suspect:
            gone += self._let_go_of_waiting(connection_id)
        self._memory.remove(gone)
        self._suspicion.forget(connection_id)
        self._batcher.rejoin(connection_id, self._loop.clock())
        self._stalls.forget(connection_id)
        self._reading.closed(connection_id)
        self._reading.resume()

    def _let_go_of_waiting(self, connection_id: int) -> list[Envelope]:
        """A suspect's messages that are in no batch: those that nobody else has become dead
        letters.
        """
        waiting = self._later.pop(connection_id, [])
        while connection_id in self._batcher.apart():
            waiting += self._batcher.take_apart(connection_id, self._limits.messages)
        left = tuple(message for message in waiting if not is_at_broker(message))
        if left:
            reason = "its link was ended before it could be stored"
            batch = Batch(
                _new_id(), self._instance_id, self._incarnation, left, quarantine_reason=reason
            )
            self._hand_over(batch, aside=True)
            self._ledger.release(connection_id, self._loop.clock(), suspect=False)
        return [message for message in waiting if is_at_broker(message)]

    def add(self, message: Envelope, *, urgent: bool) -> None:
        if message.qos and self._memory.is_known(message):
            return
        self._memory.add(message)
        self._batcher.add(message, self._loop.clock(), urgent=urgent)
        if self._memory.total * 2 >= self._limits.pending or (
            self._suspicion and message.connection_id in self._suspicion
        ):
            self._reading.check(message.connection_id)

    def drop(self, site_id: int, reason: str) -> None:
        self._batcher.drop(site_id, reason, self._loop.clock())

    def flush(self) -> None:
        """Hand over what is due; called after each round of the loop."""
        now = self._loop.clock()
        if self._suspicion:
            self._flush_apart()
        while self._ledger.has_room():
            due = self._batcher.due_at(self._ledger.in_flight())
            if due is None:
                return
            if due > now:
                self._wake_at(due)
                return
            messages, drops = self._batcher.take(now)
            self._hand_over(Batch(_new_id(), self._instance_id, self._incarnation, messages, drops))

    def _flush_apart(self) -> None:
        """Suspects travel by themselves, each with one batch at a time."""
        now = self._loop.clock()
        for connection_id in self._suspicion:
            if self._suspicion.has_served(connection_id, now) and not self._ledger.holds(
                connection_id
            ):
                self._suspicion.forget(connection_id)
                self._batcher.rejoin(connection_id, now)
            else:
                self._batcher.set_apart(connection_id)
        self._send_what_is_due()
        for connection_id in self._batcher.apart():
            if not self._ledger.has_side_room():
                return
            if not self._ledger.holds(connection_id):
                messages = self._batcher.take_apart(
                    connection_id, self._suspicion.size_of(connection_id)
                )
                batch = Batch(_new_id(), self._instance_id, self._incarnation, messages)
                self._hand_over(batch, aside=True)

    def _send_what_is_due(self) -> None:
        for batch in self._ledger.to_send(self._loop.clock()):
            self.to_send.put(batch)

    def sent(self, batch_id: str) -> None:
        batch = self._ledger.sent(batch_id, self._loop.clock())
        early = (
            [message for message in batch.messages if message.early] if batch is not None else []
        )
        for message in early:
            if (held := self._memory.held_of(message)) is not None:
                self._acknowledge(held)
        self._settle({message.connection_id for message in early})

    def unsendable(self, batch_id: str) -> None:
        """It cannot be packed, or is never taken while others are: something in it is at fault."""
        lost = self._ledger.unsendable(batch_id, plain, self._loop.clock())
        if lost is not None:
            log.error(
                "%d messages cannot be handed over in any form; they are counted only",
                len(lost.messages),
            )
            for message in lost.messages:
                self.drop(message.site_id, UNSENDABLE)
            for held in self._memory.remove(lost.messages):
                self._acknowledge(held)
            self._settle({message.connection_id for message in lost.messages})
        self._send_what_is_due()

    def noted(self, notes: Collection[str]) -> None:
        """What became of batches; see coordination/acks.py."""
        now = self._loop.clock()
        read = [read_note(text) for text in notes]
        for entry in read:
            if entry.fate is Fate.KILLED:
                self._ledger.killed(entry.batch_id, now)
            elif entry.fate in _WAITS_FOR:
                self._ledger.failed(entry.batch_id, now, _WAITS_FOR[entry.fate])
        self._committed([entry for entry in read if entry.fate is Fate.COMMITTED])

    def _committed(self, notes: Collection[Note]) -> None:
        """These batches are in the database for good, but for the connections that a note excepts."""
        touched: set[int] = set()
        for entry in notes:
            batch = self._ledger.committed(entry.batch_id)
            if batch is not None:
                self._judge(batch, entry)
                touched |= self._release(
                    self._postpone(batch.messages, entry.postponed), entry.skipped
                )
        self._settle(touched)
        if touched:
            self._stored_at = self._loop.clock()
            self._stalls.stored(touched)
        self._send_what_is_due()
        self._reading.resume()

    def _judge(self, batch: Batch, entry: Note) -> None:
        """Whose messages were refused travels by itself from here on; who is not refused any more
        joins the others.
        """
        if not (self._suspicion or entry.refused):
            return
        now = self._loop.clock()
        for connection_id in entry.refused & self._receivers.keys():
            self._suspicion.convict(connection_id, now)
        for connection_id in entry.refused & entry.postponed:
            self._suspicion.shrink(connection_id)
        if batch.quarantine_reason:
            return
        stored = (
            {message.connection_id for message in batch.messages} - entry.refused - entry.postponed
        )
        for connection_id in self._suspicion.committed(stored, now):
            self._batcher.rejoin(connection_id, now)

    def _settle(self, connection_ids: Collection[int]) -> None:
        for connection_id in connection_ids:
            if connection_id in self._receivers:
                self._receivers[connection_id].settle()

    def answered(self, asked: Sequence[str], committed: Collection[str]) -> None:
        """What the receipts say about batches that were overdue."""
        notes = [read_note(text) for text in committed]
        self._committed(notes)
        known = {entry.batch_id for entry in notes}
        missing = self._ledger.missing(
            [batch_id for batch_id in asked if batch_id not in known], self._loop.clock()
        )
        if missing:
            log.warning("%d batches are not committed and are sent again", missing)
        self._send_what_is_due()

    def unanswered(self, asked: Sequence[str]) -> None:
        self._ledger.unanswered(asked)

    def look_after_loss(self) -> None:
        """Redis was away or came back empty: ask at once for everything that is on its way, instead
        of waiting.
        """
        sent = self._ledger.all_sent()
        if sent:
            self.to_ask.put(sent)

    def stalls(self) -> dict[int, Stall]:
        """By connection id: whose messages are not being stored. On the loop's thread."""
        return self._stalls.find(self._ledger.entries(), self._later, self._loop.clock())

    def vitals(self) -> Vitals:
        """What waits here, and since when. On the loop's thread."""
        now, oldest, stalls = self._loop.clock(), self._ledger.oldest(), self.stalls()
        first = min(stalls.values(), key=lambda stall: stall.since, default=None)
        return Vitals(
            batches=len(self._ledger),
            oldest_batch=0.0 if oldest is None else now - oldest,
            pending_bytes=self._memory.total,
            pending_limit=self._limits.pending,
            reading_paused=len(self._reading),
            not_storing=0.0 if oldest is None else now - max(oldest, self._stored_at),
            links_not_stored=len(stalls),
            oldest_not_stored=0.0 if first is None else max(0.0, time.time() - first.since),
            waits_for="" if first is None else first.waits_for,
            suspects=len(self._suspicion),
        )

    def _wake_at(self, due: float) -> None:
        if due != self._alarm:
            self._alarm = due
            self._loop.at(due, lambda: None)  # wakes the loop, which flushes after each round

    def _hand_over(self, batch: Batch, *, aside: bool = False) -> None:
        self._ledger.register(batch, self._loop.clock(), aside=aside)
        self.to_send.put(batch)

    def _release(self, messages: Sequence[Envelope], skipped: Collection[int]) -> set[int]:
        for held in self._memory.remove(messages):
            if held.message.connection_id not in skipped:
                self._acknowledge(held)
        return {message.connection_id for message in messages}

    def _acknowledge(self, held: Held) -> None:
        receiver = self._receivers.get(held.message.connection_id)
        if receiver is not None:
            receiver.committed(held.epoch, held.message.packet_id)

    def _postpone(
        self, messages: Sequence[Envelope], connections: Collection[int]
    ) -> Sequence[Envelope]:
        """Those of these connections are kept un-acknowledged and offered again in a while; nothing
        more is read of them until then. Gives the others.
        """
        self._reading.taken(
            [message.connection_id for message in messages] if len(self._reading) else ()
        )
        if not connections:
            return messages
        self._reading.postpone(connections)
        taken = []
        for message in messages:
            if message.connection_id in connections:
                self._later.setdefault(message.connection_id, []).append(message)
            else:
                taken.append(message)
        self._loop.at(self._loop.clock() + POSTPONED_FOR, self._offer_again)
        return taken

    def _offer_again(self) -> None:
        later, self._later = self._later, {}
        for messages in later.values():
            for message in messages:
                self._batcher.add(message, self._loop.clock())

    def _look_for_overdue(self) -> None:
        overdue = self._ledger.overdue(self._loop.clock())
        if overdue:
            self.to_ask.put(overdue)
        self._send_what_is_due()
        self._loop.at(self._loop.clock() + OVERDUE_CHECK, self._look_for_overdue)


def _new_id() -> str:
    return uuid.uuid4().hex
