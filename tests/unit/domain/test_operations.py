from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mqtt_app.domain.operations import (
    DEADLINE,
    ConnectionFacts,
    OperationKind,
    OperationState,
    Request,
    asked,
    judge,
    supersede,
)

T = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE = T - timedelta(minutes=5)
AFTER = T + timedelta(seconds=3)
NOW = T + timedelta(seconds=9)


def request(kind: OperationKind = OperationKind.START) -> Request:
    return Request(kind, T, "ada")


def link(status: str, since: datetime = AFTER, **facts: Any) -> ConnectionFacts:
    said: dict[str, Any] = {
        "is_wanted": True,
        "status": status,
        "status_since": since,
        "generation": 4,
    }
    return ConnectionFacts(**said | facts)


def state(kind: str, facts: ConnectionFacts, now: datetime = NOW) -> str:
    return judge(request(OperationKind(kind)), facts, now).state.value


def test_a_start_is_pending_until_an_instance_has_the_link_and_then_running() -> None:
    assert state("start", link("disconnected", BEFORE)) == "pending"
    assert state("start", link("disconnected", BEFORE, assigned_instance="mqtt-2")) == "running"
    assert state("start", link("connecting", owner="mqtt-2")) == "running"


def test_a_start_ends_with_a_connected_link_and_its_timeline_says_the_way() -> None:
    facts = link(
        "connected",
        assigned_instance="mqtt-2",
        assigned_at=T + timedelta(seconds=1),
        owner="mqtt-2",
        owned_since=T + timedelta(seconds=2),
        connected_at=AFTER,
        subscribed_at=AFTER,
    )
    judged = judge(request(), facts, NOW)
    assert (judged.state, judged.finished_at, judged.generation) == ("succeeded", AFTER, 4)
    said = [(event.event, event.detail) for event in judged.timeline]
    assert said == [
        ("asked", "by ada"),
        ("assigned", "mqtt-2"),
        ("connecting", "mqtt-2"),
        ("connected", ""),
        ("subscribed", ""),
    ]


@pytest.mark.parametrize(
    ("error_at", "expected"), [(BEFORE, "running"), (T, "failed"), (AFTER, "failed")]
)
def test_only_an_error_of_after_the_request_fails_it(error_at: datetime, expected: str) -> None:
    facts = link("error", owner="a", error_at=error_at, error_message="Refused", error_class="tls")
    assert state("start", facts) == expected


def test_a_restart_wants_a_link_that_is_newer_than_itself() -> None:
    assert state("restart", link("connected", BEFORE, owner="a", connected_at=BEFORE)) == "running"
    assert state("restart", link("connected", owner="a", connected_at=AFTER)) == "succeeded"
    assert state("start", link("connected", BEFORE, connected_at=BEFORE)) == "succeeded"


def test_a_stop_ends_when_the_link_is_down() -> None:
    assert state("stop", link("connected", BEFORE, is_wanted=False, owner="a")) == "running"
    assert state("stop", link("error", BEFORE, is_wanted=False, owner="a")) == "running"
    assert state("stop", link("disconnected", is_wanted=False, owner="a")) == "succeeded"
    assert state("stop", link("error", BEFORE, is_wanted=False)) == "succeeded"
    assert state("stop", link("disconnected", BEFORE, is_wanted=True)) == "pending"


@pytest.mark.parametrize(
    ("after", "expected"), [(timedelta(0), "pending"), (timedelta(microseconds=1), "failed")]
)
def test_what_shows_no_end_fails_past_its_deadline(after: timedelta, expected: str) -> None:
    assert state("start", link("disconnected", BEFORE), T + DEADLINE + after) == expected


def test_what_is_superseded_says_by_what() -> None:
    newer = Request(OperationKind.STOP, AFTER, "bob")
    ended, timeline = supersede([asked(request())], newer)
    assert ended is OperationState.SUPERSEDED
    assert (timeline[-1].event, timeline[-1].detail) == ("superseded", "stop asked by bob")
