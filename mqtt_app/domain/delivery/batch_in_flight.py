"""A batch that was handed over and is not known to be committed. Times are seconds of the caller's
clock. Pure.
"""

import msgspec

from mqtt_app.domain.delivery.cutting import is_at_broker
from mqtt_app.domain.delivery.messages import Batch, Envelope


class InFlight(msgspec.Struct):
    batch: Batch
    size: int
    connections: frozenset[int]
    tries: int = 1
    counted: int = (
        1  # tries after which others were committed: the ones that speak against this batch
    )
    registered_at: float = 0.0
    sent_at: float | None = None  # None while it waits to be sent
    tried_at: float = 0.0  # when it was sent the time before, or became a part
    asked: bool = False
    retry_at: float | None = None  # the task worker said that it failed: ask then
    deaths: int = 0  # of processes that had it, or the batch that it is a part of
    aside: bool = False  # on the side lane
    parked_until: float | None = (
        None  # on the side lane, and waits for its turn at least until then
    )
    released: frozenset[int] = frozenset()  # connections whose link was ended since
    waits_for: str = (
        ""  # what kept it from being stored the last time, see domain/delivery/stalls.py
    )

    def let_go(self, connection_id: int) -> list[Envelope]:
        """Gives those messages of this connection that its broker still has; the batch goes on
        without them.
        """
        gone: list[Envelope] = []
        left: list[Envelope] = []
        for message in self.batch.messages:
            goes = message.connection_id == connection_id and is_at_broker(message)
            (gone if goes else left).append(message)
        self.batch = msgspec.structs.replace(self.batch, messages=tuple(left))
        self.connections = frozenset(message.connection_id for message in left)
        self.size = self.batch.size
        return gone
