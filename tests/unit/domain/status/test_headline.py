"""The headline: one line that is true."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.status.headline import (
    Facts,
    HeadlineKind,
    LinkFacts,
    effective_status,
    headline,
)
from mqtt_app.domain.status.refusals import REMEDIES
from mqtt_app.models import ErrorClass

NOW = 10_000.0
LINK = LinkFacts(generation=4, at=NOW - 1, connected_since=NOW - 600, last_packet_at=NOW - 2)
RUNNING = Facts(
    status="connected",
    owner="mqtt-1",
    owned_since=NOW - 700,
    generation=4,
    workers=1,
    lease_age=1.0,
    link=LINK,
    granted=(1, 0),
    wanted_since=NOW - 800,
    status_since=NOW - 600,
)
UNOWNED = replace(
    RUNNING, owner="", owned_since=None, link=None, lease_age=None, status="disconnected"
)
DIALLING = replace(
    RUNNING, status="connecting", link=replace(LINK, connected_since=None, last_packet_at=None)
)
UNWANTED = replace(RUNNING, active=False)


def linked(**changes: Any) -> Facts:
    return replace(RUNNING, link=replace(LINK, **changes))


CASES = {
    "all is well": (RUNNING, "running"),
    "as silent as usual": (replace(RUNNING, last_message=NOW - 299, usual_gap=30.0), "running"),
    "more silent than usual": (
        replace(RUNNING, last_message=NOW - 840, usual_gap=30.0),
        "degraded: no data for 14 min (usual gap 30 s)",
    ),
    "no connection": (Facts(configured=False), "stopped"),
    "never started": (replace(UNOWNED, active=False), "stopped"),
    "site switched off": (replace(UNOWNED, site_active=False), "stopped"),
    "switched off, still held": (UNWANTED, "degraded: stopping, mqtt-1 still holds the link"),
    "switched off, holder dead": (replace(UNWANTED, lease_age=None), "stopped"),
    "switched off, Redis away": (
        replace(UNWANTED, blind="Redis does not answer"),
        "degraded: stopping; whether",
    ),
    "Redis away": (
        replace(RUNNING, blind="Redis does not answer"),
        "degraded: live evidence is unavailable: Redis",
    ),
    "just started": (replace(UNOWNED, wanted_since=NOW - 5), "starting"),
    "nobody came": (
        replace(UNOWNED, wanted_since=NOW - 99, status_since=NOW - 99),
        "degraded: no MQTT worker has",
    ),
    "no worker at all": (
        replace(UNOWNED, wanted_since=NOW - 5, workers=0),
        "degraded: no MQTT worker is running",
    ),
    "owner died, another lives": (
        replace(RUNNING, lease_age=None),
        "degraded: its worker mqtt-1 is gone, another",
    ),
    "owner died, none lives": (
        replace(RUNNING, lease_age=None, workers=0),
        "degraded: no MQTT worker is running",
    ),
    "messages that are not stored": (
        linked(not_stored_since=NOW - 9, waits_for="refused"),
        "degraded: its messages are not stored: the database, or",
    ),
    "messages that have waited for a moment": (
        linked(not_stored_since=NOW - 7, waits_for="refused"),
        "running",
    ),
    "an installation that stores nothing": (
        replace(RUNNING, nothing_stored="they wait for a task worker"),
        "degraded: no site's messages are stored: they",
    ),
    "owner silent": (replace(RUNNING, link=None), "degraded: its worker mqtt-1 reports nothing"),
    "owner hangs": (linked(at=NOW - 20), "degraded: its worker mqtt-1 last reported 20 s ago"),
    "report of an earlier owner": (
        linked(generation=3),
        "degraded: its worker mqtt-1 reports nothing",
    ),
    "just taken": (replace(DIALLING, link=None, owned_since=NOW - 3), "starting"),
    "dialling": (replace(DIALLING, owned_since=NOW - 5), "starting"),
    "dialling for ever": (DIALLING, "degraded: the link is down"),
    "row lies that it is connected": (
        replace(DIALLING, status="connected"),
        "degraded: the link is down",
    ),
    "network gone": (
        replace(
            DIALLING,
            status="error",
            error_class="network",
            error_message="No route.",
            retry_count=3,
        ),
        "degraded: No route. (attempt 3)",
    ),
    "wrong password": (
        replace(
            DIALLING, status="error", error_class="credentials", error_message="Not authorized."
        ),
        "refused: Not authorized.",
    ),
    "wrong CA": (
        replace(DIALLING, status="error", error_class="tls"),
        "refused: no trusted TLS connection",
    ),
    "broker hangs": (
        linked(last_packet_at=NOW - 31),
        "degraded: the broker has been silent for 31 s",
    ),
    "quiet but alive": (linked(last_packet_at=NOW - 16), "running"),
    "paused": (linked(paused=True, last_packet_at=NOW - 99), "degraded: reading is paused"),
    "no filter": (replace(RUNNING, granted=()), "degraded: no active topic filter"),
    "filter refused": (
        replace(RUNNING, granted=(1, 128)),
        "degraded: the broker refused 1 of 2 topic filters",
    ),
    "subscribing": (replace(linked(connected_since=NOW - 3), granted=(None,)), "starting"),
    "parser paused": (
        replace(RUNNING, paused_parsers=("json",)),
        "degraded: the parser json fails on most messages",
    ),
    "filter added just now": (
        replace(
            linked(config_version=1), granted=(1, None), config_version=2, wanted_since=NOW - 3
        ),
        "starting",
    ),
    "filter not asked for": (
        replace(linked(config_version=1), granted=(1, None), config_version=2),
        "degraded: its worker mqtt-1 has not yet asked for 1 of 2 topic filters",
    ),
    "asked for, unanswered": (
        replace(linked(config_version=2), granted=(1, None), config_version=2),
        "degraded: the broker did not answer for 1 of 2",
    ),
    "subscribe unanswered": (
        replace(RUNNING, granted=(1, None)),
        "degraded: the broker did not answer for 1 of 2",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_headline_of(name: str) -> None:
    facts, expected = CASES[name]
    assert str(headline(facts, NOW)).startswith(expected)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (RUNNING, "connected"),
        (replace(RUNNING, lease_age=None), "disconnected"),
        (replace(RUNNING, lease_age=None, blind="Redis does not answer"), "connected"),
        (replace(RUNNING, owner=""), "disconnected"),
        (replace(UNOWNED, status="error"), "error"),
    ],
)
def test_a_status_whose_writer_is_gone_is_not_repeated(facts: Facts, status: str) -> None:
    assert effective_status(facts) == status


def test_every_class_of_error_has_a_remedy() -> None:
    assert set(REMEDIES) == set(ErrorClass.values)
    assert all(REMEDIES[name] for name in ErrorClass.values if name)


ages = st.floats(0, 1e6)
links = st.builds(
    LinkFacts,
    generation=st.integers(0, 2),
    at=ages,
    connected_since=st.none() | ages,
    last_packet_at=st.none() | ages,
    paused=st.booleans(),
)
situations = st.builds(
    Facts,
    configured=st.booleans(),
    site_active=st.booleans(),
    active=st.booleans(),
    status=st.sampled_from(["connected", "connecting", "disconnected", "error"]),
    error_class=st.sampled_from(ErrorClass.values),
    owner=st.sampled_from(["", "mqtt-1"]),
    owned_since=st.none() | ages,
    generation=st.integers(0, 2),
    granted=st.lists(st.none() | st.sampled_from([0, 1, 128]), max_size=3).map(tuple),
    paused_parsers=st.sampled_from([(), ("json",)]),
    blind=st.sampled_from(["", "Redis does not answer"]),
    workers=st.integers(0, 2),
    lease_age=st.none() | ages,
    link=st.none() | links,
)


@given(situations, ages)
def test_running_is_only_said_on_complete_evidence(facts: Facts, now: float) -> None:
    if headline(facts, now).kind is HeadlineKind.RUNNING:
        assert facts.wanted
        assert facts.owner
        assert facts.lease_age is not None
        assert facts.current_link is not None
        assert facts.current_link.connected_since is not None
        assert facts.granted
        assert all(code in {0, 1} for code in facts.granted)
        assert not facts.paused_parsers


@given(situations, ages)
def test_stopped_is_never_said_of_what_is_wanted_or_held(facts: Facts, now: float) -> None:
    if headline(facts, now).kind is HeadlineKind.STOPPED and facts.configured:
        assert not facts.wanted
        assert not facts.owner or facts.lease_age is None


@given(situations, ages)
def test_whatever_is_wrong_is_said_in_words(facts: Facts, now: float) -> None:
    said = headline(facts, now)
    if said.kind in {HeadlineKind.DEGRADED, HeadlineKind.REFUSED}:
        assert said.reason
        assert str(said) == f"{said.kind}: {said.reason}"
