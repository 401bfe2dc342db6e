"""The only way out to browsers. Each function says one thing that changed; none blocks or raises.

Call them on commit. Messages go to the channels group `live`; `mqtt_app/live` decides who may see which.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from channels.layers import get_channel_layer

from mqtt_app.coordination.outbox import Outbox

GROUP = "live"
LIMIT = 10_000  # events that may wait while Redis is away; browsers correct themselves from the database
STORED_EVERY = 1.0  # s between two `stored` events of a site and process

Event = dict[str, Any]


def connection_changed(*, site_id: int, status: str, is_active: bool, error_message: str) -> None:
    values = {"status": status, "is_active": is_active, "error_message": error_message}
    _send({"type": "connection", "site_id": site_id, **values, "at": _now()})


def device_changed(*, site_id: int, device_id: int, kind: str, status: str, reason: str) -> None:
    """`kind` is "device" or "gateway"."""
    values = {"device_id": device_id, "kind": kind, "status": status, "reason": reason}
    _send({"type": "device", "site_id": site_id, **values, "at": _now()})


def devices_changed(*, site_id: int, kind: str, count: int, status: str, reason: str) -> None:
    """One word for `count` devices or gateways of a site that changed alike."""
    values = {"kind": kind, "count": count, "status": status, "reason": reason}
    _send({"type": "device", "site_id": site_id, **values, "at": _now()})


def topic_discovered(*, site_id: int, topics: int) -> None:
    _send({"type": "topic", "site_id": site_id, "count": topics, "at": _now()})


def stored(*, site_id: int, messages: int, readings: int) -> None:
    """Coalesced: at most one event a second for a site."""
    due = _tally.add(site_id, messages, readings)
    if due is not None:
        total_messages, total_readings = due
        values = {"messages": total_messages, "readings": total_readings}
        _send({"type": "stored", "site_id": site_id, **values, "at": _now()})


def flow(*, sites: Sequence[Event]) -> None:
    """`sites`: {site_id, rate in messages a second, last_message_at in unix seconds} of links whose rate changed."""
    if sites:
        _send({"type": "flow", "sites": list(sites), "at": _now()})


def flush(timeout: float) -> bool:
    """Wait up to `timeout` seconds until everything said so far is out."""
    return _outbox.flush(timeout)


class _Tally:
    """What was stored since a site's last event. A site that falls silent within a second keeps its rest for later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[int, tuple[int, int]] = {}
        self._told: dict[int, float] = {}

    def add(self, site_id: int, messages: int, readings: int) -> tuple[int, int] | None:
        with self._lock:
            earlier_messages, earlier_readings = self._sums.get(site_id, (0, 0))
            total = (earlier_messages + messages, earlier_readings + readings)
            now = time.monotonic()
            if now - self._told.get(site_id, -STORED_EVERY) < STORED_EVERY:
                self._sums[site_id] = total
                return None
            self._told[site_id] = now
            self._sums.pop(site_id, None)
            return total


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The outbox thread's own loop: the channel layer keeps its connection for as long as its loop lives."""
    return asyncio.new_event_loop()


def _deliver(events: list[Event]) -> None:
    _loop().run_until_complete(_group_send(events))


async def _group_send(events: list[Event]) -> None:
    layer = get_channel_layer()
    for event in events:
        await layer.group_send(GROUP, {"type": "live.event", "event": event})


def _send(event: Event) -> None:
    _outbox.put(event)


def _now() -> str:
    return datetime.now(UTC).isoformat()


_tally = _Tally()
_outbox: Outbox[Event] = Outbox("events for browsers", _deliver, limit=LIMIT)
