"""Packets that have begun and not come whole: how much of them is in memory, and for how long."""

from collections.abc import Callable
from typing import Protocol

from mqtt_app.domain.link.protocol.violations import Violation, unfinished
from mqtt_app.mqtt.loop import Loop, Timer

# bytes/s; a packet that comes at least this fast may take longer than the limit of time
SLOWEST = 65_536


class Holder(Protocol):
    """A link that holds a part of a packet."""

    def give_up(self) -> None:
        """Free it; the link is to be closed."""
        ...


class UnfinishedBytes:
    """Those of all links together, at most `limit`. Beyond it the packet that began first is given
    up: a packet of a healthy link is there whole after some milliseconds, so the first is one that
    its broker leaves unfinished.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held: dict[Holder, int] = {}  # in the order in which the packets began
        self.total = 0

    def hold(self, holder: Holder, size: int) -> None:
        """The part that `holder` has is `size` bytes long now."""
        self.total += size - self._held.get(holder, 0)
        self._held[holder] = size
        while self.total > self.limit:
            first = next(iter(self._held))
            self.release(first)
            first.give_up()

    def release(self, holder: Holder) -> None:
        self.total -= self._held.pop(holder, 0)


class UnfinishedReader(Protocol):
    """The reader of one link. `packets_begun` counts packets that did not come whole in one read."""

    @property
    def packets_begun(self) -> int: ...
    @property
    def unfinished(self) -> int: ...

    def end_for(self, violation: Violation) -> None: ...


class PacketTimer:
    """Ends a link whose packet stays unfinished for `limit` seconds. `judging`: whether we read at
    all; a paused link proves nothing.

    One timer for as long as packets come in parts, because on a busy link every read ends within a
    packet.
    """

    def __init__(self, loop: Loop, limit: float, judging: Callable[[], bool]) -> None:
        self._loop = loop
        self._limit = limit
        self._judging = judging
        self._reader: UnfinishedReader | None = None
        self._timer: Timer | None = None
        self._packet = 0
        self._since = 0.0

    def begin(self, reader: UnfinishedReader) -> None:
        self._reader = reader

    def end(self) -> None:
        self._reader = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """After each read."""
        if self._timer is None and self._reader is not None and self._reader.unfinished:
            self._watch(self._reader)

    def _watch(self, reader: UnfinishedReader) -> None:
        self._packet = reader.packets_begun
        self._since = self._loop.clock()
        self._timer = self._loop.at(self._since + self._limit, self._judge)

    def _judge(self) -> None:
        reader = self._reader
        self._timer = None
        if reader is None or not reader.unfinished:
            return
        if reader.packets_begun != self._packet or not self._judging():
            self._watch(reader)
            return
        due = self._since + self._limit + reader.unfinished / SLOWEST
        if due > self._loop.clock():
            self._timer = self._loop.at(due, self._judge)
        else:
            reader.end_for(unfinished(reader.unfinished, self._loop.clock() - self._since))
