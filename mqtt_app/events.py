"""The only way out to browsers. Each function publishes one change; none blocks or raises.

Call them on commit. Messages go to the channels group `live`; `mqtt_app/live` decides who may see
which.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from channels.layers import get_channel_layer

from mqtt_app.background.periodic_thread import PeriodicThread
from mqtt_app.coordination.outbox import Outbox

GROUP = "live"
# events that may wait while Redis is away; browsers correct themselves from the database
LIMIT = 10_000
AT_ONCE = 100  # events in one message of the channel layer: a fleet that comes up is a burst
STORED_EVERY = 0.25  # s between two `stored` events of a site and process

Event = dict[str, Any]


def connection_changed(
    *, site_id: int, status: str, is_active: bool, error_class: str, error_message: str
) -> None:
    """`error_class` is for `mqtt_app/live`, which decides how much of the error each browser gets."""
    values = {
        "status": status,
        "is_active": is_active,
        "error_class": error_class,
        "error_message": error_message,
    }
    _outbox.put({"type": "connection", "site_id": site_id, **values, "at": _now()})


def device_changed(*, site_id: int, device_id: int, kind: str, status: str, reason: str) -> None:
    """`kind` is "device" or "gateway"."""
    values = {"device_id": device_id, "kind": kind, "status": status, "reason": reason}
    _outbox.put({"type": "device", "site_id": site_id, **values, "at": _now()})


def devices_changed(*, site_id: int, kind: str, count: int, status: str, reason: str) -> None:
    """One event for `count` devices or gateways of a site that changed alike."""
    values = {"kind": kind, "count": count, "status": status, "reason": reason}
    _outbox.put({"type": "device", "site_id": site_id, **values, "at": _now()})


def topic_discovered(*, site_id: int, topics: int) -> None:
    _outbox.put({"type": "topic", "site_id": site_id, "count": topics, "at": _now()})


def stored(*, site_id: int, messages: int, readings: int) -> None:
    """The first one for a site at once; what follows within `STORED_EVERY` together, at its end."""
    _tally.add(site_id, messages, readings)


def flow(sites: Sequence[Event]) -> None:
    """`sites`: {site_id, rate in messages a second, last_message_at in unix seconds} of links whose
    rate changed.
    """
    if sites:
        _outbox.put({"type": "flow", "sites": list(sites), "at": _now()})


def operation_changed(
    *,
    operation_id: str,
    kind: str,
    state: str,
    site_id: int | None,
    user_id: int | None,
    done: int,
    total: int,
) -> None:
    """`user_id` is for `mqtt_app/live`: an operation of no single site is for whoever asked for it."""
    values = {"id": operation_id, "kind": kind, "state": state, "done": done, "total": total}
    _outbox.put(
        {"type": "operation", "site_id": site_id, "user_id": user_id, **values, "at": _now()}
    )


def tail(*, site_id: int, filter: str, messages: Sequence[Event], more: int) -> None:
    """What arrives, for those who look at this filter: `more` messages are not shown."""
    values = {"filter": filter, "messages": list(messages), "more": more}
    _outbox.put({"type": "tail", "site_id": site_id, **values, "at": _now()})


def flush(timeout: float) -> bool:
    """Wait up to `timeout` seconds until everything published so far is out."""
    return _outbox.flush(timeout)


def waiting() -> int:
    """Events of this process that are not out yet."""
    return len(_outbox)


class StoredCounts(NamedTuple):
    """What was stored for a site since its last event."""

    messages: int = 0
    readings: int = 0


class EventTally:
    """Adds up what is stored for each site; `publish(site id, messages, readings)` at once for a
    site that was quiet, and about every `every` seconds while more is stored.
    """

    def __init__(self, publish: Callable[[int, int, int], None], every: float) -> None:
        self._publish = publish
        self._every = every
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[int, StoredCounts] = {}  # of sites that had an event
        self._thread = PeriodicThread(
            "stored-events", self._publish_sums, every=None, gather=self._every
        )

    def add(self, site_id: int, messages: int, readings: int) -> None:
        with self._lock:
            earlier = self._sums.get(site_id)
            if earlier is not None:
                sums = StoredCounts(earlier.messages + messages, earlier.readings + readings)
                self._sums[site_id] = sums
                return
            self._sums[site_id] = StoredCounts()
            self._thread.start_once()
        self._thread.wake()
        self._publish(site_id, messages, readings)

    def _publish_sums(self) -> None:
        with self._lock:
            due = {site_id: counts for site_id, counts in self._sums.items() if any(counts)}
            self._sums = dict.fromkeys(due, StoredCounts())
        for site_id, counts in due.items():
            self._publish(site_id, counts.messages, counts.readings)
        if due:
            self._thread.wake()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The outbox thread's own loop: the channel layer keeps its connection for as long as its loop
    lives.
    """
    return asyncio.new_event_loop()


def _deliver(events: list[Event]) -> None:
    _loop().run_until_complete(_group_send(events))


async def _group_send(events: list[Event]) -> None:
    layer = get_channel_layer()
    for start in range(0, len(events), AT_ONCE):
        await layer.group_send(
            GROUP, {"type": "live.events", "events": events[start : start + AT_ONCE]}
        )


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _publish_stored(site_id: int, messages: int, readings: int) -> None:
    _outbox.put(
        {
            "type": "stored",
            "site_id": site_id,
            "messages": messages,
            "readings": readings,
            "at": _now(),
        }
    )


_tally = EventTally(_publish_stored, STORED_EVERY)
_outbox: Outbox[Event] = Outbox("events for browsers", _deliver, limit=LIMIT)
