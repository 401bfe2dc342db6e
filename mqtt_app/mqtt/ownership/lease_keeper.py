"""Keeps the instance's lease. While it is in doubt, nothing may be acknowledged and nobody
connected.
"""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

import msgspec
import redis

from mqtt_app.coordination.leases import Lease, Renewal
from mqtt_app.domain.health.vitals import Vitals

log = logging.getLogger(__name__)


class Leases(Protocol):
    def acquire(self, lease: Lease) -> bool: ...
    def renew(self, lease: Lease) -> Renewal: ...
    def release(self, lease: Lease) -> object: ...


class LeaseKeeper:
    """`changed` is called whenever the answer of `may_act` may have become another one, `wiped`
    when the lease was gone though it had not run out: Redis has forgotten everything.
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
        wiped: Callable[[], None] = lambda: None,
        vitals: Callable[[], Vitals | None] = lambda: None,
    ) -> None:
        self._leases, self._lease = leases, lease
        self._renew_every, self._act_for = renew_every, act_for
        self._clock, self._changed, self._wiped, self._vitals = clock, changed, wiped, vitals
        self._good_until = float("-inf")
        self.regained_at = float(
            "-inf"
        )  # when the lease was last good again after it had been in doubt
        self._held = False
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._silent = False
        self._waiting = False
        self._thread = threading.Thread(target=self._run, name="mqtt-lease", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_lost(self) -> bool:
        """We do not have the lease: never had it, or another start of this instance took it."""
        return not self._held

    def may_act(self) -> bool:
        return self._held and self._clock() < self._good_until

    def set_load(self, load: int) -> None:
        self._lease = msgspec.structs.replace(self._lease, load=load)

    def announce_drain(self) -> None:
        """Tell the planner at once that nothing may be assigned here."""
        self._lease = msgspec.structs.replace(self._lease, draining=True)
        self._once()

    def stop(self) -> None:
        """Give the lease back."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2 * self._renew_every)
        with self._lock:
            if self._held:
                self._held = False
                self._release()

    def _release(self) -> None:
        try:
            self._leases.release(self._lease)
        except redis.RedisError as error:
            log.warning(
                "The lease could not be given back (%s); it runs out by itself",
                type(error).__name__,
            )

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._once()
            self._stopping.wait(self._renew_every)

    def _once(self) -> None:
        with self._lock:
            if self._stopping.is_set():
                return
            before = self.may_act()
            try:
                self._renew() if self._held else self._acquire()
                self._silent = False
            except redis.RedisError as error:
                self._say_silent(error)
            after = self.may_act()
        if before != after:
            self._changed()

    def _acquire(self) -> None:
        asked = self._clock()
        if self._leases.acquire(self._lease):
            self.regained_at = self._clock()
            self._held, self._good_until, self._waiting = True, asked + self._act_for, False
            log.info("MQTT Monitor started (instance: %s)", self._lease.instance_id)
        elif not self._waiting:
            self._waiting = True
            log.warning(
                "Another MQTT worker runs as %s; waiting until its lease ends",
                self._lease.instance_id,
            )

    def _renew(self) -> None:
        asked = self._clock()  # before the call: the lease may count from then
        renewal = self._leases.renew(msgspec.structs.replace(self._lease, vitals=self._vitals()))
        if renewal is Renewal.LOST:
            self._held = False
            log.error(
                "Another start of %s took the lease; closing every link", self._lease.instance_id
            )
            return
        if not self.may_act():
            self.regained_at = self._clock()  # before it counts as good
        self._good_until = asked + self._act_for
        if renewal is Renewal.ASSERTED:
            log.warning("The lease was gone and is set again; links stay")
            self._wiped()

    def _say_silent(self, error: redis.RedisError) -> None:
        if not self._silent:
            log.warning(
                "Redis does not answer (%s); links stay, nothing is decided without a lease",
                type(error).__name__,
            )
        self._silent = True
