"""The links that this instance holds, and the rows that it has still to release."""

import logging
import queue
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice

import msgspec
from django.db import Error, connection

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.ownership.claims import ConnectionRow
from mqtt_app.models.fields import UndecryptableError
from mqtt_app.mqtt.connection_store import ConnectionStore
from mqtt_app.mqtt.link.session import Session
from mqtt_app.mqtt.loop import Loop

log = logging.getLogger(__name__)

RELEASED_AT_ONCE = 500  # connections released in one transaction
SHOWN = 20  # connections named in one line of the log

# why a link is being closed
RELEASE = "release"
RENEW = "renew"
ABANDON = "abandon"

# What may change while the link is up: filters, when to acknowledge, and what the bookkeeping needs.
_ADJUSTABLE = (
    "filters",
    "granted",
    "obsolete_filters",
    "subscribed_version",
    "ack_mode",
    "config_version",
    "retry_count",
    "negotiated_version",
    "site_name",
    "memory",
)

NewSession = Callable[[ConnectionConfig, Callable[[Session], None]], Session]


class _HeldLink(msgspec.Struct):
    """`ending`: why it is being closed; "" while it is to stay."""

    session: Session
    generation: int
    config_version: int
    ending: str = ""


class HeldLinks:
    """For one thread; sessions report their end from the loop's, `closed` is called then."""

    def __init__(
        self,
        instance_id: str,
        loop: Loop,
        store: ConnectionStore,
        new_session: NewSession,
        *,
        closed: Callable[[], None],
        released: Callable[[], None],
    ) -> None:
        self._instance_id = instance_id
        self._loop = loop
        self._store = store
        self._new_session = new_session
        self._closed = closed
        self._released = released
        self._held: dict[int, _HeldLink] = {}
        # closed here; connection id -> generation, still to be written
        self._to_release: dict[int, int] = {}
        self._finished: queue.SimpleQueue[Session] = queue.SimpleQueue()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def left(self) -> int:
        """Links to be closed and rows to be released until nothing is held here."""
        return len(self._held) + len(self._to_release)

    def sessions(self) -> list[Session]:
        """From any thread."""
        return [held.session for held in tuple(self._held.values())]

    def foreign_to(self, rows: dict[int, ConnectionRow]) -> set[int]:
        """Held here, though the rows name another owner, or none."""
        mine = {number for number, held in self._held.items() if self._is_mine(rows, number, held)}
        return self._held.keys() - mine

    def _is_mine(self, rows: dict[int, ConnectionRow], number: int, held: _HeldLink) -> bool:
        row = rows.get(number)
        if row is None:
            return False
        return row.owner == self._instance_id and row.generation == held.generation

    def is_claimable(self, row: ConnectionRow) -> bool:
        """It is assigned to us and not held here."""
        return row.id not in self._held and self._is_wanted_here(row)

    def compare(self, row: ConnectionRow) -> None:
        """Make up the difference between a row and what is held of it."""
        held = self._held.get(row.id)
        if held is None:
            if row.owner == self._instance_id and not self._is_wanted_here(row):
                self._to_release[row.id] = row.generation  # left by an earlier start of us
        elif held.ending:
            return
        elif not self._is_wanted_here(row):
            self._end(held, RELEASE)
        elif held.config_version != row.config_version:
            self._reconfigure(row, held)

    def _is_wanted_here(self, row: ConnectionRow) -> bool:
        return row.wanted and row.assigned_instance == self._instance_id

    def open(self, config: ConnectionConfig) -> None:
        session = self._new_session(config, self._on_finished)
        self._held[config.id] = _HeldLink(session, config.generation, config.config_version)
        self._loop.call(session.start)

    def abandon(self, numbers: Iterable[int]) -> None:
        """Another instance's by now: close at once, acknowledge nothing more."""
        lost = sorted(number for number in numbers if self._held[number].ending != ABANDON)
        if lost:
            shown = ", ".join(map(str, lost[:SHOWN])) + (", ..." if len(lost) > SHOWN else "")
            text = "%d connections have another owner; their links are closed here: %s"
            log.warning(text, len(lost), shown)
        for number in lost:
            self._end(self._held[number], ABANDON)

    def abandon_all(self) -> None:
        self.abandon(set(self._held))

    def release_all(self) -> None:
        for held in self._held.values():
            if not held.ending or held.ending == RENEW:
                self._end(held, RELEASE)

    def collect_closed(self) -> None:
        """Release, or open again, the links that have ended since."""
        while not self._finished.empty():
            session = self._finished.get()
            connection_id = session.config.id
            held = self._held.get(connection_id)
            if held is None or held.session is not session:
                continue
            del self._held[connection_id]
            if held.ending == RELEASE:
                self._to_release[connection_id] = held.generation
            elif held.ending == RENEW:
                self._renew(connection_id, held.generation)
        self._write_releases()

    def _reconfigure(self, row: ConnectionRow, held: _HeldLink) -> None:
        try:
            config = self._store.config_of(row.id, held.generation)
        except UndecryptableError:
            self._end(held, RELEASE)  # the next claim records what is wrong
            return
        if config is None:
            return
        held.config_version = config.config_version
        if _needs_no_other_link(held.session.config, config):
            self._loop.call(partial(held.session.adjust, config))
        else:
            self._end(held, RENEW)

    def _renew(self, connection_id: int, generation: int) -> None:
        try:
            config = self._store.config_of(connection_id, generation)
        except UndecryptableError:
            config = None
        if config is None:
            self._to_release[connection_id] = generation
        else:
            self.open(config)

    def _end(self, held: _HeldLink, why: str) -> None:
        held.ending = why
        self._loop.call(held.session.abandon if why == ABANDON else held.session.drain)

    def _on_finished(self, session: Session) -> None:
        """On the loop's thread."""
        self._finished.put(session)
        self._closed()

    def _write_releases(self) -> None:
        """What cannot be written now stays on the list; a row that has changed hands meanwhile is
        not touched.
        """
        while self._to_release:
            part = dict(islice(self._to_release.items(), RELEASED_AT_ONCE))
            try:
                busy = self._store.release_all(part, self._instance_id)
            except Error as error:
                text = "%d connections could not be released yet (%s)"
                log.warning(text, len(self._to_release), type(error).__name__)
                connection.close()
                return
            for number in part.keys() - busy:
                del self._to_release[number]
            self._released()
            if busy:
                return


def _needs_no_other_link(old: ConnectionConfig, new: ConnectionConfig) -> bool:
    adjusted = {name: getattr(new, name) for name in _ADJUSTABLE}
    return msgspec.structs.replace(old, **adjusted) == new
