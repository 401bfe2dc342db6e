"""What became of the batches, and the way of an acknowledgement back to the broker.

    tasks/ingest.store_batch               commits, then AckList.push of a BatchReport
    ack_receiver.AckReceiver               pops the reports on its own thread, and calls, on the loop's:
    outcomes.OutcomeHandler.reported       here: sorts them by their outcome
      InFlightBatches.take_committed       the batch is not in flight any more
      Memory.remove                        gives its messages that wait for an acknowledgement
      Session.message_committed            if the link is still the one that brought the message:
        AckOrder.mark_committed            the packet identifier may be acknowledged in its turn
      Session.acknowledge_ready            if the link is still ours:
        AckOrder.take_ready                all packet identifiers up to the first that is not committed
        MqttClient.acknowledge             their PUBACKs, in the order of receipt, in one write

A report that stays away is asked for: `_ask_overdue` -> `to_ask` -> AckReceiver -> `receipts_found`,
and from there on as above. Lives on the loop's thread.
"""

import logging
from collections.abc import Collection, Iterable, Sequence

from mqtt_app.coordination.acks import BatchOutcome, BatchReport
from mqtt_app.domain.delivery.messages import Batch, Envelope, plain
from mqtt_app.domain.delivery.stalls import WaitsFor
from mqtt_app.mqtt.delivery.state import DeliveryState

log = logging.getLogger(__name__)

POSTPONED_FOR = 2.0  # s until messages that could not be taken are offered again
OVERDUE_CHECK = 1.0  # s between two looks for batches without an acknowledgement
UNSENDABLE = "unsendable"  # reason of a drop
_WAITS_FOR = {BatchOutcome.FAILED: WaitsFor.DATABASE, BatchOutcome.REFUSED: WaitsFor.REFUSED}


class OutcomeHandler:
    def __init__(self, state: DeliveryState) -> None:
        self._state = state
        state.loop.at(0.0, self._ask_overdue)

    def sent(self, batch_id: str) -> None:
        """The batch is in the queue, which is enough for messages that are acknowledged early."""
        state = self._state
        batch = state.in_flight.mark_sent(batch_id, state.now)
        if batch is None:
            return
        early = [message for message in batch.messages if message.early]
        for message in early:
            held = state.memory.find_held(message)
            if held is not None:
                state.message_committed(held)
        state.acknowledge_ready({message.connection_id for message in early})

    def unsendable(self, batch_id: str) -> None:
        """It cannot be packed, or is never taken while others are: something in it is at fault."""
        state = self._state
        lost = state.in_flight.mark_unsendable(batch_id, plain, state.now)
        if lost is not None:
            text = "%d messages cannot be handed over in any form; they are counted only"
            log.error(text, len(lost.messages))
            for message in lost.messages:
                state.drop(message.site_id, UNSENDABLE)
            self._release(lost.messages, skipped=())
            state.acknowledge_ready({message.connection_id for message in lost.messages})
        state.send_due()

    def reported(self, reports: Collection[BatchReport]) -> None:
        state = self._state
        for report in reports:
            if report.outcome is BatchOutcome.KILLED:
                state.in_flight.mark_killed(report.batch_id, state.now)
            elif report.outcome in _WAITS_FOR:
                waits_for = _WAITS_FOR[report.outcome]
                state.in_flight.mark_failed(report.batch_id, state.now, waits_for)
        committed = BatchOutcome.COMMITTED
        self._complete([report for report in reports if report.outcome is committed])

    def receipts_found(self, asked: Sequence[str], reports: Collection[BatchReport]) -> None:
        """What the receipts say about batches that were overdue."""
        state = self._state
        self._complete(reports)
        known = {report.batch_id for report in reports}
        missing = [batch_id for batch_id in asked if batch_id not in known]
        retried = state.in_flight.retry_missing(missing, state.now)
        if retried:
            log.warning("%d batches are not committed and are sent again", retried)
        state.send_due()

    def receipts_unknown(self, asked: Sequence[str]) -> None:
        """The database did not answer; they are asked for again."""
        self._state.in_flight.ask_again(asked)

    def ask_for_all(self) -> None:
        """Redis was away or came back empty: ask at once for every batch that was sent."""
        unconfirmed = self._state.in_flight.take_unconfirmed()
        if unconfirmed:
            self._state.to_ask.put(unconfirmed)

    def _complete(self, reports: Iterable[BatchReport]) -> None:
        """These batches are in the database for good, but for the connections that a report
        excepts.
        """
        state = self._state
        touched: set[int] = set()
        for report in reports:
            batch = state.in_flight.take_committed(report.batch_id)
            if batch is not None:
                self._judge(batch, report)
                stored = self._postpone(batch.messages, report.postponed)
                self._release(stored, report.skipped)
                touched |= {message.connection_id for message in stored}
        state.acknowledge_ready(touched)
        if touched:
            state.stored_at = state.now
            state.stalls.stored(touched)
        state.send_due()
        state.reading.resume()

    def _judge(self, batch: Batch, report: BatchReport) -> None:
        """A connection whose messages were refused travels by itself from here on; one that is not
        refused any more joins the others.
        """
        state = self._state
        if not (state.suspicion or report.refused):
            return
        for connection_id in report.refused & state.receivers.keys():
            state.suspicion.convict(connection_id, state.now)
        for connection_id in report.refused & report.postponed:
            state.suspicion.shrink(connection_id)
        if batch.dead_letter_reason:
            return
        in_batch = {message.connection_id for message in batch.messages}
        stored = in_batch - report.refused - report.postponed
        for connection_id in state.suspicion.clear_stored(stored, state.now):
            state.batcher.rejoin(connection_id, state.now)

    def _release(self, messages: Sequence[Envelope], skipped: Collection[int]) -> None:
        """They leave the memory; those of `skipped` connections are not acknowledged."""
        state = self._state
        for held in state.memory.remove(messages):
            if held.message.connection_id not in skipped:
                state.message_committed(held)

    def _postpone(
        self, messages: Sequence[Envelope], connections: Collection[int]
    ) -> Sequence[Envelope]:
        """Those of these connections are not acknowledged, and are offered again in a while; their
        links are not read until then. Gives the others.
        """
        state = self._state
        if len(state.reading):
            state.reading.answered({message.connection_id for message in messages})
        if not connections:
            return messages
        state.reading.postpone(connections)
        stored = []
        for message in messages:
            if message.connection_id in connections:
                state.postponed.setdefault(message.connection_id, []).append(message)
            else:
                stored.append(message)
        state.loop.at(state.now + POSTPONED_FOR, self._offer_again)
        return stored

    def _offer_again(self) -> None:
        state = self._state
        postponed = state.postponed
        state.postponed = {}
        for messages in postponed.values():
            for message in messages:
                state.batcher.add(message, state.now)

    def _ask_overdue(self) -> None:
        state = self._state
        overdue = state.in_flight.take_overdue(state.now)
        if overdue:
            state.to_ask.put(overdue)
        state.send_due()
        state.loop.at(state.now + OVERDUE_CHECK, self._ask_overdue)
