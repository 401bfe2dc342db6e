"""Links that come and go: how often, how long, and in which pattern.

Judged from the last interruptions of one connection, which are stored with its status.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

import msgspec

WINDOW = 3_600.0  # s that are judged
REMEMBERED = 60  # interruptions; of more, the window is as long as they reach back
FLAPPING = 5  # interruptions within the window from which a link is said to come and go
CALM = 600.0  # s without an interruption after which it is not said any more
CALM_GAPS = 3.0  # or so many times the usual gap, when that is longer
MOST_OF = 0.7  # share of the interruptions that makes a pattern
REGULAR = 0.1  # how far lives of links may lie from their middle to be called regular
AFTER_SUBSCRIBE = 2.0  # s


class Cause(StrEnum):
    CLOSED = "closed"  # without a reason
    SUBSCRIBE = "subscribe"  # while a SUBSCRIBE was unanswered
    TAKEN_OVER = "taken over"
    SILENT = "silent"  # the broker answered no PINGREQ, or says that it heard none
    ENDED = "ended"  # the broker gave a reason
    VIOLATION = "violation"


class Interruption(msgspec.Struct, frozen=True, array_like=True):
    """`at`: when the link broke, unix seconds. `lived`: for how long it had been accepted before;
    `away`: for how long it was not accepted after, None while it is not yet. Both in seconds.
    """

    at: float
    lived: float
    cause: Cause
    away: float | None = None


class Flapping(msgspec.Struct, frozen=True):
    """`count` interruptions within `window` s, in which the link was up for `share` of the time.
    `pattern` says what they have in common, "" when nothing.
    """

    count: int
    window: float
    share: float
    pattern: str


History = tuple[Interruption, ...]


def broke(history: History, at: float, lived: float, cause: Cause) -> History:
    return (*_closed(history, at), Interruption(round(at, 1), round(lived, 2), cause))[-REMEMBERED:]


def came_back(history: History, at: float) -> History:
    """The broker has accepted a link again."""
    return _closed(history, at)


def taken_over(history: History) -> History:
    """The last interruption was a takeover, if it came without a reason."""
    if not history or history[-1].cause is not Cause.CLOSED:
        return history
    last = msgspec.structs.replace(history[-1], cause=Cause.TAKEN_OVER)
    return (*history[:-1], last)


def _closed(history: History, at: float) -> History:
    if not history or history[-1].away is not None:
        return history
    last = history[-1]
    away = round(max(0.0, at - last.at), 2)
    return (*history[:-1], msgspec.structs.replace(last, away=away))


def judge(history: Sequence[Interruption], keepalive: float, now: float) -> Flapping | None:
    """None when the link does not come and go. `keepalive` in seconds."""
    latest = [found for found in history if now - found.at <= WINDOW]
    if len(latest) < FLAPPING:
        return None
    gaps = [later.at - earlier.at for earlier, later in pairwise(latest)]
    usual = sorted(gaps)[len(gaps) // 2]
    if now - latest[-1].at > max(CALM, CALM_GAPS * usual):
        return None
    window = WINDOW
    if len(latest) == REMEMBERED:
        window = min(WINDOW, now - latest[0].at)
    away = sum(now - found.at if found.away is None else found.away for found in latest)
    share = max(0.0, 1.0 - away / max(window, 1.0))
    return Flapping(len(latest), window, share, _pattern(latest, keepalive))


def sentence(found: Flapping) -> str:
    if found.window == WINDOW:
        span = "hour"
    else:
        span = f"{found.window / 60:.0f} min"
    text = f"{found.count} interruptions in the last {span}, {100 * found.share:.1f} % up"
    if found.pattern:
        return f"{text}: {found.pattern}"
    return text


def _pattern(latest: Sequence[Interruption], keepalive: float) -> str:
    causes = _causes(latest)
    cause, count = causes.most_common(1)[0]
    if count >= MOST_OF * len(latest) and cause in _SAID:
        return _SAID[cause]
    lives = sorted(found.lived for found in latest)
    if sum(lived < AFTER_SUBSCRIBE for lived in lives) >= MOST_OF * len(lives):
        return "each time right after our subscriptions; look into the broker's log"
    middle = lives[len(lives) // 2]
    close = sum(abs(lived - middle) <= max(1.0, REGULAR * middle) for lived in lives)
    if close >= MOST_OF * len(lives):
        return f"each time after about {middle:.0f} s; {_why_so_regular(middle, keepalive)}"
    return ""


def _causes(latest: Sequence[Interruption]) -> Counter[Cause]:
    """A takeover is known by several links in a row: those before it were closed for no reason."""
    causes = Counter(found.cause for found in latest)
    if causes[Cause.TAKEN_OVER]:
        causes[Cause.TAKEN_OVER] += causes.pop(Cause.CLOSED, 0)
    return causes


def _why_so_regular(lived: float, keepalive: float) -> str:
    if keepalive and abs(lived - 1.5 * keepalive) <= max(2.0, 0.1 * keepalive):
        return "that is one and a half keepalives, so our pings do not reach the broker"
    return (
        "a time limit of the broker, or of a proxy or firewall before it: shorten the keepalive, or raise"
        " that limit"
    )


_SAID = {
    Cause.SUBSCRIBE: "each time while our subscriptions were unanswered",
    Cause.TAKEN_OVER: "another client takes over the session with the same client id",
    Cause.SILENT: "the keepalive ran out: packets get lost on the way, or the broker hangs",
    Cause.VIOLATION: "the broker breaks the MQTT protocol",
}
