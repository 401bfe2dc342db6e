"""A batch that was handed over and is not known to be committed. Pure."""

import msgspec

from mqtt_app.domain.delivery.cutting import is_at_broker
from mqtt_app.domain.delivery.messages import Batch, Envelope


class InFlight(msgspec.Struct):
    """Times are seconds of the caller's clock.

    `counted`: tries after which others were committed, which are those that speak against this
    batch. `sent_at`: None while it waits to be sent. `tried_at`: when it was sent the time before,
    or became a part. `retry_at`: when to ask for a batch that was reported to have failed.
    `deaths`: of processes that had it, or the batch that it is a part of. `aside`: on the side
    lane, where it waits for its turn at least until `parked_until`. `released`: connections whose
    link was ended since. `waits_for`: what kept it from being stored the last time, see stalls.py.
    """

    batch: Batch
    size: int
    connections: frozenset[int]
    tries: int = 1
    counted: int = 1
    registered_at: float = 0.0
    sent_at: float | None = None
    tried_at: float = 0.0
    asked: bool = False
    retry_at: float | None = None
    deaths: int = 0
    aside: bool = False
    parked_until: float | None = None
    released: frozenset[int] = frozenset()
    waits_for: str = ""

    def drop_what_broker_has(self, connection_id: int) -> list[Envelope]:
        """Gives those messages of this connection that its broker still has; the batch goes on
        without them.
        """
        dropped: list[Envelope] = []
        left: list[Envelope] = []
        for message in self.batch.messages:
            is_dropped = message.connection_id == connection_id and is_at_broker(message)
            (dropped if is_dropped else left).append(message)
        self.batch = msgspec.structs.replace(self.batch, messages=tuple(left))
        self.connections = frozenset(message.connection_id for message in left)
        self.size = self.batch.size
        return dropped
