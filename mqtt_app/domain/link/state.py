"""The state of one link, and the times that it may take; see transitions.py. Pure."""

import math
from enum import StrEnum

import msgspec

from mqtt_app.domain.link.failures import LinkFailure

NEVER = math.inf


class State(StrEnum):
    IDLE = "idle"
    DIALING = "dialing"
    HANDSHAKING = "handshaking"
    SUBSCRIBING = "subscribing"
    UP = "up"
    WAITING = "waiting"
    REFUSED = "refused"
    DRAINING = "draining"
    CLOSED = "closed"


class LinkTimeouts(msgspec.Struct, frozen=True):
    """Durations in seconds."""

    dial_timeout: float = 20.0  # look-up, TCP and TLS together
    connack_timeout: float = 10.0
    suback_timeout: float = 10.0
    drain_timeout: float = 5.0
    backoff_base: float = 1.0
    backoff_cap: float = 60.0
    backoff_stable: float = 60.0
    refused_base: float = 60.0
    refused_cap: float = 900.0
    violation_base: float = 5.0


class Link(msgspec.Struct, frozen=True):
    """`versions` are the MQTT versions still to be tried, the first one next. Times are the
    caller's clock.

    `failing_since`: of the first failure after a stable link. `violations` of MQTT since then.
    `hurried`: attempts in a row that were to follow within seconds. `lives` (s) of the last links
    that were closed without a reason, and `lost_sessions` among them; see `trouble/takeovers.py`.
    """

    state: State = State.IDLE
    since: float = 0.0
    deadline: float = NEVER
    versions: tuple[str, ...] = ("5", "3.1.1")
    all_versions: tuple[str, ...] = ("5", "3.1.1")
    retries: int = 0
    refusals: int = 0
    violations: int = 0
    up_since: float | None = None
    failing_since: float | None = None
    hurried: int = 0
    lives: tuple[float, ...] = ()
    lost_sessions: int = 0
    failure: LinkFailure | None = None

    @property
    def version(self) -> str:
        return self.versions[0]


def versions_to_try(chosen: str, negotiated: str) -> tuple[str, ...]:
    """`chosen` by the operator: "auto", "5" or "3.1.1". `negotiated`: what the broker took last
    time, "" if unknown.
    """
    if chosen != "auto":
        return (chosen,)
    if negotiated == "3.1.1":
        return ("3.1.1",)
    return ("5", "3.1.1")
