"""What the links have to say, written to the database by one thread, so that no link waits for it.

Only the latest status of a connection matters: while the database is away, newer words replace
older ones. What comes within a moment is written together: a fleet that comes up at once is a few
statements, not thousands.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Protocol, TypeVar

from django.db import DataError, Error, IntegrityError, close_old_connections, connection

from mqtt_app.services.ownership import (
    Answers,
    ConnectionConfig,
    Key,
    LinkStatus,
    Matches,
    WrittenStatuses,
)

log = logging.getLogger(__name__)

RETRY_AFTER = 1.0  # s, when the database does not answer
GATHER = 0.1  # s from the start of a write to the next one
AT_ONCE = 500  # connections in one statement

Name = TypeVar("Name")
Value = TypeVar("Value")
Statuses = dict[Key, LinkStatus]
Replies = dict[Key, Answers]


class Writer(Protocol):
    """The part of `services.ownership` that writes what an owner says."""

    def record_statuses(self, said: Mapping[Key, LinkStatus]) -> WrittenStatuses: ...
    def record_answers(self, said: Mapping[Key, Answers]) -> int: ...
    def record_matches(self, matches: Matches) -> int: ...


class StatusWriter:
    """`say`, `answers` and `matched` never block. `disowned` is called when a write shows that a
    link is not ours.
    """

    def __init__(self, writer: Writer, disowned: Callable[[], None]) -> None:
        self._writer, self._disowned = writer, disowned
        self._wake = threading.Condition()
        self._statuses: Statuses = {}
        self._replies: Replies = {}
        self._matches: dict[int, dict[str, float]] = {}
        self._down = False
        self._stopping = False
        self._written_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="mqtt-reports", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join(timeout)

    def say(self, config: ConnectionConfig, status: LinkStatus) -> None:
        with self._wake:
            self._statuses[config.id, config.generation] = status
            self._wake.notify_all()

    def answers(self, config: ConnectionConfig, answers: Answers) -> None:
        key = (config.id, config.generation)
        with self._wake:
            self._replies[key] = _merged(self._replies.get(key), answers)
            self._wake.notify_all()

    def matched(self, connection_id: int, filters: Mapping[str, float]) -> None:
        """Filter -> unix seconds of its last match."""
        with self._wake:
            self._matches.setdefault(connection_id, {}).update(filters)
            self._wake.notify_all()

    def _run(self) -> None:
        while self._waited():
            self._rest(self._written_at + GATHER - time.monotonic())
            self._written_at = time.monotonic()
            with self._wake:
                statuses, replies, matches = (
                    _first(self._statuses),
                    _first(self._replies),
                    _first(self._matches),
                )
            close_old_connections()
            if statuses or replies:
                self._write(statuses, replies)
            if matches:
                self._write_matches(matches)

    def _waited(self) -> bool:
        """False when there is nothing to write and there will be nothing more."""
        with self._wake:
            self._wake.wait_for(lambda: self._is_waiting() or self._stopping)
            return self._is_waiting()

    def _is_waiting(self) -> bool:
        return bool(self._statuses or self._replies or self._matches)

    def _rest(self, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: self._stopping, max(0.0, seconds))

    def _write(self, statuses: Statuses, replies: Replies) -> None:
        try:
            if statuses:
                self._heed(statuses, self._writer.record_statuses(statuses))
                statuses = {}
            if replies:
                self._writer.record_answers(replies)
            self._down = False
        except (DataError, IntegrityError):
            self._write_apart(statuses, replies)
        except Error as error:
            self._keep(statuses, replies, error)
        except Exception:
            log.exception(
                "Reports of %d links could not be written", len(statuses.keys() | replies.keys())
            )

    def _write_matches(self, matches: dict[int, dict[str, float]]) -> None:
        """After everything else: nobody waits for them."""
        try:
            self._writer.record_matches(matches)
        except (DataError, IntegrityError):
            log.exception("The matches of %d links cannot be stored", len(matches))
        except Error as error:
            self._keep({}, {}, error)
            with self._wake:
                self._matches = {} if self._stopping else matches | self._matches
        except Exception:
            log.exception("The matches of %d links could not be written", len(matches))

    def _heed(self, statuses: Statuses, written: WrittenStatuses) -> None:
        if written.lost:
            self._disowned()
        with self._wake:
            self._statuses = {key: statuses[key] for key in written.busy} | self._statuses

    def _write_apart(self, statuses: Statuses, replies: Replies) -> None:
        """One of them cannot be stored; it is given up, the others are not."""
        parts: list[tuple[Statuses, Replies]] = [
            ({key: status}, {}) for key, status in statuses.items()
        ]
        parts += [({}, {key: answers}) for key, answers in replies.items()]
        if len(parts) == 1:
            log.exception("What a link reports cannot be stored: %s", parts[0])
            return
        for part in parts:
            self._write(*part)

    def _keep(self, statuses: Statuses, replies: Replies, error: Error) -> None:
        if not self._down:
            log.warning(
                "The database does not take what the links report (%s); trying on",
                type(error).__name__,
            )
        self._down = True
        connection.close()
        with self._wake:
            self._statuses = statuses | self._statuses
            for key, answers in replies.items():
                self._replies[key] = _merged(answers, self._replies.get(key))
            self._wake.wait_for(lambda: self._stopping, RETRY_AFTER)
            if self._stopping:
                self._statuses, self._replies = {}, {}


def _merged(older: Answers | None, newer: Answers | None) -> Answers:
    both = [answers for answers in (older, newer) if answers is not None]
    codes = {name: code for answers in both for name, code in answers.codes.items()}
    return Answers(codes, both[-1].in_line_with)


def _first(waiting: dict[Name, Value]) -> dict[Name, Value]:
    """Take those that came first."""
    keys: Iterable[Name] = list(islice(waiting, AT_ONCE))
    return {key: waiting.pop(key) for key in keys}
