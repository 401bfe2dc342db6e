"""From messages to batches handed over, and from commits to acknowledgements. Lives on the loop's thread."""

import logging
import queue
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec

from mqtt_app.coordination.acks import Fate, Note, read_note
from mqtt_app.domain.batching import Batcher, Limits, may_read
from mqtt_app.domain.ledger import Ledger
from mqtt_app.domain.messages import Batch, Envelope
from mqtt_app.domain.vitals import Vitals
from mqtt_app.mqtt.loop import Loop

log = logging.getLogger(__name__)

POSTPONED_FOR = 2.0  # s until messages that could not be taken are offered again
OVERDUE_CHECK = 1.0  # s between two looks for batches without an acknowledgement


class Receiver(Protocol):
    """The session of a connection."""

    def committed(self, epoch: int, packet_id: int) -> None: ...
    def settle(self) -> None: ...
    def set_paused(self, paused: bool) -> None: ...


class _Held(msgspec.Struct):
    """A QoS 1 message that is not committed. The link `epoch`, on which it came last, waits for its ack."""

    message: Envelope
    epoch: int
    fingerprint: int


class Delivery:
    """`to_send` and `to_ask` are emptied by other threads, which answer through `Loop.call`."""

    def __init__(self, loop: Loop, limits: Limits, instance_id: str, incarnation: str) -> None:
        self._loop, self._limits = loop, limits
        self._instance_id, self._incarnation = instance_id, incarnation
        self._batcher = Batcher(limits)
        self._ledger = Ledger(limits, _new_id)
        self._held: defaultdict[int, dict[int, _Held]] = defaultdict(dict)
        self._bytes: defaultdict[int, int] = defaultdict(int)  # by connection; what is in memory
        self._total = 0
        self.early = 0  # messages in memory that no broker will bring again
        self._alarm = 0.0
        self._receivers: dict[int, Receiver] = {}
        self._paused: set[int] = set()
        self._postponed: set[int] = set()  # connections with messages that nobody takes at present
        self.to_send: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self.to_ask: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        loop.turns.append(self.flush)
        loop.at(0.0, self._look_for_overdue)

    def attach(self, connection_id: int, receiver: Receiver) -> None:
        self._receivers[connection_id] = receiver
        self._paused.discard(connection_id)

    def detach(self, connection_id: int, receiver: Receiver) -> None:
        if self._receivers.get(connection_id) is receiver:
            del self._receivers[connection_id]

    def add(self, message: Envelope, *, urgent: bool) -> None:
        if message.qos and self._is_known(message):
            return
        size = message.size
        self._bytes[message.connection_id] += size
        self._total += size
        self.early += message.early
        self._batcher.add(message, self._loop.clock(), urgent=urgent)
        if self._total * 2 >= self._limits.pending:
            self._pause(message.connection_id)

    def drop(self, site_id: int, reason: str) -> None:
        self._batcher.drop(site_id, reason, self._loop.clock())

    def flush(self) -> None:
        """Hand over what is due; called after each round of the loop."""
        now = self._loop.clock()
        while self._ledger.has_room():
            due = self._batcher.due_at(len(self._ledger))
            if due is None:
                return
            if due > now:
                self._wake_at(due)
                return
            messages, drops = self._batcher.take(now)
            self._hand_over(Batch(_new_id(), self._instance_id, self._incarnation, messages, drops))

    def sent(self, batch_id: str) -> None:
        batch = self._ledger.sent(batch_id, self._loop.clock())
        early = [message for message in batch.messages if message.early] if batch is not None else []
        for message in early:
            if (held := self._held_of(message)) is not None:
                self._acknowledge(held)
        self._settle({message.connection_id for message in early})

    def noted(self, notes: Collection[str]) -> None:
        """What became of batches; see coordination/acks.py."""
        read = [read_note(text) for text in notes]
        for one in read:
            if one.fate is Fate.FAILED:
                self._ledger.failed(one.batch_id, self._loop.clock())
            elif one.fate is Fate.KILLED:
                self._send_again(self._ledger.killed(one.batch_id))
        self._committed([one for one in read if one.fate is Fate.COMMITTED])

    def _committed(self, notes: Collection[Note]) -> None:
        """These batches are in the database for good, but for the connections that a note excepts."""
        touched: set[int] = set()
        for one in notes:
            batch = self._ledger.committed(one.batch_id)
            if batch is not None:
                touched |= self._release(self._postpone(batch.messages, one.postponed), one.skipped)
        self._settle(touched)
        self._resume()

    def _settle(self, connection_ids: Collection[int]) -> None:
        for connection_id in connection_ids:
            if connection_id in self._receivers:
                self._receivers[connection_id].settle()

    def answered(self, asked: Sequence[str], committed: Collection[str]) -> None:
        """What the receipts say about batches that were overdue."""
        notes = [read_note(text) for text in committed]
        self._committed(notes)
        known = {one.batch_id for one in notes}
        self._send_again(self._ledger.missing([batch_id for batch_id in asked if batch_id not in known]))

    def _send_again(self, batches: Sequence[Batch]) -> None:
        if batches:
            log.warning("%d batches are not committed and are sent again", len(batches))
        for batch in batches:
            self.to_send.put(batch)

    def unanswered(self, asked: Sequence[str]) -> None:
        self._ledger.unanswered(asked)

    def look_after_loss(self) -> None:
        """Redis was away or came back empty: ask at once for everything that is on its way, instead of waiting."""
        sent = self._ledger.all_sent()
        if sent:
            self.to_ask.put(sent)

    def vitals(self) -> Vitals:
        """What waits here, and since when. On the loop's thread."""
        oldest = self._ledger.oldest()
        return Vitals(
            batches=len(self._ledger),
            oldest_batch=0.0 if oldest is None else self._loop.clock() - oldest,
            pending_bytes=self._total,
            pending_limit=self._limits.pending,
            reading_paused=len(self._paused),
        )

    def _wake_at(self, due: float) -> None:
        if due != self._alarm:
            self._alarm = due
            self._loop.at(due, _nothing)  # wakes the loop, which flushes after each round

    def _hand_over(self, batch: Batch) -> None:
        self._ledger.register(batch, self._loop.clock())
        self.to_send.put(batch)

    def _is_known(self, message: Envelope) -> bool:
        """Delivered again while the first copy is on its way to the database: that commit will acknowledge this one."""
        waiting = self._held[message.connection_id]
        fingerprint = hash((message.topic, message.payload))
        first = waiting.get(message.packet_id)
        same = first is not None and first.fingerprint == fingerprint
        if first is not None and same and message.dup and first.message.generation == message.generation:
            first.epoch = message.epoch
            return True
        waiting[message.packet_id] = _Held(message, message.epoch, fingerprint)
        return False

    def _release(self, messages: Sequence[Envelope], skipped: Collection[int]) -> set[int]:
        for message in messages:
            connection_id = message.connection_id
            self._bytes[connection_id] -= message.size
            self._total -= message.size
            self.early -= message.early
            if message.qos and (held := self._held_of(message)) is not None:
                del self._held[connection_id][message.packet_id]
                if connection_id not in skipped:
                    self._acknowledge(held)
        touched = {message.connection_id for message in messages}
        for connection_id in touched:
            if not self._bytes[connection_id]:
                del self._bytes[connection_id]
        return touched

    def _held_of(self, message: Envelope) -> _Held | None:
        """None when the packet id belongs to a later message by now."""
        held = self._held[message.connection_id].get(message.packet_id)
        return held if held is not None and held.message is message else None

    def _acknowledge(self, held: _Held) -> None:
        receiver = self._receivers.get(held.message.connection_id)
        if receiver is not None:
            receiver.committed(held.epoch, held.message.packet_id)

    def _postpone(self, messages: Sequence[Envelope], connections: Collection[int]) -> Sequence[Envelope]:
        """Those of these connections are kept un-acknowledged and offered again in a while; nothing more is read of
        them until then. Gives the others.
        """
        if self._postponed:
            self._postponed.difference_update(message.connection_id for message in messages)
        if not connections:
            return messages
        self._postponed.update(connections)
        for connection_id in connections:
            self._pause(connection_id)
        later = [message for message in messages if message.connection_id in connections]
        self._loop.at(self._loop.clock() + POSTPONED_FOR, lambda: self._offer_again(later))
        return [message for message in messages if message.connection_id not in connections]

    def _offer_again(self, messages: Sequence[Envelope]) -> None:
        for message in messages:
            self._batcher.add(message, self._loop.clock())

    def _pause(self, connection_id: int) -> None:
        receiver = self._receivers.get(connection_id)
        if receiver is not None and connection_id not in self._paused and not self._may_read(connection_id):
            self._paused.add(connection_id)
            receiver.set_paused(True)

    def _resume(self) -> None:
        for connection_id in [number for number in self._paused if self._may_read(number)]:
            self._paused.discard(connection_id)
            if connection_id in self._receivers:
                self._receivers[connection_id].set_paused(False)

    def _may_read(self, connection_id: int) -> bool:
        if connection_id in self._postponed:
            return False
        held = self._bytes.get(connection_id, 0)
        return may_read(held, self._total, len(self._bytes), self._limits.pending)

    def _look_for_overdue(self) -> None:
        overdue = self._ledger.overdue(self._loop.clock())
        if overdue:
            self.to_ask.put(overdue)
        self._loop.at(self._loop.clock() + OVERDUE_CHECK, self._look_for_overdue)


def _new_id() -> str:
    return uuid.uuid4().hex


def _nothing() -> None:
    """A timer that only wakes the loop."""


Committed = Callable[[Sequence[str]], Collection[str]]
"""Which of these batch ids have a receipt; blocks, may raise."""
