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

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from mqtt_app.domain.link.events import (
    Abandon,
    Accepted,
    Answered,
    Dialed,
    DialFailed,
    Drain,
    Drained,
    Event,
    Granted,
    Lost,
    Paced,
    Refused,
    Start,
    Tick,
)
from mqtt_app.domain.link.failures import (
    CONFLICT,
    NETWORK,
    NO_CONNACK,
    NO_SUBACK,
    LinkFailure,
)
from mqtt_app.domain.link.state import NEVER, Link, LinkTimeouts, State
from mqtt_app.domain.link.trouble import takeovers

HURRIED = 4.0  # times the shortest back-off, for what is to be tried again within seconds
MOST_HURRIED = 30  # attempts in a row; after these it is waited for as for other failures


class Effect(StrEnum):
    DIAL = "dial"
    HANDSHAKE = "handshake"
    SUBSCRIBE = "subscribe"
    STOP_READING = "stop reading"
    GOODBYE = "goodbye"  # DISCONNECT, then close
    CLOSE = "close"
    REPORT_CONNECTING = "report connecting"
    REPORT_CONNECTED = "report connected"
    REPORT_FAILED = "report failed"  # a connect that did not come about; the failure is in the link
    REPORT_LOST = "report lost"  # a link that was up
    REPORT_DISCONNECTED = "report disconnected"  # by ourselves
    FINISHED = "finished"


class Step(NamedTuple):
    """The link as it is after an event, and what is to be done, in this order."""

    link: Link
    effects: tuple[Effect, ...]


_Rule = Callable[[Link, Any, float, LinkTimeouts, float], Step]


def step(link: Link, event: Event, now: float, policy: LinkTimeouts, jitter: float) -> Step:
    """`jitter` is a random number in [0, 1)."""
    rule = _TABLE.get((link.state, type(event)))
    if rule is None:
        return Step(link, ())
    return rule(link, event, now, policy, jitter)


def wait_before(tries: int, base: float, cap: float, jitter: float) -> float:
    """Full jitter over an exponentially growing range, in seconds; `tries` counts from 1."""
    return min(cap, base * 2.0 ** min(tries - 1, 30)) * jitter


def _enter(link: Link, state: State, now: float, stay: float = NEVER, **changes: Any) -> Link:
    return msgspec.structs.replace(link, state=state, since=now, deadline=now + stay, **changes)


def _dial(link: Link, _event: Event, now: float, policy: LinkTimeouts, _jitter: float) -> Step:
    fresh = _enter(link, State.DIALING, now, policy.dial_timeout, versions=link.all_versions)
    return Step(fresh, (Effect.DIAL, Effect.REPORT_CONNECTING))


def _paced(link: Link, event: Paced, _now: float, policy: LinkTimeouts, _jitter: float) -> Step:
    return Step(msgspec.structs.replace(link, deadline=event.at + policy.dial_timeout), ())


def _dialed(link: Link, _event: Event, now: float, policy: LinkTimeouts, _jitter: float) -> Step:
    waiting = _enter(link, State.HANDSHAKING, now, policy.connack_timeout)
    return Step(waiting, (Effect.HANDSHAKE,))


def _accepted(
    link: Link, event: Accepted, now: float, policy: LinkTimeouts, _jitter: float
) -> Step:
    # The version that worked is tried first from now on.
    lost_sessions = link.lost_sessions + (event.session_lost and bool(link.lives))
    link = msgspec.structs.replace(
        link, all_versions=link.versions, refusals=0, lost_sessions=lost_sessions
    )
    if not event.to_subscribe:
        return _up(link, now)
    waiting = _enter(link, State.SUBSCRIBING, now, policy.suback_timeout)
    return Step(waiting, (Effect.SUBSCRIBE,))


def _answered(
    link: Link, _event: Answered, now: float, policy: LinkTimeouts, _jitter: float
) -> Step:
    return Step(msgspec.structs.replace(link, deadline=now + policy.suback_timeout), ())


def _granted(
    link: Link, _event: Granted, now: float, _policy: LinkTimeouts, _jitter: float
) -> Step:
    return _up(link, now)


def _up(link: Link, now: float) -> Step:
    up = _enter(link, State.UP, now, up_since=now, failure=None)
    return Step(up, (Effect.REPORT_CONNECTED,))


def _failed(
    link: Link, event: DialFailed | Refused | Lost, now: float, policy: LinkTimeouts, jitter: float
) -> Step:
    if link.state is State.HANDSHAKING and event.failure.older_mqtt and len(link.versions) > 1:
        older = _enter(link, State.DIALING, now, policy.dial_timeout, versions=link.versions[1:])
        return Step(older, (Effect.CLOSE, Effect.DIAL))
    waiting = _back_off(link, event.failure, now, policy, jitter)
    return Step(waiting, (Effect.CLOSE, Effect.REPORT_FAILED))


def _lost(link: Link, event: Lost, now: float, policy: LinkTimeouts, jitter: float) -> Step:
    lived = now - (link.up_since or now)
    failure = event.failure
    if lived >= policy.backoff_stable:
        link = msgspec.structs.replace(link, retries=0, violations=0, hurried=0, failing_since=None)
    link = _remember_life(link, failure, lived)
    if takeovers.are_takeovers(link.lives, link.lost_sessions):
        failure = _taken_over(link.lives)
    waiting = _back_off(link, failure, now, policy, jitter)
    return Step(waiting, (Effect.CLOSE, Effect.REPORT_LOST))


def _remember_life(link: Link, failure: LinkFailure, lived: float) -> Link:
    """Only of links that ended without a reason: a broker that gives one needs no guesses."""
    lives: tuple[float, ...] = ()
    if failure.kind == NETWORK and failure.broker_code is None:
        lives = takeovers.add_life(link.lives, lived)
    lost_sessions = 0
    if lives:
        lost_sessions = link.lost_sessions
    return msgspec.structs.replace(link, lives=lives, lost_sessions=lost_sessions)


def _taken_over(lives: Sequence[float]) -> LinkFailure:
    return LinkFailure(
        CONFLICT,
        f"The broker closed {len(lives)} links in a row without a reason, each about "
        f"{lives[-1]:.1f} s after CONNECT, as it does when another client connects again and "
        "again with the same client id. Give each client its own.",
    )


def _back_off(
    link: Link, failure: LinkFailure, now: float, policy: LinkTimeouts, jitter: float
) -> Link:
    if link.failing_since is None:
        since = now
    else:
        since = link.failing_since
    link = msgspec.structs.replace(
        link, retries=link.retries + 1, failure=failure, up_since=None, failing_since=since
    )
    # Slow ones wait for at least half of the range: they must not be repeated at once by chance.
    slow_jitter = 0.5 + jitter / 2
    if failure.is_violation:
        violations = link.violations + 1
        wait = wait_before(violations, policy.violation_base, policy.refused_cap, slow_jitter)
        return _enter(link, State.REFUSED, now, wait, violations=violations)
    if failure.is_soon and link.hurried < MOST_HURRIED:
        wait = HURRIED * policy.backoff_base * slow_jitter
        return _enter(link, State.WAITING, now, wait, hurried=link.hurried + 1, refusals=0)
    if failure.is_slow:
        refusals = link.refusals + 1
        wait = wait_before(refusals, policy.refused_base, policy.refused_cap, slow_jitter)
        return _enter(link, State.REFUSED, now, wait, refusals=refusals)
    # Never longer than it has failed already: after 30 s of failures no wait takes a minute.
    cap = min(policy.backoff_cap, policy.backoff_base + now - since)
    wait = wait_before(link.retries, policy.backoff_base, cap, jitter)
    return _enter(link, State.WAITING, now, wait, refusals=0)


def _timed_out(failure: LinkFailure) -> _Rule:
    """What took so long is reported, also where an older version is tried at once."""

    def rule(link: Link, _event: Tick, now: float, policy: LinkTimeouts, jitter: float) -> Step:
        found, effects = _failed(link, Lost(failure), now, policy, jitter)
        if Effect.REPORT_FAILED in effects:
            return Step(found, effects)
        text = f"{failure.message} MQTT {found.version} is tried now."
        found = msgspec.structs.replace(
            found, failure=msgspec.structs.replace(failure, message=text)
        )
        return Step(found, (Effect.CLOSE, Effect.REPORT_FAILED, Effect.DIAL))

    return rule


def _drain(link: Link, _event: Drain, now: float, policy: LinkTimeouts, _jitter: float) -> Step:
    draining = _enter(link, State.DRAINING, now, policy.drain_timeout)
    return Step(draining, (Effect.STOP_READING,))


def _disconnect(
    link: Link, _event: Event, now: float, _policy: LinkTimeouts, _jitter: float
) -> Step:
    closed = _enter(link, State.CLOSED, now, up_since=None)
    return Step(closed, (Effect.GOODBYE, Effect.REPORT_DISCONNECTED, Effect.FINISHED))


def _give_up(link: Link, _event: Event, now: float, _policy: LinkTimeouts, _jitter: float) -> Step:
    closed = _enter(link, State.CLOSED, now, up_since=None)
    return Step(closed, (Effect.CLOSE, Effect.FINISHED))


_SLOW_DIAL = LinkFailure(NETWORK, "Name look-up, connect and TLS together took too long.")

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
    (State.HANDSHAKING, Tick): _timed_out(NO_CONNACK),
    (State.SUBSCRIBING, Answered): _answered,
    (State.SUBSCRIBING, Granted): _granted,
    (State.SUBSCRIBING, Lost): _failed,
    (State.SUBSCRIBING, Tick): _timed_out(NO_SUBACK),
    (State.UP, Lost): _lost,
    (State.WAITING, Tick): _dial,
    (State.REFUSED, Tick): _dial,
    (State.SUBSCRIBING, Drain): _drain,
    (State.UP, Drain): _drain,
    (State.DRAINING, Drained): _disconnect,
    (State.DRAINING, Tick): _disconnect,
    (State.DRAINING, Lost): _give_up,
    **{(state, Drain): _give_up for state in _VOLATILE_OR_IDLE},
    **{(state, Abandon): _give_up for state in State if state is not State.CLOSED},
}
