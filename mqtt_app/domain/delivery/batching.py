"""Messages to batches. Pure: the caller brings the clock and carries out what is due."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterator

import msgspec

from mqtt_app.domain.delivery.messages import Drop, Envelope

# batches in flight while others follow as soon as they are due: one is stored while the next waits
EAGER = 2
CROWD = 200  # messages that wait: fewer are stored so fast that no connection need go first
LITTLE = 4  # a connection with so many times less than the average of a crowd has little


class Limits(msgspec.Struct, frozen=True):
    """Sizes in bytes, times in seconds; see mqtt_app/conf.py."""

    messages: int = 2_000
    size: int = 1_048_576
    linger: float = 0.05
    patience: float = 0.2
    in_flight: int = 4
    pending: int = 134_217_728
    receipt_timeout: float = 30.0
    quarantine_after: int = 3


class Batcher:
    """Collects messages, a queue for each connection; `take` serves the connections in turn, each
    its share.

    When some flood, connections with few messages go in a batch of their own, before the flood: a
    small batch is stored in a few milliseconds, and shares no row with what the others wait for.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queues: dict[int, deque[Envelope]] = {}
        # of suspects, which are in no batch with others
        self._apart: dict[int, deque[Envelope]] = {}
        self._drops: defaultdict[tuple[int, str], int] = defaultdict(int)
        self._since: float | None = None  # when the oldest message came
        self._urgent = False
        self.count = 0
        self.size = 0

    def add(self, message: Envelope, now: float, *, urgent: bool = False) -> None:
        """`urgent`: the broker sends no more before this message is acknowledged, so the batch does
        not wait for others.
        """
        if self._apart and message.connection_id in self._apart:
            self._apart[message.connection_id].append(message)
            return
        queue = self._queues.get(message.connection_id)
        if queue is None:
            queue = self._queues[message.connection_id] = deque()
        queue.append(message)
        self.count += 1
        self.size += message.size
        self._urgent |= urgent
        if self._since is None:
            self._since = now

    def drop(self, site_id: int, reason: str, now: float) -> None:
        self._drops[site_id, reason] += 1
        if self._since is None:
            self._since = now

    def set_apart(self, connection_id: int) -> None:
        """From here on `take` passes over its messages; `take_apart` has them."""
        if connection_id not in self._apart:
            queue = self._apart[connection_id] = self._queues.pop(connection_id, deque())
            self._count(-1, queue)

    def rejoin(self, connection_id: int, now: float) -> None:
        queue = self._apart.pop(connection_id, None)
        if queue:
            self._queues[connection_id] = queue
            self._count(1, queue)
            if self._since is None:
                self._since = now

    def apart(self) -> list[int]:
        """The connections that are apart and have messages, whose turn is next first."""
        return [connection_id for connection_id, queue in self._apart.items() if queue]

    def take_apart(self, connection_id: int, number: int) -> tuple[Envelope, ...]:
        """Its next messages, at least one. Its turn is over then."""
        queue = self._apart.pop(connection_id)
        self._apart[connection_id] = queue
        taken: list[Envelope] = []
        room = self._limits.size
        while queue and len(taken) < number and room > 0:
            taken.append(queue.popleft())
            room -= taken[-1].size
        return tuple(taken)

    def waiting(self) -> Iterator[tuple[int, Envelope]]:
        """The oldest message of each connection."""
        for queues in (self._queues, self._apart):
            yield from (
                (connection_id, queue[0]) for connection_id, queue in queues.items() if queue
            )

    def _count(self, sign: int, queue: Collection[Envelope]) -> None:
        self.count += sign * len(queue)
        self.size += sign * sum(message.size for message in queue)
        if not self.count and not self._drops:
            self._since = None
            self._urgent = False

    def due_at(self, in_flight: int = 0) -> float | None:
        """When to take the next batch: 0 for at once, None while there is nothing.

        While `in_flight` batches keep the task workers busy anyway, the next one grows: larger
        batches cost less a message, so load makes the whole faster.
        """
        limits = self._limits
        if self._since is None:
            return None
        if self.count >= limits.messages or self.size >= limits.size:
            return 0.0
        if in_flight >= EAGER:
            return self._since + limits.patience
        if self._urgent:
            return 0.0
        return self._since + limits.linger

    def take(self, now: float) -> tuple[tuple[Envelope, ...], tuple[Drop, ...]]:
        quiet = self._quiet()
        taken = self._take(quiet or self._queues)
        if not quiet:  # else the crowd has waited long enough, too
            if self.count:
                self._since = now
            else:
                self._since = None
            self._urgent = False
        drops = tuple(
            Drop(site_id, reason, count) for (site_id, reason), count in self._drops.items()
        )
        self._drops.clear()
        return tuple(taken), drops

    def _quiet(self) -> list[int]:
        """Connections that have little, while others crowd."""
        if self.count < CROWD:
            return []
        little = self.count / (LITTLE * len(self._queues))
        return [
            connection_id for connection_id, queue in self._queues.items() if len(queue) <= little
        ]

    def _take(self, connections: Collection[int]) -> list[Envelope]:
        """From each in turn, until all are empty or the batch is full; a queue that is not empty
        then goes behind the others.
        """
        taken: list[Envelope] = []
        limits = self._limits
        turns = deque(connections)
        room = limits.size
        share = max(1, limits.messages // max(1, len(turns)))
        while turns and len(taken) < limits.messages and room > 0:
            connection_id = turns.popleft()
            queue = self._queues.pop(connection_id)
            for _ in range(min(share, len(queue), limits.messages - len(taken))):
                taken.append(queue.popleft())
                room -= taken[-1].size
                if room <= 0:
                    break
            if queue:
                self._queues[connection_id] = queue
                turns.append(connection_id)
        self.count -= len(taken)
        self.size -= limits.size - room
        return taken
