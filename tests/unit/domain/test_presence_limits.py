"""Silence at its last second."""

import pytest

from mqtt_app.domain.presence import PresenceVerdict, judge


@pytest.mark.parametrize(
    ("now", "verdict"),
    [(159.9, PresenceVerdict("online")), (160.0, PresenceVerdict("offline", "silent"))],
)
def test_silence_is_over_at_its_last_second(now: float, verdict: PresenceVerdict) -> None:
    assert judge("online", 100.0, 60.0, now, listening_since=0.0) == verdict


def test_who_spoke_in_the_second_in_which_the_link_came_up_is_online() -> None:
    assert judge("unknown", 100.0, 60.0, 101.0, listening_since=100.0) == PresenceVerdict("online")
    assert judge("unknown", 99.9, 60.0, 101.0, listening_since=100.0) == PresenceVerdict("unknown")


def test_a_link_that_is_up_since_the_epoch_is_up() -> None:
    assert judge(
        "online", 100.0, 60.0, 101.0, listening_since=0.0, gateway_status="online"
    ) == PresenceVerdict("online")
