"""The only way out to browsers. Each function says one thing that changed; none blocks or raises.

Call them on commit. Messages go to the channels group `live`; `mqtt_app/live` decides who may see
which.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from channels.layers import get_channel_layer

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
    """`error_class` is for `mqtt_app/live`, which decides how much of the error each browser is
    told.
    """
    values = {
        "status": status,
        "is_active": is_active,
        "error_class": error_class,
        "error_message": error_message,
    }
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
    """The first one for a site at once; what follows within `STORED_EVERY` together, at its end."""
    _tally.add(site_id, messages, readings)


def flow(*, sites: Sequence[Event]) -> None:
    """`sites`: {site_id, rate in messages a second, last_message_at in unix seconds} of links whose
    rate changed.
    """
    if sites:
        _send({"type": "flow", "sites": list(sites), "at": _now()})


def flush(timeout: float) -> bool:
    """Wait up to `timeout` seconds until everything said so far is out."""
    return _outbox.flush(timeout)


def waiting() -> int:
    """Events of this process that are not out yet."""
    return len(_outbox)


class EventTally:
    """Adds up what is stored for each site; `say(site id, messages, readings)` about every `every`
    seconds a site.
    """

    def __init__(self, say: Callable[[int, int, int], None], every: float) -> None:
        self._say, self._every = say, every
        self._changed = threading.Condition()
        self._sums: dict[
            int, tuple[int, int]
        ] = {}  # what was stored since the last word, of sites that had one
        self._thread: threading.Thread | None = None

    def add(self, site_id: int, messages: int, readings: int) -> None:
        with self._changed:
            if site_id in self._sums:
                earlier = self._sums[site_id]
                self._sums[site_id] = (earlier[0] + messages, earlier[1] + readings)
                return
            self._sums[site_id] = (0, 0)
            if self._thread is None or not self._thread.is_alive():  # a forked child has none
                self._thread = threading.Thread(target=self._run, name="stored-events", daemon=True)
                self._thread.start()
            self._changed.notify()
        self._say(site_id, messages, readings)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._sums)
            time.sleep(self._every)
            with self._changed:
                said = {site_id: total for site_id, total in self._sums.items() if any(total)}
                self._sums = dict.fromkeys(said, (0, 0))
            for site_id, (messages, readings) in said.items():
                self._say(site_id, messages, readings)


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


def _send(event: Event) -> None:
    _outbox.put(event)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _say_stored(site_id: int, messages: int, readings: int) -> None:
    _send(
        {
            "type": "stored",
            "site_id": site_id,
            "messages": messages,
            "readings": readings,
            "at": _now(),
        }
    )


_tally = EventTally(_say_stored, STORED_EVERY)
_outbox: Outbox[Event] = Outbox("events for browsers", _deliver, limit=LIMIT)
