"""What became of something that was asked for and takes a while. Pure: `now` is a parameter.

pending ──► running ──► succeeded | failed
   └───────────┴──────► superseded       a newer request about the same link overtook it

A start or stop is judged by what its connection's row says, so that no message and no packet costs
a write: see `judge`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

import msgspec


class OperationKind(StrEnum):
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    BULK = "bulk"
    TEST = "test"
    EXPLAIN = "explain"
    REPLAY = "replay"


class OperationState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"


OPEN = (OperationState.PENDING, OperationState.RUNNING)
SWITCHES = (OperationKind.START, OperationKind.STOP, OperationKind.RESTART)
"""Kinds of which a newer one about the same link supersedes the older."""

PROBES = (OperationKind.TEST, OperationKind.EXPLAIN)
"""Kinds whose result tells what is at an address."""

DEADLINE = timedelta(minutes=10)  # after which a start or stop that shows no end counts as failed
RETRY_AFTER = 2  # s; after which it is worth asking for an open operation again
MAX_EVENTS = 20  # of a timeline
_LATE = "It did not end within 10 minutes. See the site's status for what holds it up."


class TimelineEvent(msgspec.Struct, frozen=True):
    """`event`: asked, assigned, connecting, connected, subscribed, disconnected, failed,
    superseded."""

    at: datetime
    event: str
    detail: str = ""


class Request(msgspec.Struct, frozen=True):
    """What was asked for. `asked_by`: name of a user, and of a token."""

    kind: OperationKind
    asked_at: datetime
    asked_by: str


class ConnectionFacts(msgspec.Struct, frozen=True):
    """What the row of a connection says. `subscribed_at`: when the broker last granted a filter."""

    is_wanted: bool
    status: str
    status_since: datetime
    assigned_instance: str = ""
    assigned_at: datetime | None = None
    owner: str = ""
    owned_since: datetime | None = None
    connected_at: datetime | None = None
    subscribed_at: datetime | None = None
    error_class: str = ""
    error_message: str = ""
    error_at: datetime | None = None
    generation: int = 0


class Judgement(msgspec.Struct, frozen=True):
    """`finished_at` is set with each state that is an end."""

    state: OperationState
    timeline: tuple[TimelineEvent, ...]
    finished_at: datetime | None = None
    error_class: str = ""
    error: str = ""
    generation: int = 0


def judge(request: Request, link: ConnectionFacts, now: datetime) -> Judgement:
    """How a start, stop or restart gets on. Errors, and the link of a restart, count from the
    request on only: what was before it proves nothing.
    """
    judged = partial(Judgement, timeline=tuple(_events(request, link)), generation=link.generation)
    ended_at = _ended_at(request, link)
    if ended_at is not None:
        return judged(OperationState.SUCCEEDED, finished_at=ended_at)
    if request.kind is not OperationKind.STOP and _failed_since(request, link):
        return judged(
            OperationState.FAILED,
            finished_at=link.error_at,
            error_class=link.error_class,
            error=link.error_message,
        )
    if now - request.asked_at > DEADLINE:
        return judged(OperationState.FAILED, finished_at=request.asked_at + DEADLINE, error=_LATE)
    if link.owner or link.assigned_instance:
        return judged(OperationState.RUNNING)
    return judged(OperationState.PENDING)


def supersede(
    timeline: Sequence[TimelineEvent], by: Request
) -> tuple[OperationState, tuple[TimelineEvent, ...]]:
    """An open operation after a newer request about its link."""
    event = TimelineEvent(by.asked_at, "superseded", f"{by.kind.value} asked by {by.asked_by}")
    return OperationState.SUPERSEDED, (*timeline[: MAX_EVENTS - 1], event)


def asked(request: Request) -> TimelineEvent:
    return TimelineEvent(request.asked_at, "asked", f"by {request.asked_by}")


def _events(request: Request, link: ConnectionFacts) -> list[TimelineEvent]:
    """In the order of their times; nothing from before the request."""
    found = [
        _event(link.assigned_at, "assigned", link.assigned_instance),
        _event(link.owned_since, "connecting", link.owner),
        _event(link.connected_at, "connected", ""),
        _event(link.subscribed_at, "subscribed", ""),
    ]
    if link.status == "disconnected":
        found.append(_event(link.status_since, "disconnected", ""))
    if link.error_message:
        found.append(_event(link.error_at, "failed", ""))
    later = [event for event in found if event is not None and event.at >= request.asked_at]
    later.sort(key=lambda event: event.at)
    return [asked(request), *later[: MAX_EVENTS - 1]]


def _event(at: datetime | None, event: str, detail: str) -> TimelineEvent | None:
    if at is None:
        return None
    return TimelineEvent(at, event, detail)


def _ended_at(request: Request, link: ConnectionFacts) -> datetime | None:
    if request.kind is OperationKind.STOP:
        return _stop_ended_at(request, link)
    return _start_ended_at(request, link)


def _start_ended_at(request: Request, link: ConnectionFacts) -> datetime | None:
    if not link.is_wanted or link.status != "connected":
        return None
    since = link.connected_at or link.status_since
    if request.kind is OperationKind.RESTART and since < request.asked_at:
        return None
    return max(since, request.asked_at)


def _stop_ended_at(request: Request, link: ConnectionFacts) -> datetime | None:
    """A link that is down, or that nobody holds, has ended; its owner lets go of it a little
    later.
    """
    if link.is_wanted:
        return None
    is_down = link.status == "disconnected" or (link.status == "error" and not link.owner)
    if not is_down:
        return None
    return max(link.status_since, request.asked_at)


def _failed_since(request: Request, link: ConnectionFacts) -> bool:
    return (
        link.status == "error" and link.error_at is not None and link.error_at >= request.asked_at
    )
