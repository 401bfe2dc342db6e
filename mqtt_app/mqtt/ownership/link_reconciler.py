"""Compares the rows assigned to this instance with the links it holds, and makes up the difference.
Level-triggered: a nudge only makes it look sooner.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Protocol

import msgspec
import redis
from django.db import Error, close_old_connections, connection

from mqtt_app.models.fields import UndecryptableError
from mqtt_app.mqtt.link.session import Session
from mqtt_app.mqtt.loop import Loop
from mqtt_app.mqtt.ownership.lease_keeper import LeaseKeeper
from mqtt_app.services.ownership import ConnectionConfig, ConnectionRow

log = logging.getLogger(__name__)

TAKEN_AT_ONCE = 100  # connections taken in one transaction
LET_GO_AT_ONCE = 500
BURST = 0.05  # s; nudges that come this close together are one look
SHOWN = 20  # connections named in one line of the log
CLOSE_MARGIN = 1.0  # s beyond the drain for what is left to do at the end
PROGRESS = 2.0  # s within which another one has to be let go, when thousands take longer than that


class Ownership(Protocol):
    """The part of `services.ownership` that decides who holds what."""

    def rows_of(self, instance_id: str) -> list[ConnectionRow]: ...
    def take_all(self, wanted: Mapping[int, int], instance_id: str) -> list[ConnectionConfig]: ...
    def let_go_all(self, held: Mapping[int, int], instance_id: str) -> frozenset[int]: ...
    def config_of(self, connection_id: int, generation: int) -> ConnectionConfig | None: ...


class _HeldLink(msgspec.Struct):
    """`ending`: why it is being closed; "" while it is to stay."""

    session: Session
    generation: int
    config_version: int
    ending: str = ""


RELEASE, RENEW, ABANDON = "release", "renew", "abandon"
_SESSION = ("filters", "granted", "obsolete_filters", "subscribed_version")
_ADJUSTED = (
    *_SESSION,
    "ack_mode",
    "config_version",
    "retry_count",
    "negotiated_version",
    "site_name",
)


class LinkReconciler:
    """`tidy` decides about homeless connections when beat is away; `nudge` makes other workers
    look.
    """

    def __init__(
        self,
        instance_id: str,
        loop: Loop,
        keeper: LeaseKeeper,
        ownership: Ownership,
        new_session: Callable[[ConnectionConfig, Callable[[Session], None]], Session],
        *,
        scan_interval: float,
        force_after: float,
        drain_timeout: float,
        tidy: Callable[[datetime], None],
        nudge: Callable[[], None],
    ) -> None:
        self._instance_id, self._loop, self._keeper, self._ownership = (
            instance_id,
            loop,
            keeper,
            ownership,
        )
        self._new_session = new_session
        self._scan_interval, self._force_after, self._drain_timeout = (
            scan_interval,
            force_after,
            drain_timeout,
        )
        self._tidy, self._nudge = tidy, nudge
        self._held: dict[int, _HeldLink] = {}
        self._leaving: dict[
            int, int
        ] = {}  # closed here; connection id -> generation, still to be written
        self._closed: queue.SimpleQueue[Session] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._draining = threading.Event()
        self._done = threading.Event()
        self._given_up = threading.Event()
        self._down = False
        self._confirmed_at = float("-inf")
        self.looked_at = loop.clock()  # when the last look ended that found the database there
        self._thread = threading.Thread(target=self._run, name="mqtt-supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look now. From any thread."""
        self._wake.set()

    def drain(self) -> None:
        """Hand every link over, and return when that is done, or has taken too long and gets no
        further.
        """
        deadline, left = self._loop.clock() + self._drain_timeout + CLOSE_MARGIN, self._left()
        self._draining.set()
        self._wake.set()
        while not self._done.wait(0.1) and self._loop.clock() < deadline:
            if self._left() < left:
                deadline, left = max(deadline, self._loop.clock() + PROGRESS), self._left()
        self._given_up.set()

    def _left(self) -> int:
        return len(self._held) + len(self._leaving)

    def confirmed_since(self, moment: float) -> bool:
        """The rows were compared, under a good lease, in a look that began after `moment` (the
        loop's clock).

        Whoever slept through the end of the lease, or was thrown out by a new owner, must not
        connect before that.
        """
        if self._confirmed_at > moment:
            return True
        self._wake.set()
        return False

    def sessions(self) -> list[Session]:
        return [held.session for held in tuple(self._held.values())]

    def _run(self) -> None:
        while not self._draining.is_set():
            self._guarded(self._scan)
            if self._keeper.may_act():
                self._guarded(lambda: self._tidy(datetime.now(UTC)))
            self._wake.wait(self._scan_interval)
            self._draining.wait(BURST)
            self._wake.clear()
        self._guarded(self._hand_over)
        self._done.set()

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            close_old_connections()
            action()
            self._down = False
        except (Error, redis.RedisError) as error:
            if not self._down:
                log.warning(
                    "The links cannot be compared with the database (%s); they stay",
                    type(error).__name__,
                )
            self._down = True
            connection.close()
        except Exception:
            log.exception("A look at the assigned connections failed")

    def _scan(self) -> None:
        begun = self._loop.clock()
        self._settle_closed()
        if self._keeper.is_lost:
            self._abandon(set(self._held))
            return
        rows = {row.id: row for row in self._ownership.rows_of(self._instance_id)}
        self.looked_at = self._loop.clock()
        mine = {
            number for number, held in self._held.items() if self._is_mine(rows.get(number), held)
        }
        self._abandon(self._held.keys() - mine)
        if not self._keeper.may_act():
            return
        self._loop.call(
            partial(self._confirm, begun)
        )  # behind the ends of those that are not ours any more
        takeable = {row.id: row.generation for row in rows.values() if self._compare(row)}
        self._take_all(takeable)
        self._settle_closed()
        self._keeper.set_load(len(self._held))

    def _confirm(self, begun: float) -> None:
        self._confirmed_at = begun

    def _is_mine(self, row: ConnectionRow | None, held: _HeldLink) -> bool:
        return (
            row is not None and row.owner == self._instance_id and row.generation == held.generation
        )

    def _compare(self, row: ConnectionRow) -> bool:
        """Act on a row that we hold, or held; True when it is to be taken."""
        held = self._held.get(row.id)
        wanted_here = row.wanted and row.assigned_instance == self._instance_id
        if held is not None and held.ending:
            return False
        if held is not None and not wanted_here:
            self._end(held, RELEASE)
        elif held is not None and held.config_version != row.config_version:
            self._reconfigure(row, held)
        elif held is None and wanted_here:
            return self._may_be_free(row)
        elif held is None and row.owner == self._instance_id and not wanted_here:
            self._leaving[row.id] = row.generation  # left by an earlier start of this instance
        return False

    def _may_be_free(self, row: ConnectionRow) -> bool:
        overdue = datetime.now(UTC).timestamp() - row.assigned_at >= self._force_after
        return row.owner in ("", self._instance_id) or overdue

    def _take_all(self, takeable: Mapping[int, int]) -> None:
        pairs = sorted(takeable.items())
        for start in range(0, len(pairs), TAKEN_AT_ONCE):
            if not self._keeper.may_act():
                return
            taken = self._ownership.take_all(
                dict(pairs[start : start + TAKEN_AT_ONCE]), self._instance_id
            )
            for config in taken:
                self._open(config)

    def _open(self, config: ConnectionConfig) -> None:
        session = self._new_session(config, self._finished)
        self._held[config.id] = _HeldLink(session, config.generation, config.config_version)
        self._loop.call(session.start)

    def _reconfigure(self, row: ConnectionRow, held: _HeldLink) -> None:
        try:
            config = self._ownership.config_of(row.id, held.generation)
        except UndecryptableError:
            self._end(held, RELEASE)  # the next take says what is wrong
            return
        if config is None:
            return
        held.config_version = config.config_version
        if _same_link(held.session.config, config):
            self._loop.call(partial(held.session.adjust, config))
        else:
            self._end(held, RENEW)

    def _end(self, held: _HeldLink, why: str) -> None:
        held.ending = why
        self._loop.call(held.session.abandon if why == ABANDON else held.session.drain)

    def _abandon(self, numbers: set[int]) -> None:
        """Somebody else's by now: close at once, acknowledge nothing more."""
        lost = sorted(number for number in numbers if self._held[number].ending != ABANDON)
        if lost:
            shown = ", ".join(map(str, lost[:SHOWN])) + (", ..." if len(lost) > SHOWN else "")
            log.warning(
                "%d connections have another owner; their links are closed here: %s",
                len(lost),
                shown,
            )
        for number in lost:
            self._end(self._held[number], ABANDON)

    def _finished(self, session: Session) -> None:
        """On the loop's thread."""
        self._closed.put(session)
        self._wake.set()

    def _settle_closed(self) -> None:
        while not self._closed.empty():
            session = self._closed.get()
            held = self._held.get(session.config.id)
            if held is None or held.session is not session:
                continue
            del self._held[session.config.id]
            if held.ending == RELEASE:
                self._leaving[session.config.id] = held.generation
            elif held.ending == RENEW:
                self._renew(session.config.id, held.generation)
        self._let_go()

    def _renew(self, connection_id: int, generation: int) -> None:
        try:
            config = self._ownership.config_of(connection_id, generation)
        except UndecryptableError:
            config = None
        if config is None:
            self._leaving[connection_id] = generation
        else:
            self._open(config)

    def _let_go(self) -> None:
        """What cannot be written now stays on the list; a row that has changed hands meanwhile is
        not touched.
        """
        while self._leaving:
            part = dict(islice(self._leaving.items(), LET_GO_AT_ONCE))
            try:
                busy = self._ownership.let_go_all(part, self._instance_id)
            except Error as error:
                log.warning(
                    "%d connections could not be let go yet (%s)",
                    len(self._leaving),
                    type(error).__name__,
                )
                connection.close()
                return
            for number in part.keys() - busy:
                del self._leaving[number]
            self._nudge()
            if busy:
                return

    def _hand_over(self) -> None:
        for held in self._held.values():
            if not held.ending or held.ending == RENEW:
                self._end(held, RELEASE)
        while self._left() and not self._given_up.is_set():
            self._wake.wait(0.1)
            self._given_up.wait(BURST)  # links that end this close together are let go together
            self._wake.clear()
            self._settle_closed()


def _same_link(old: ConnectionConfig, new: ConnectionConfig) -> bool:
    """But for what can change while the link is up: filters, when to acknowledge, and what the
    bookkeeping needs.
    """
    return msgspec.structs.replace(old, **{name: getattr(new, name) for name in _ADJUSTED}) == new
