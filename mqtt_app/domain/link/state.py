"""The life of one link as a table: `(State, Event) -> (Link, Effects)`. Pure; `now` and `jitter`
are parameters.

                 Start              Dialed               Accepted              Granted
    I idle ─────────────► D dialing ───────► H handshaking ───────► S subscribing ───────► U up
                          ▲  │ DialFailed       │ Refused, Lost        │ Lost                │ Lost
                     Tick │  ▼                  ▼                      ▼                     ▼
                          W waiting ◄───────────┴──────────────────────┴─────────────────────┘
                          (R refused: the same, but slowly, because only a person can mend it, or the broker itself)

    S, U ──Drain──► G draining ──Drained, Tick, Lost──► C closed
    any other ──Drain──► C          any ──Abandon──► C (without a DISCONNECT)

D, H, S, W, R and G are volatile: each has a deadline, and `Tick` comes when it has passed. A pair
that is not in the table changes nothing: it is an event that came too late. Refused for its MQTT
version, or left without an answer, H goes to D at once with the next older one.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from mqtt_app.domain.link.failures import BROKER, CONFLICT, NETWORK, LinkFailure

NEVER = math.inf
SHORT_LIFE = 5.0  # s; a link that lives shorter was thrown out rather than lost
SHORT_LIVES = (
    3  # so many in a row look like a second client with our id (MQTT 3.1.1 has no word for it)
)


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
    short_lives: int = 0
    failure: LinkFailure | None = None

    @property
    def version(self) -> str:
        return self.versions[0]


# Events


class Start(msgspec.Struct, frozen=True):
    pass


class Paced(msgspec.Struct, frozen=True):
    """So many are to be dialled that it is our turn only at `at`."""

    at: float


class Dialed(msgspec.Struct, frozen=True):
    """TCP, and TLS if wanted, are up."""


class DialFailed(msgspec.Struct, frozen=True):
    failure: LinkFailure


class Accepted(msgspec.Struct, frozen=True):
    """CONNACK with success. `to_subscribe`: filters have to be sent first."""

    to_subscribe: bool


class Refused(msgspec.Struct, frozen=True):
    failure: LinkFailure


class Granted(msgspec.Struct, frozen=True):
    """Every SUBACK is in."""


class Lost(msgspec.Struct, frozen=True):
    failure: LinkFailure


class Tick(msgspec.Struct, frozen=True):
    """The deadline of the state has passed."""


class Drain(msgspec.Struct, frozen=True):
    """Hand the link over: take in no more, settle what is open, say goodbye."""


class Drained(msgspec.Struct, frozen=True):
    pass


class Abandon(msgspec.Struct, frozen=True):
    """Somebody else owns it: close without a word."""


Event = (
    Start
    | Paced
    | Dialed
    | DialFailed
    | Accepted
    | Refused
    | Granted
    | Lost
    | Tick
    | Drain
    | Drained
    | Abandon
)


class Effect(StrEnum):
    DIAL = "dial"
    HANDSHAKE = "handshake"
    SUBSCRIBE = "subscribe"
    STOP_READING = "stop reading"
    GOODBYE = "goodbye"  # DISCONNECT, then close
    CLOSE = "close"
    SAY_CONNECTING = "say connecting"
    SAY_CONNECTED = "say connected"
    SAY_FAILED = "say failed"  # a connect that did not come about; the failure is in the link
    SAY_LOST = "say lost"  # a link that was up
    SAY_CLEAN = "say clean"
    FINISHED = "finished"


Step = tuple[Link, tuple[Effect, ...]]
_Rule = Callable[[Link, Any, float, LinkTimeouts, float], Step]


def versions_to_try(chosen: str, negotiated: str) -> tuple[str, ...]:
    """`chosen` by the operator: "auto", "5" or "3.1.1". `negotiated`: what the broker took last
    time, "" if unknown.
    """
    if chosen != "auto":
        return (chosen,)
    return ("3.1.1",) if negotiated == "3.1.1" else ("5", "3.1.1")


def step(link: Link, event: Event, now: float, policy: LinkTimeouts, jitter: float) -> Step:
    """`jitter` is a random number in [0, 1)."""
    rule = _TABLE.get((link.state, type(event)))
    return rule(link, event, now, policy, jitter) if rule else (link, ())


def wait_before(tries: int, base: float, cap: float, jitter: float) -> float:
    """Full jitter over an exponentially growing range, in seconds; `tries` counts from 1."""
    return min(cap, base * 2.0 ** min(tries - 1, 30)) * jitter


def _enter(link: Link, state: State, now: float, stay: float = NEVER, **changes: Any) -> Link:
    return msgspec.structs.replace(link, state=state, since=now, deadline=now + stay, **changes)


def _dial(link: Link, _event: Event, now: float, policy: LinkTimeouts, _jitter: float) -> Step:
    fresh = _enter(link, State.DIALING, now, policy.dial_timeout, versions=link.all_versions)
    return fresh, (Effect.DIAL, Effect.SAY_CONNECTING)


def _paced(link: Link, event: Paced, _now: float, policy: LinkTimeouts, _jitter: float) -> Step:
    return msgspec.structs.replace(link, deadline=event.at + policy.dial_timeout), ()


def _dialed(link: Link, _event: Event, now: float, policy: LinkTimeouts, _jitter: float) -> Step:
    return _enter(link, State.HANDSHAKING, now, policy.connack_timeout), (Effect.HANDSHAKE,)


def _accepted(
    link: Link, event: Accepted, now: float, policy: LinkTimeouts, _jitter: float
) -> Step:
    known = {"all_versions": link.versions, "refusals": 0}  # what worked is tried first from now on
    if event.to_subscribe:
        return _enter(link, State.SUBSCRIBING, now, policy.suback_timeout, **known), (
            Effect.SUBSCRIBE,
        )
    return _up(msgspec.structs.replace(link, **known), now)


def _granted(
    link: Link, _event: Granted, now: float, _policy: LinkTimeouts, _jitter: float
) -> Step:
    return _up(link, now)


def _up(link: Link, now: float) -> Step:
    return _enter(link, State.UP, now, up_since=now, failure=None), (Effect.SAY_CONNECTED,)


def _failed(
    link: Link, event: DialFailed | Refused | Lost, now: float, policy: LinkTimeouts, jitter: float
) -> Step:
    if link.state is State.HANDSHAKING and event.failure.older_mqtt and len(link.versions) > 1:
        older = _enter(link, State.DIALING, now, policy.dial_timeout, versions=link.versions[1:])
        return older, (Effect.CLOSE, Effect.DIAL)
    return _back_off(link, event.failure, now, policy, jitter), (Effect.CLOSE, Effect.SAY_FAILED)


def _lost(link: Link, event: Lost, now: float, policy: LinkTimeouts, jitter: float) -> Step:
    lived = now - (link.up_since or now)
    short = link.short_lives + 1 if lived < SHORT_LIFE and not event.failure.is_violation else 0
    if lived >= policy.backoff_stable:
        link = msgspec.structs.replace(link, retries=0, violations=0, failing_since=None)
    failure = (
        _conflict() if short >= SHORT_LIVES and event.failure.kind == NETWORK else event.failure
    )
    link = _back_off(msgspec.structs.replace(link, short_lives=short), failure, now, policy, jitter)
    return link, (Effect.CLOSE, Effect.SAY_LOST)


def _conflict() -> LinkFailure:
    return LinkFailure(
        CONFLICT,
        f"The broker closed the connection within {SHORT_LIFE:.0f} s, {SHORT_LIVES} times in a row: most likely "
        "another client uses the same client id. Give each client its own.",
    )


def _back_off(
    link: Link, failure: LinkFailure, now: float, policy: LinkTimeouts, jitter: float
) -> Link:
    since = now if link.failing_since is None else link.failing_since
    link = msgspec.structs.replace(
        link, retries=link.retries + 1, failure=failure, up_since=None, failing_since=since
    )
    # Slow ones wait for at least half of the range: they must not be repeated at once by chance.
    if failure.is_violation:
        wait = wait_before(
            link.violations + 1, policy.violation_base, policy.refused_cap, 0.5 + jitter / 2
        )
        return _enter(link, State.REFUSED, now, wait, violations=link.violations + 1)
    if failure.is_slow:
        wait = wait_before(
            link.refusals + 1, policy.refused_base, policy.refused_cap, 0.5 + jitter / 2
        )
        return _enter(link, State.REFUSED, now, wait, refusals=link.refusals + 1)
    # Never longer than it has failed already: who was away for 30 s is not kept waiting for a
    # minute.
    cap = min(policy.backoff_cap, policy.backoff_base + now - since)
    wait = wait_before(link.retries, policy.backoff_base, cap, jitter)
    return _enter(link, State.WAITING, now, wait, refusals=0)


def _timed_out(failure: LinkFailure) -> _Rule:
    def rule(link: Link, _event: Tick, now: float, policy: LinkTimeouts, jitter: float) -> Step:
        return _failed(link, Lost(failure), now, policy, jitter)

    return rule


def _drain(link: Link, _event: Drain, now: float, policy: LinkTimeouts, _jitter: float) -> Step:
    return _enter(link, State.DRAINING, now, policy.drain_timeout), (Effect.STOP_READING,)


def _part(link: Link, _event: Event, now: float, _policy: LinkTimeouts, _jitter: float) -> Step:
    return _enter(link, State.CLOSED, now, up_since=None), (
        Effect.GOODBYE,
        Effect.SAY_CLEAN,
        Effect.FINISHED,
    )


def _give_up(link: Link, _event: Event, now: float, _policy: LinkTimeouts, _jitter: float) -> Step:
    return _enter(link, State.CLOSED, now, up_since=None), (Effect.CLOSE, Effect.FINISHED)


_SLOW_DIAL = LinkFailure(NETWORK, "Name look-up, connect and TLS together took too long.")
# A broker that knows 3.1.1 only may take the properties of MQTT 5 for the length of something, and
# wait for the rest.
_NO_CONNACK = LinkFailure(
    BROKER, "The broker accepted the connection but never answered our CONNECT.", older_mqtt=True
)
_NO_SUBACK = LinkFailure(BROKER, "The broker did not answer our subscriptions.")

_VOLATILE_OR_IDLE = (State.IDLE, State.DIALING, State.HANDSHAKING, State.WAITING, State.REFUSED)

_TABLE: dict[tuple[State, type[Event]], _Rule] = {
    (State.IDLE, Start): _dial,
    (State.DIALING, Paced): _paced,
    (State.DIALING, Dialed): _dialed,
    (State.DIALING, DialFailed): _failed,
    (State.DIALING, Tick): _timed_out(_SLOW_DIAL),
    (State.HANDSHAKING, Accepted): _accepted,
    (State.HANDSHAKING, Refused): _failed,
    (State.HANDSHAKING, Lost): _failed,
    (State.HANDSHAKING, Tick): _timed_out(_NO_CONNACK),
    (State.SUBSCRIBING, Granted): _granted,
    (State.SUBSCRIBING, Lost): _failed,
    (State.SUBSCRIBING, Tick): _timed_out(_NO_SUBACK),
    (State.UP, Lost): _lost,
    (State.WAITING, Tick): _dial,
    (State.REFUSED, Tick): _dial,
    (State.SUBSCRIBING, Drain): _drain,
    (State.UP, Drain): _drain,
    (State.DRAINING, Drained): _part,
    (State.DRAINING, Tick): _part,
    (State.DRAINING, Lost): _give_up,
    **{(state, Drain): _give_up for state in _VOLATILE_OR_IDLE},
    **{(state, Abandon): _give_up for state in State if state is not State.CLOSED},
}
