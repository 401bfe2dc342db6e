"""The life of a link at each of its limits, and what the words of brokers mean."""

import math

import msgspec
import pytest

from mqtt_app.domain.link import events as c
from mqtt_app.domain.link.events import Event
from mqtt_app.domain.link.failures import (
    BROKER,
    CONFLICT,
    CREDENTIALS,
    NETWORK,
    LinkFailure,
)
from mqtt_app.domain.link.state import Link, LinkTimeouts, State, versions_to_try
from mqtt_app.domain.link.transitions import Effect, step, wait_before
from tests.narrowing import present

# The life of a link

GONE = LinkFailure(NETWORK, "gone")


def run(
    link: Link, *events: Event, now: float = 0.0, jitter: float = 0.5
) -> tuple[Link, tuple[Effect, ...]]:
    effects: tuple[Effect, ...] = ()
    for event in events:
        link, effects = step(link, event, now, LinkTimeouts(), jitter)
    return link, effects


def lost_after(seconds: float, link: Link | None = None) -> Link:
    up, _ = run(link or Link(), c.Start(), c.Dialed(), c.Accepted(to_subscribe=False), now=100.0)
    return run(up, c.Lost(GONE), now=100.0 + seconds)[0]


@pytest.mark.parametrize(
    ("lives", "lived", "is_conflict"),
    [
        ((1.0, 1.1, 0.9, 1.0), 1.0, True),
        ((1.0, 1.1, 0.9), 1.0, False),  # a link that broke a few times
        ((1.0, 1.1, 0.9, 3.0), 1.0, False),  # not equally long
        ((0.1, 0.1, 0.1, 0.1), 0.1, False),  # right after what we sent
        ((8.0, 8.0, 8.0, 8.0), 9.9, True),
        ((8.0, 8.0, 8.0, 8.0), 10.0, False),
    ],
)
def test_only_links_that_live_equally_short_are_taken_over(
    lives: tuple[float, ...], lived: float, is_conflict: bool
) -> None:
    assert (present(lost_after(lived, Link(lives=lives)).failure).kind == CONFLICT) is is_conflict


@pytest.mark.parametrize(("lost_sessions", "is_conflict"), [(1, False), (2, True)])
def test_sessions_that_vanish_meanwhile_give_another_client_away(
    lost_sessions: int, is_conflict: bool
) -> None:
    found = lost_after(3.0, Link(lives=(0.1, 1.0), lost_sessions=lost_sessions))
    assert (present(found.failure).kind == CONFLICT) is is_conflict


def test_a_broker_that_says_why_is_no_take_over() -> None:
    link = Link(lives=(1.0,) * 7)
    up, _ = run(link, c.Start(), c.Dialed(), c.Accepted(to_subscribe=False), now=100.0)
    for failure in (LinkFailure(BROKER, "busy"), LinkFailure(NETWORK, "bye", broker_code=0x8D)):
        assert run(up, c.Lost(failure), now=101.0)[0].failure is failure


def test_what_is_to_be_tried_again_within_seconds_is_for_a_while() -> None:
    soon = c.Lost(LinkFailure(BROKER, "quota", is_soon=True))
    link, waits = Link(failing_since=0.0), []
    for turn in range(32):
        link, _ = run(link, c.Tick() if turn else c.Start(), c.Dialed(), soon, now=1_000.0)
        waits.append(link.deadline - 1_000.0)
    assert set(waits[:30]) == {3.0}
    assert waits[31] == 30.0


def test_each_suback_gives_the_next_one_its_time() -> None:
    asking, _ = run(Link(), c.Start(), c.Dialed(), c.Accepted(to_subscribe=True), now=100.0)
    assert run(asking, c.Answered(), now=107.0)[0].deadline == 117.0


@pytest.mark.parametrize(("lived", "retries", "since"), [(59.9, 6, 1.0), (60.0, 1, 160.0)])
def test_a_minute_makes_a_link_stable(lived: float, retries: int, since: float) -> None:
    found = lost_after(lived, Link(retries=5, failing_since=1.0))
    assert (found.retries, found.failing_since) == (retries, since)
    assert found.up_since is None


def test_each_wait_is_twice_as_long_as_the_one_before_up_to_its_cap() -> None:
    assert [wait_before(tries, 1.0, 60.0, 0.5) for tries in range(1, 9)] == [
        0.5,
        1,
        2,
        4,
        8,
        16,
        30,
        30,
    ]
    assert wait_before(10_000, 1.0, math.inf, 1.0) == 2.0**30


def test_what_only_a_person_can_mend_is_waited_for_half_its_range_at_least() -> None:
    refused = (c.Start(), c.Dialed(), c.Refused(LinkFailure(CREDENTIALS, "no")))
    assert run(Link(), *refused, jitter=0.0)[0].deadline == 30.0
    assert run(Link(refusals=3), *refused, jitter=0.0)[0].deadline == 240.0
    found, effects = run(Link(), *refused, jitter=0.0)
    assert (found.state, found.refusals, effects) == (
        State.REFUSED,
        1,
        (Effect.CLOSE, Effect.REPORT_FAILED),
    )


def test_nobody_waits_for_longer_than_it_has_failed_and_a_second() -> None:
    dialling = (c.Start(), c.DialFailed(GONE))
    assert (
        run(Link(retries=20, failing_since=90.0), *dialling, now=100.0, jitter=1.0)[0].deadline
        == 111.0
    )
    assert (
        run(Link(retries=20, failing_since=0.0), *dialling, now=100.0, jitter=1.0)[0].deadline
        == 160.0
    )
    assert run(Link(refusals=4), *dialling)[0].refusals == 0


@pytest.mark.parametrize(
    ("events", "seconds"),
    [
        ((c.Start(),), 20.0),
        ((c.Start(), c.Dialed()), 10.0),
        ((c.Start(), c.Dialed(), c.Accepted(to_subscribe=True)), 10.0),
        ((c.Start(), c.Dialed(), c.Accepted(to_subscribe=True), c.Drain()), 5.0),
    ],
)
def test_each_volatile_state_has_its_time(events: tuple[Event, ...], seconds: float) -> None:
    found, _ = run(Link(), *events, now=100.0)
    assert (found.since, found.deadline) == (100.0, 100.0 + seconds)


@pytest.mark.parametrize(
    ("events", "state", "effects", "kind"),
    [
        ((c.Start(), c.Tick()), State.WAITING, (Effect.CLOSE, Effect.REPORT_FAILED), NETWORK),
        (
            (c.Start(), c.Dialed(), c.Lost(GONE)),
            State.WAITING,
            (Effect.CLOSE, Effect.REPORT_FAILED),
            NETWORK,
        ),
        (
            (c.Start(), c.Dialed(), c.Accepted(True), c.Tick()),
            State.WAITING,
            (Effect.CLOSE, Effect.REPORT_FAILED),
            BROKER,
        ),
        (
            (c.Start(), c.Dialed(), c.Accepted(True), c.Lost(GONE)),
            State.WAITING,
            (Effect.CLOSE, Effect.REPORT_FAILED),
            NETWORK,
        ),
        (
            (c.Start(), c.Dialed(), c.Accepted(False), c.Lost(GONE)),
            State.WAITING,
            (Effect.CLOSE, Effect.REPORT_LOST),
            NETWORK,
        ),
        ((c.Start(), c.Dialed(), c.Accepted(True)), State.SUBSCRIBING, (Effect.SUBSCRIBE,), None),
        (
            (c.Start(), c.DialFailed(GONE), c.Tick()),
            State.DIALING,
            (Effect.DIAL, Effect.REPORT_CONNECTING),
            NETWORK,
        ),
        ((c.Start(), c.Drain()), State.CLOSED, (Effect.CLOSE, Effect.FINISHED), None),
        (
            (c.Start(), c.Dialed(), c.Accepted(False), c.Drain(), c.Tick()),
            State.CLOSED,
            (Effect.GOODBYE, Effect.REPORT_DISCONNECTED, Effect.FINISHED),
            None,
        ),
        (
            (c.Start(), c.Dialed(), c.Accepted(False), c.Drain(), c.Lost(GONE)),
            State.CLOSED,
            (Effect.CLOSE, Effect.FINISHED),
            None,
        ),
        ((c.Drain(), c.Start(), c.Abandon()), State.CLOSED, (), None),
    ],
)
def test_where_each_story_of_a_link_ends(
    events: tuple[Event, ...], state: State, effects: tuple[Effect, ...], kind: str | None
) -> None:
    found, last = run(Link(), *events)
    assert (found.state, last, present(found.failure).kind if found.failure else None) == (
        state,
        effects,
        kind,
    )


# Which MQTT version


@pytest.mark.parametrize(
    ("chosen", "negotiated", "versions"),
    [
        ("auto", "", ("5", "3.1.1")),
        ("auto", "5", ("5", "3.1.1")),
        ("auto", "3.1.1", ("3.1.1",)),
        ("5", "3.1.1", ("5",)),
        ("3.1.1", "5", ("3.1.1",)),
        ("5", "", ("5",)),
    ],
)
def test_the_version_that_worked_last_is_the_one_that_is_tried(
    chosen: str, negotiated: str, versions: tuple[str, ...]
) -> None:
    assert versions_to_try(chosen, negotiated) == versions


def test_what_worked_is_tried_first_from_then_on() -> None:
    older = LinkFailure(BROKER, "no MQTT 5", older_mqtt=True)
    link, _ = run(
        Link(), c.Start(), c.Dialed(), c.Refused(older), c.Dialed(), c.Accepted(to_subscribe=False)
    )
    link, _ = run(link, c.Lost(GONE), c.Tick())
    assert (link.version, link.versions) == ("3.1.1", ("3.1.1",))


def test_until_any_has_worked_every_attempt_begins_with_the_newest() -> None:
    older = LinkFailure(BROKER, "no MQTT 5", older_mqtt=True)
    link, _ = run(Link(), c.Start(), c.Dialed(), c.Refused(older), c.DialFailed(GONE), c.Tick())
    assert (link.state, link.version) == (State.DIALING, "5")


def test_an_older_version_is_tried_only_where_it_may_help() -> None:
    refused = c.Refused(LinkFailure(BROKER, "busy"))
    assert run(Link(), c.Start(), c.Dialed(), refused)[0].state is State.WAITING
    only_five = Link(versions=("5",), all_versions=("5",))
    older = c.Refused(LinkFailure(BROKER, "no MQTT 5", older_mqtt=True))
    assert run(only_five, c.Start(), c.Dialed(), older)[0].state is State.WAITING
    assert (
        run(Link(), c.Start(), c.DialFailed(msgspec.structs.replace(GONE, older_mqtt=True)))[
            0
        ].state
        is State.WAITING
    )


# What a broker's words mean
