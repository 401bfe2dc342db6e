"""What the links report, written to the database by one thread, so that no link waits for it.

Only the latest status of a connection matters: while the database is away, newer reports replace
older ones. What comes within a moment is written together: a fleet that comes up at once is a few
statements, not thousands.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import TypeVar

import msgspec
from django.db import DataError, Error, IntegrityError, close_old_connections, connection

from mqtt_app.background.outage_log import OutageLog
from mqtt_app.background.periodic_thread import PeriodicThread
from mqtt_app.domain.link.connection_config import ConnectionConfig, LinkStatus, SubackResults
from mqtt_app.domain.ownership.claims import LinkKey
from mqtt_app.mqtt.connection_store import ConnectionStore

log = logging.getLogger(__name__)

RETRY_AFTER = 1.0  # s, when the database does not answer
GATHER = 0.1  # s from the start of a write to the next one
AT_ONCE = 500  # connections in one statement

Name = TypeVar("Name")
Value = TypeVar("Value")


class Reports(msgspec.Struct):
    """What is to be written; a later report of a connection replaces an earlier one. `matches`:
    connection id -> filter -> unix seconds.
    """

    statuses: dict[LinkKey, LinkStatus] = {}
    subacks: dict[LinkKey, SubackResults] = {}
    matches: dict[int, dict[str, float]] = {}

    def __len__(self) -> int:
        return len(self.statuses) + len(self.subacks) + len(self.matches)

    def add_subacks(self, key: LinkKey, results: SubackResults) -> None:
        earlier = self.subacks.get(key, SubackResults({}))
        self.subacks[key] = SubackResults(
            {**earlier.codes, **results.codes},
            results.synced_version,
            {**earlier.refusals, **results.refusals},
        )

    def take_first(self) -> "Reports":
        """Those that came first, as many as fit into one statement; the others stay."""
        return Reports(
            _take_first(self.statuses), _take_first(self.subacks), _take_first(self.matches)
        )

    def by_kind(self) -> list["Reports"]:
        """Statuses first and matches last: no one waits for those."""
        kinds = (
            Reports(statuses=self.statuses),
            Reports(subacks=self.subacks),
            Reports(matches=self.matches),
        )
        return [kind for kind in kinds if kind]

    def singly(self) -> list["Reports"]:
        parts = [Reports(statuses={key: status}) for key, status in self.statuses.items()]
        parts += [Reports(subacks={key: results}) for key, results in self.subacks.items()]
        parts += [Reports(matches={number: found}) for number, found in self.matches.items()]
        return parts

    def put_back(self, unwritten: "Reports") -> None:
        """Before what came since."""
        self.statuses = unwritten.statuses | self.statuses
        self.matches = unwritten.matches | self.matches
        newer = self.subacks
        self.subacks = dict(unwritten.subacks)
        for key, results in newer.items():
            self.add_subacks(key, results)


class StatusWriter:
    """`report_status`, `report_subacks` and `report_matches` never block; call them from any thread.
    `disowned` is called when a write shows that a link is not ours any more.
    """

    def __init__(self, store: ConnectionStore, disowned: Callable[[], None]) -> None:
        self._store = store
        self._disowned = disowned
        self._lock = threading.Lock()
        self._waiting = Reports()
        self._written_at = float("-inf")
        self._outage = OutageLog(
            log,
            "The database does not take what the links report (%s); it is tried again",
            "The database takes what the links report again",
        )
        self._thread = PeriodicThread(
            "mqtt-reports", self._write_waiting, every=None, at_end=self._write_rest
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Write what waits; takes up to `timeout` seconds."""
        self._thread.stop(timeout)

    def report_status(self, config: ConnectionConfig, status: LinkStatus) -> None:
        with self._lock:
            self._waiting.statuses[LinkKey(config.id, config.generation)] = status
        self._thread.wake()

    def report_subacks(self, config: ConnectionConfig, results: SubackResults) -> None:
        with self._lock:
            self._waiting.add_subacks(LinkKey(config.id, config.generation), results)
        self._thread.wake()

    def report_matches(self, connection_id: int, filters: Mapping[str, float]) -> None:
        """Filter -> unix seconds of its last match."""
        with self._lock:
            self._waiting.matches.setdefault(connection_id, {}).update(filters)
        self._thread.wake()

    def _write_waiting(self) -> None:
        while self._waiting and not self._thread.is_stopping:
            self._thread.pause(self._written_at + GATHER - time.monotonic())
            if not self._write_first():
                self._thread.pause(RETRY_AFTER)

    def _write_rest(self) -> None:
        """At the end: all that can be written; what cannot be is not tried again."""
        while self._waiting and self._write_first():
            time.sleep(GATHER if self._waiting else 0.0)

    def _write_first(self) -> bool:
        """False when the database did not answer; what was not written waits again then."""
        self._written_at = time.monotonic()
        with self._lock:
            parts = deque(self._waiting.take_first().by_kind())
        close_old_connections()
        while parts:
            try:
                self._write(parts[0])
            except (DataError, IntegrityError):
                parts.extendleft(_apart(parts.popleft()))
                continue
            except Error as error:
                self._outage.failed(error)
                connection.close()
                self._put_back(parts)
                return False
            except Exception:
                log.exception("Reports of %d links could not be written", len(parts[0]))
            parts.popleft()
        self._outage.succeeded()
        return True

    def _write(self, part: Reports) -> None:
        if part.statuses:
            written = self._store.record_statuses(part.statuses)
            if written.lost:
                self._disowned()
            self._put_back([Reports({key: part.statuses[key] for key in written.busy})])
        if part.subacks:
            self._store.record_suback_results(part.subacks)
        if part.matches:
            self._store.record_matches(part.matches)

    def _put_back(self, parts: Iterable[Reports]) -> None:
        with self._lock:
            for part in parts:
                self._waiting.put_back(part)


def _apart(part: Reports) -> list[Reports]:
    """Something in it cannot be stored: each by itself, or nothing when it is only one. Called while
    the database's error is handled.
    """
    if len(part) > 1:
        return part.singly()
    log.exception("What a link reports cannot be stored: %s", part)
    return []


def _take_first(waiting: dict[Name, Value]) -> dict[Name, Value]:
    keys = list(islice(waiting, AT_ONCE))
    return {key: waiting.pop(key) for key in keys}
