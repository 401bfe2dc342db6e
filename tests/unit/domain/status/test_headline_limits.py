"""The headline at each of its limits, one moment before and one after."""

from typing import Any

import pytest

from mqtt_app.domain.status.headline import Facts, LinkFacts, effective_status, headline

NOW = 10_000.0


def shown(link: dict[str, Any] | None = None, **facts: Any) -> str:
    evidence: dict[str, Any] = {
        "generation": 3,
        "at": NOW,
        "connected_since": NOW - 100,
        "last_packet_at": NOW,
    } | (link or {})
    values: dict[str, Any] = {
        "owner": "mqtt-1",
        "owned_since": NOW - 200,
        "generation": 3,
        "workers": 1,
        "lease_age": 1.0,
        "granted": (1,),
        "status": "connected",
        "wanted_since": NOW - 300,
        "status_since": NOW - 300,
        "link": LinkFacts(**evidence),
    }
    return str(headline(Facts(**values | facts), NOW))


def test_all_well_is_running() -> None:
    assert shown() == "running"


@pytest.mark.parametrize(
    ("wanted", "status", "says"),
    [
        (44.9, 300, "starting"),
        (45, 300, "degraded: no MQTT worker has taken it"),
        (300, 44.9, "starting"),
    ],
)
def test_nobody_has_to_take_it_within_three_quarters_of_a_minute(
    wanted: float, status: float, says: str
) -> None:
    found = shown(owner="", lease_age=None, wanted_since=NOW - wanted, status_since=NOW - status)
    assert found == says


def test_without_workers_nobody_can_take_it() -> None:
    assert shown(owner="", lease_age=None, workers=0) == "degraded: no MQTT worker is running"
    assert (
        shown(lease_age=None, workers=1)
        == "degraded: its worker mqtt-1 is gone, another one takes over"
    )
    assert shown(lease_age=0.0) == "running"


@pytest.mark.parametrize(
    ("owned", "says"), [(14.9, "starting"), (15.0, "reports nothing about it")]
)
def test_a_new_owner_has_a_quarter_of_a_minute_to_report(owned: float, says: str) -> None:
    assert says in shown(link={"generation": 2}, owned_since=NOW - owned, status="connecting")


@pytest.mark.parametrize(
    ("age", "says"),
    [(15.0, "running"), (16.0, "degraded: its worker mqtt-1 last reported 16 s ago")],
)
def test_evidence_is_good_for_a_quarter_of_a_minute(age: float, says: str) -> None:
    assert shown(link={"at": NOW - age}) == says


@pytest.mark.parametrize(
    ("keepalive", "silent", "says"),
    [
        (60, 30.0, "running"),
        (60, 30.6, "silent for 31 s"),
        (20, 20.0, "running"),
        (20, 20.6, "silent for 21 s"),
        (5, 10.0, "running"),
        (5, 10.6, "silent for 11 s"),
    ],
)
def test_a_broker_may_be_silent_for_its_keepalive_within_bounds(
    keepalive: int, silent: float, says: str
) -> None:
    assert says in shown(link={"last_packet_at": NOW - silent}, keepalive=keepalive)


def test_a_broker_that_said_nothing_since_the_link_came_up_is_silent_from_then_on() -> None:
    assert "silent for 40 s" in shown(link={"last_packet_at": None, "connected_since": NOW - 40})


@pytest.mark.parametrize(
    ("codes", "up", "says"),
    [
        ((0, 1, 127), 100, "running"),
        ((128, 1), 100, "degraded: the broker refused 1 of 2 topic filters"),
        ((None, 1), 14.9, "starting"),
        ((None, 1), 15, "degraded: the broker did not answer for 1 of 2 topic filters"),
        ((), 100, "degraded: no active topic filter, so nothing can arrive"),
        ((None, 128), 5, "degraded: the broker refused 1 of 2 topic filters"),
    ],
)
def test_every_filter_has_to_be_granted_in_time(
    codes: tuple[int | None, ...], up: float, says: str
) -> None:
    assert shown(link={"connected_since": NOW - up}, granted=codes) == says


@pytest.mark.parametrize(
    ("wanted", "owned", "says"),
    [(44.9, 200, "starting"), (300, 44.9, "starting"), (45, 45, "degraded: the link is down")],
)
def test_a_link_has_to_come_up_in_time(wanted: float, owned: float, says: str) -> None:
    down = {"connected_since": None}
    assert (
        shown(link=down, status="connecting", wanted_since=NOW - wanted, owned_since=NOW - owned)
        == says
    )


def test_a_failure_of_the_last_attempt_is_shown_with_its_number() -> None:
    failed = {"status": "error", "error_message": "no route", "retry_count": 4}
    assert shown(link={"connected_since": None}, **failed) == "degraded: no route (attempt 4)"
    assert (
        shown(link={"connected_since": None}, **failed | {"status": "connected"})
        == "degraded: the link is down"
    )


@pytest.mark.parametrize(
    ("kind", "message", "says"),
    [
        ("credentials", "", "refused: wrong user name or password"),
        ("tls", "", "refused: no trusted TLS connection"),
        ("configuration", "", "refused: the settings cannot work"),
        ("credentials", "mine", "refused: mine"),
        ("network", "mine", "degraded: mine (attempt 0)"),
    ],
)
def test_a_refusal_is_one_that_a_person_has_to_mend(kind: str, message: str, says: str) -> None:
    assert shown(status="error", error_class=kind, error_message=message) == says
    assert not shown(status="connecting", error_class=kind, error_message=message).startswith(
        "refused"
    )


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"configured": False}, "stopped"),
        ({"active": False, "owner": ""}, "stopped"),
        ({"active": False, "lease_age": None}, "stopped"),
        ({"site_active": False, "owner": ""}, "stopped"),
        ({"active": False}, "degraded: stopping, mqtt-1 still holds the link"),
        (
            {"active": False, "blind": "Redis away"},
            "degraded: stopping; whether mqtt-1 let go is not known: Redis away",
        ),
        (
            {"active": False, "blind": "Redis away", "lease_age": None},
            "degraded: stopping; whether mqtt-1 let go is not known: Redis away",
        ),
        (
            {"blind": "Redis away"},
            "degraded: live evidence is unavailable: Redis away; last known: connected",
        ),
        (
            {"paused_parsers": ("json",)},
            "degraded: the parser json fails on most messages, which are kept until it is mended",
        ),
        (
            {"paused_parsers": ("a", "b")},
            "degraded: the parsers a, b fail on most messages, which are kept until it is mended",
        ),
    ],
)
def test_what_is_shown_of_each_situation(facts: dict[str, Any], says: str) -> None:
    assert shown(**facts) == says


def test_paused_reading_is_shown_before_silence() -> None:
    assert "reading is paused" in shown(link={"paused": True, "last_packet_at": NOW - 100})


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, "connected"),
        ({"owner": ""}, "disconnected"),
        ({"lease_age": None}, "disconnected"),
        ({"lease_age": None, "blind": "Redis away"}, "connected"),
        ({"owner": "", "status": "connecting"}, "disconnected"),
        ({"owner": "", "status": "error"}, "error"),
    ],
)
def test_nobody_speaks_for_the_status_of_a_link_without_an_owner(
    facts: dict[str, str | None], status: str
) -> None:
    values: dict[str, Any] = {"owner": "mqtt-1", "lease_age": 1.0, "status": "connected"} | facts
    assert effective_status(Facts(**values)) == status


def test_without_any_fact_a_connection_waits_for_a_worker_from_the_epoch_on() -> None:
    assert str(headline(Facts(workers=1), 44.9)) == "starting"
    assert str(headline(Facts(workers=1), 45.0)) == "degraded: no MQTT worker has taken it"
    assert str(headline(Facts(), 0.0)) == "degraded: no MQTT worker is running"
    assert effective_status(Facts()) == "disconnected"
