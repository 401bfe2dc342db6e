"""Keeps the instance's lease. While it is in doubt, nothing may be acknowledged and no link
connected.
"""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

import msgspec
import redis

from mqtt_app.background.outage_log import OutageLog
from mqtt_app.background.periodic_thread import PeriodicThread
from mqtt_app.coordination.leases import Lease, Renewal
from mqtt_app.domain.health.vitals import Vitals

log = logging.getLogger(__name__)


class Leases(Protocol):
    """Raises redis.RedisError."""

    def acquire(self, lease: Lease) -> bool: ...
    def renew(self, lease: Lease) -> Renewal: ...
    def release(self, lease: Lease) -> object: ...


class LeaseKeeper:
    """`changed` is called whenever the answer of `may_act` may have become another one, `wiped`
    when the lease was gone though it had not run out: Redis has forgotten everything. `vitals` go
    with each renewal. `renew_every` and `act_for` (after the last good renewal) in seconds.
    """

    def __init__(
        self,
        leases: Leases,
        lease: Lease,
        *,
        renew_every: float,
        act_for: float,
        clock: Callable[[], float],
        changed: Callable[[], None],
        wiped: Callable[[], None],
        vitals: Callable[[], Vitals | None],
    ) -> None:
        self._leases = leases
        self._lease = lease
        self._renew_every = renew_every
        self._act_for = act_for
        self._clock = clock
        self._changed = changed
        self._wiped = wiped
        self._vitals = vitals
        self._good_until = float("-inf")
        # when the lease was last good again after it had been in doubt
        self.regained_at = float("-inf")
        self._held = False
        self._is_waiting = False  # for the lease of another process to end
        self._lock = threading.Lock()
        self._outage = OutageLog(
            log,
            "Redis does not answer (%s); links stay, nothing is decided without a lease",
            "Redis answers again; the lease is renewed",
        )
        self._thread = PeriodicThread("mqtt-lease", self._refresh, every=renew_every)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_lost(self) -> bool:
        """We do not have the lease: never had it, or another start of this instance took it."""
        return not self._held

    def may_act(self) -> bool:
        return self._held and self._clock() < self._good_until

    def set_load(self, load: int) -> None:
        """Connections that are held here; goes with the next renewal."""
        self._lease = msgspec.structs.replace(self._lease, load=load)

    def announce_drain(self) -> None:
        """Let the planner know at once that nothing may be assigned here."""
        self._lease = msgspec.structs.replace(self._lease, draining=True)
        self._refresh()

    def stop(self) -> None:
        """Give the lease back."""
        self._thread.stop(2 * self._renew_every)
        with self._lock:
            if self._held:
                self._held = False
                self._release()

    def _release(self) -> None:
        try:
            self._leases.release(self._lease)
        except redis.RedisError as error:
            text = "The lease could not be given back (%s); it runs out by itself"
            log.warning(text, type(error).__name__)

    def _refresh(self) -> None:
        with self._lock:
            if self._thread.is_stopping:
                return
            before = self.may_act()
            try:
                if self._held:
                    self._renew()
                else:
                    self._acquire()
            except redis.RedisError as error:
                self._outage.failed(error)
            else:
                self._outage.succeeded()
            after = self.may_act()
        if before != after:
            self._changed()

    def _acquire(self) -> None:
        asked_at = self._clock()
        if self._leases.acquire(self._lease):
            self.regained_at = self._clock()
            self._held = True
            self._good_until = asked_at + self._act_for
            self._is_waiting = False
            log.info("MQTT Monitor started (instance: %s)", self._lease.instance_id)
        elif not self._is_waiting:
            self._is_waiting = True
            text = "Another MQTT worker runs as %s; waiting until its lease ends"
            log.warning(text, self._lease.instance_id)

    def _renew(self) -> None:
        asked_at = self._clock()  # before the call: the lease may count from then
        renewal = self._leases.renew(msgspec.structs.replace(self._lease, vitals=self._vitals()))
        if renewal is Renewal.LOST:
            self._held = False
            text = "Another start of %s took the lease; closing every link"
            log.error(text, self._lease.instance_id)
            return
        if not self.may_act():
            self.regained_at = self._clock()  # before it counts as good
        self._good_until = asked_at + self._act_for
        if renewal is Renewal.ASSERTED:
            log.warning("The lease was gone and is set again; links stay")
            self._wiped()
