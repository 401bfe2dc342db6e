"""From messages to batches handed over. Lives on the loop's thread; `outcomes.py` is the way back."""

import time
from collections.abc import Mapping
from operator import attrgetter

from mqtt_app.domain.delivery.batching import Limits
from mqtt_app.domain.delivery.cutting import is_at_broker
from mqtt_app.domain.delivery.in_flight import ENDED
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.health.vitals import Vitals
from mqtt_app.mqtt.delivery.outcomes import OutcomeHandler
from mqtt_app.mqtt.delivery.reading_gate import Receiver
from mqtt_app.mqtt.delivery.stalls import Stall
from mqtt_app.mqtt.delivery.state import DeliveryState
from mqtt_app.mqtt.loop import Loop


class BatchDelivery:
    """`outcomes`: what became of the batches. `to_send` and `to_ask` are emptied by other threads,
    which answer through `Loop.call`.
    """

    def __init__(self, loop: Loop, limits: Limits, instance_id: str, incarnation: str) -> None:
        self._loop = loop
        self._limits = limits
        self._state = DeliveryState(loop, limits, instance_id, incarnation)
        self.outcomes = OutcomeHandler(self._state)
        self._alarm = 0.0
        self.to_send = self._state.to_send
        self.to_ask = self._state.to_ask
        loop.turns.append(self.flush)

    @property
    def early(self) -> int:
        """Messages in memory that no broker will deliver again."""
        return self._state.memory.early

    def attach(self, connection_id: int, receiver: Receiver) -> None:
        self._state.receivers[connection_id] = receiver
        self._state.reading.opened(connection_id)

    def detach(self, connection_id: int, receiver: Receiver) -> None:
        """Its link is closed for good. What is being stored goes on; what is not, is dropped with
        its link.
        """
        state = self._state
        if state.receivers.get(connection_id) is not receiver:
            return
        del state.receivers[connection_id]
        suspect = connection_id in state.suspicion
        dropped = state.in_flight.end_link(connection_id, state.now, suspect=suspect)
        if suspect:
            dropped += self._drop_waiting(connection_id)
        state.memory.remove(dropped)
        state.suspicion.forget(connection_id)
        state.batcher.rejoin(connection_id, state.now)
        state.stalls.forget(connection_id)
        state.reading.closed(connection_id)
        state.reading.resume()

    def _drop_waiting(self, connection_id: int) -> list[Envelope]:
        """A suspect's messages that are in no batch: those that its broker does not have become
        dead letters.
        """
        state = self._state
        waiting = state.postponed.pop(connection_id, [])
        while connection_id in state.batcher.apart():
            waiting += state.batcher.take_apart(connection_id, self._limits.messages)
        only_here = tuple(message for message in waiting if not is_at_broker(message))
        if only_here:
            state.hand_over(only_here, aside=True, dead_letter_reason=ENDED)
            state.in_flight.end_link(connection_id, state.now, suspect=False)
        return [message for message in waiting if is_at_broker(message)]

    def add(self, message: Envelope, *, urgent: bool) -> None:
        """`urgent`: its broker sends no more before it is acknowledged."""
        state = self._state
        if message.qos and state.memory.is_known(message):
            return
        state.memory.add(message)
        state.batcher.add(message, self._loop.clock(), urgent=urgent)
        is_half_full = state.memory.total * 2 >= self._limits.pending
        if is_half_full or (state.suspicion and message.connection_id in state.suspicion):
            state.reading.check(message.connection_id)

    def drop(self, site_id: int, reason: str) -> None:
        self._state.drop(site_id, reason)

    def flush(self) -> None:
        """Hand over what is due; called after each round of the loop."""
        state = self._state
        now = self._loop.clock()
        if state.suspicion:
            self._flush_apart(now)
        register = state.in_flight.register
        while register.has_room():
            due = state.batcher.due_at(register.main_places_taken())
            if due is None:
                return
            if due > now:
                self._wake_at(due)
                return
            messages, drops = state.batcher.take(now)
            state.hand_over(messages, drops)

    def _flush_apart(self, now: float) -> None:
        """Suspects travel by themselves, each with one batch at a time."""
        state = self._state
        register = state.in_flight.register
        for connection_id in state.suspicion:
            has_served = state.suspicion.has_served(connection_id, now)
            if has_served and not register.holds(connection_id):
                state.suspicion.forget(connection_id)
                state.batcher.rejoin(connection_id, now)
            else:
                state.batcher.set_apart(connection_id)
        state.send_due()
        for connection_id in state.batcher.apart():
            if not register.has_side_room():
                return
            if not register.holds(connection_id):
                size = state.suspicion.size_of(connection_id)
                messages = state.batcher.take_apart(connection_id, size)
                state.hand_over(messages, aside=True)

    def _wake_at(self, due: float) -> None:
        if due != self._alarm:
            self._alarm = due
            self._loop.at(due, _wake)

    def stalls(self) -> Mapping[int, Stall]:
        """By connection id: whose messages are not being stored. On the loop's thread."""
        state = self._state
        entries = state.in_flight.register.entries()
        return state.stalls.find(entries, state.postponed, state.now)

    def vitals(self) -> Vitals:
        """What waits here, and since when. On the loop's thread."""
        state = self._state
        now = state.now
        oldest = state.in_flight.register.oldest()
        stalls = self.stalls()
        oldest_not_stored = 0.0
        waits_for = ""
        if stalls:
            first = min(stalls.values(), key=attrgetter("since"))
            oldest_not_stored = max(0.0, time.time() - first.since)
            waits_for = first.waits_for
        return Vitals(
            batches=len(state.in_flight),
            oldest_batch=0.0 if oldest is None else now - oldest,
            pending_bytes=state.memory.total,
            pending_limit=self._limits.pending,
            reading_paused=len(state.reading),
            not_storing=0.0 if oldest is None else now - max(oldest, state.stored_at),
            links_not_stored=len(stalls),
            oldest_not_stored=oldest_not_stored,
            waits_for=waits_for,
            suspects=len(state.suspicion),
        )


def _wake() -> None:
    """The timer ends the loop's wait, and the loop flushes after each round."""
