"""What is done with a batch that was not stored: it is sent again as it is, cut in parts, or its
messages are put aside unparsed. Pure.
"""

from collections.abc import Callable

import msgspec

from mqtt_app.domain.delivery.batch_in_flight import InFlight
from mqtt_app.domain.delivery.cutting import by_connection, by_message
from mqtt_app.domain.delivery.messages import Batch
from mqtt_app.domain.delivery.register import InFlightRegister
from mqtt_app.domain.delivery.suspicion import Suspicion

HALVE_AFTER = 2  # tries that speak against a batch before it is cut
# in which a batch is cut that killed its process, so that few processes die until the message is
# found that kills them
PARTS = 8
TURN_CAP = 10.0  # s for which a part that failed leaves its place to others
DOUBLINGS = 10  # beyond which a wait is capped anyway


class Resending:
    """`new_id` gives 32 hex digits. `again`: batches of the main lane that are to be sent again."""

    def __init__(
        self, register: InFlightRegister, suspicion: Suspicion, new_id: Callable[[], str]
    ) -> None:
        self._register = register
        self._suspicion = suspicion
        self._new_id = new_id
        self.again: list[Batch] = []

    def repeat(self, entry: InFlight, counted: int, now: float) -> None:
        """The same batch once more. `counted`: tries that speak against it, this one included."""
        if entry.aside and counted > entry.counted:
            self._convict_alone(entry, now)
        entry.tries += 1
        entry.counted = counted
        entry.tried_at = entry.sent_at or now
        entry.sent_at = None
        entry.asked = False
        entry.retry_at = None
        entry.batch = msgspec.structs.replace(entry.batch, tries=entry.batch.tries + 1)
        if entry.aside:
            entry.parked_until = now + min(TURN_CAP, 2.0 ** min(entry.tries - 2, DOUBLINGS))
        else:
            self.again.append(entry.batch)

    def cut(self, entry: InFlight, number: int, now: float) -> None:
        """By connection first (in at most PARTS parts), and then by message, in at most `number`."""
        messages = entry.batch.messages
        if len(entry.connections) > 1:
            parts = by_connection(messages, PARTS, self._suspicion.is_convicted)
            self._suspicion.accuse(entry.connections - entry.released, now)
        else:
            parts = by_message(messages, number)
            self._convict_alone(entry, now)
        batches = [
            msgspec.structs.replace(
                entry.batch,
                id=self._new_id(),
                instead_of=_chain(entry),
                messages=part,
                drops=() if position else entry.batch.drops,
                tries=0,
            )
            for position, part in enumerate(parts)
        ]
        self._replace(entry, batches, entry.deaths, now)

    def put_aside(self, entry: InFlight, reason: str, now: float) -> None:
        """Its messages become dead letters."""
        self._convict_alone(entry, now)
        batch = msgspec.structs.replace(
            entry.batch,
            id=self._new_id(),
            instead_of=_chain(entry),
            dead_letter_reason=reason,
            tries=0,
        )
        self._replace(entry, [batch], 0, now)

    def _replace(self, entry: InFlight, batches: list[Batch], deaths: int, now: float) -> None:
        self._register.remove(entry)
        for batch in batches:
            part = self._register.add(batch, entry.registered_at, aside=True)
            part.deaths = deaths
            part.parked_until = now
            part.released = entry.released & part.connections
            part.waits_for = entry.waits_for
            part.tried_at = now
            # parts of several messages have failed together already
            if len(batch.messages) > 1:
                part.counted = HALVE_AFTER
            else:
                part.counted = 1

    def _convict_alone(self, entry: InFlight, now: float) -> None:
        if len(entry.connections) == 1:
            for connection_id in entry.connections - entry.released:
                self._suspicion.convict(connection_id, now)


def _chain(entry: InFlight) -> tuple[str, ...]:
    return (*entry.batch.instead_of, entry.batch.id)
