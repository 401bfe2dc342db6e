import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.presence import (
    PresenceVerdict,
    due_at,
    effective_status,
    grace_until,
    is_silent,
    judge,
)

TIMES = st.floats(0, 1e6)
STATUS = st.sampled_from(["online", "offline", "unknown"])


@given(TIMES, st.floats(1, 1e4), TIMES, TIMES)
def test_nobody_is_silent_before_their_time_and_the_grace_are_over(
    last_seen: float, silence: float, now: float, grace_end: float
) -> None:
    if is_silent(last_seen, silence, now, grace_end):
        assert now >= due_at(last_seen, silence)
        assert now >= grace_end


def test_a_restart_gives_everybody_their_time_again() -> None:
    assert grace_until(1000.0, 60.0) == 1060.0
    assert judge("online", 10.0, 60.0, 1059.0, listening_since=1000.0) == PresenceVerdict("online")
    assert judge("online", 10.0, 60.0, 1060.0, listening_since=1000.0) == PresenceVerdict(
        "offline", "silent"
    )


@given(STATUS, st.none() | TIMES, TIMES, st.none() | STATUS)
def test_nothing_is_known_of_devices_while_the_link_is_down(
    status: str, last_seen: float | None, now: float, gateway: str | None
) -> None:
    found = judge(status, last_seen, 60.0, now, listening_since=None, gateway_status=gateway)
    assert found == PresenceVerdict("unknown", "site unreachable")


@given(STATUS, st.none() | TIMES, TIMES)
def test_devices_behind_a_gateway_that_is_gone_are_unknown_through_it(
    status: str, last_seen: float | None, now: float
) -> None:
    found = judge(status, last_seen, 60.0, now, listening_since=0.0, gateway_status="offline")
    assert found == PresenceVerdict("unknown", "gateway offline")


def test_a_message_makes_online_and_silence_offline() -> None:
    assert judge("offline", 100.0, 60.0, 101.0, listening_since=0.0) == PresenceVerdict("online")
    assert judge("online", 100.0, 60.0, 160.0, listening_since=0.0) == PresenceVerdict(
        "offline", "silent"
    )


def test_who_was_never_heard_stays_unknown() -> None:
    assert judge("unknown", None, 60.0, 1e6, listening_since=0.0) == PresenceVerdict("unknown")


def test_who_was_last_heard_before_the_link_came_up_is_not_yet_online() -> None:
    assert judge("unknown", 90.0, 60.0, 101.0, listening_since=100.0) == PresenceVerdict("unknown")


@pytest.mark.parametrize(
    ("gateway", "reachable", "expected"),
    [
        (None, True, PresenceVerdict("online")),
        ("online", True, PresenceVerdict("online")),
        ("unknown", True, PresenceVerdict("online")),
        ("offline", True, PresenceVerdict("unknown", "gateway offline")),
        ("offline", False, PresenceVerdict("unknown", "site unreachable")),
    ],
)
def test_what_is_shown_of_a_device_that_was_online(
    gateway: str | None, reachable: bool, expected: PresenceVerdict
) -> None:
    assert effective_status("online", gateway, site_reachable=reachable) == expected
