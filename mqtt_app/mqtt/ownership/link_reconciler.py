"""Compares the rows assigned to this instance with the links it holds, and makes up the difference.
Level-triggered: a nudge only makes it look sooner.

    collect what was closed -> read the rows -> abandon what is another's -> confirm the rest
    -> compare each row with its link (release, reconfigure) -> claim what is free -> collect again
"""

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial

import redis
from django.db import Error, close_old_connections, connection

from mqtt_app.background.outage_log import OutageLog
from mqtt_app.background.periodic_thread import PeriodicThread
from mqtt_app.domain.ownership.claims import ConnectionRow
from mqtt_app.mqtt.connection_store import ConnectionStore
from mqtt_app.mqtt.link.session import Session
from mqtt_app.mqtt.loop import Loop
from mqtt_app.mqtt.ownership.held_links import HeldLinks, NewSession
from mqtt_app.mqtt.ownership.lease_keeper import LeaseKeeper

log = logging.getLogger(__name__)

CLAIMED_AT_ONCE = 100  # connections claimed in one transaction
BURST = 0.05  # s; nudges that come this close together are one look
CLOSE_MARGIN = 1.0  # s beyond the drain for what is left to do at the end
# s within which another connection has to be released, when thousands take longer than the drain
PROGRESS = 2.0


class LinkReconciler:
    """`reconcile_if_needed` assigns connections when beat is away; `nudge` makes other workers
    look. Durations in seconds.
    """

    def __init__(
        self,
        instance_id: str,
        loop: Loop,
        keeper: LeaseKeeper,
        store: ConnectionStore,
        new_session: NewSession,
        *,
        scan_interval: float,
        force_after: float,
        drain_timeout: float,
        reconcile_if_needed: Callable[[datetime], object],
        nudge: Callable[[], None],
    ) -> None:
        self._instance_id = instance_id
        self._loop = loop
        self._keeper = keeper
        self._store = store
        self._force_after = force_after
        self._drain_timeout = drain_timeout
        self._reconcile_if_needed = reconcile_if_needed
        self._links = HeldLinks(
            instance_id, loop, store, new_session, closed=self._on_closed, released=nudge
        )
        self._closed = threading.Event()
        self._drained = threading.Event()
        self._given_up = threading.Event()
        self._outage = OutageLog(
            log,
            "The links cannot be compared with the database (%s); they stay",
            "The links are compared with the database again",
        )
        self._confirmed_at = float("-inf")
        self.looked_at = loop.clock()  # when the last look ended that found the database there
        self._thread = PeriodicThread(
            "mqtt-reconciler", self._turn, every=scan_interval, gather=BURST, at_end=self._hand_over
        )

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look now. From any thread."""
        self._thread.wake()

    def drain(self) -> None:
        """Hand every link over, and return when that is done, or has taken too long and gets no
        further.
        """
        deadline = self._loop.clock() + self._drain_timeout + CLOSE_MARGIN
        left = self._links.left
        self._thread.end_soon()
        while not self._drained.wait(0.1) and self._loop.clock() < deadline:
            if self._links.left < left:
                left = self._links.left
                deadline = max(deadline, self._loop.clock() + PROGRESS)
        self._given_up.set()

    def confirmed_since(self, moment: float) -> bool:
        """The rows were compared, under a good lease, in a look that began after `moment` (the
        loop's clock).

        A process that was suspended beyond the end of the lease, or thrown out by a new owner, must
        not connect before that.
        """
        if self._confirmed_at > moment:
            return True
        self._thread.wake()
        return False

    def sessions(self) -> list[Session]:
        """From any thread."""
        return self._links.sessions()

    def _turn(self) -> None:
        self._guarded(self._look)
        if self._keeper.may_act():
            self._guarded(self._assign)

    def _guarded(self, action: Callable[[], None]) -> None:
        close_old_connections()
        try:
            action()
        except (Error, redis.RedisError) as error:
            self._outage.failed(error)
            connection.close()
        except Exception:
            log.exception("A look at the assigned connections failed")
        else:
            self._outage.succeeded()

    def _assign(self) -> None:
        self._reconcile_if_needed(datetime.now(UTC))

    def _look(self) -> None:
        begun = self._loop.clock()
        self._links.collect_closed()
        if self._keeper.is_lost:
            self._links.abandon_all()
            return
        rows = {row.id: row for row in self._store.rows_of(self._instance_id)}
        self.looked_at = self._loop.clock()
        self._links.abandon(self._links.foreign_to(rows))
        if not self._keeper.may_act():
            return
        # Behind the ends of those that are not ours any more.
        self._loop.call(partial(self._confirm, begun))
        claimable = [row for row in rows.values() if self._is_claimable(row)]
        for row in rows.values():
            self._links.compare(row)
        self._claim(claimable)
        self._links.collect_closed()
        self._keeper.set_load(len(self._links))

    def _confirm(self, begun: float) -> None:
        self._confirmed_at = begun

    def _is_claimable(self, row: ConnectionRow) -> bool:
        is_overdue = datetime.now(UTC).timestamp() - row.assigned_at >= self._force_after
        is_free = row.owner in ("", self._instance_id) or is_overdue
        return is_free and self._links.is_claimable(row)

    def _claim(self, rows: Iterable[ConnectionRow]) -> None:
        wanted = sorted((row.id, row.generation) for row in rows)
        for start in range(0, len(wanted), CLAIMED_AT_ONCE):
            if not self._keeper.may_act():
                return
            part = dict(wanted[start : start + CLAIMED_AT_ONCE])
            for config in self._store.claim_all(part, self._instance_id):
                self._links.open(config)

    def _on_closed(self) -> None:
        self._closed.set()
        self._thread.wake()

    def _hand_over(self) -> None:
        """The last thing that the thread does."""
        try:
            self._guarded(self._release_all)
        finally:
            self._drained.set()

    def _release_all(self) -> None:
        self._links.release_all()
        while self._links.left and not self._given_up.is_set():
            self._closed.wait(0.1)
            self._given_up.wait(BURST)  # links that end this close together are released together
            self._closed.clear()
            self._links.collect_closed()
