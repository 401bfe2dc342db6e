"""Links that come and go, and what their interruptions have in common."""

from typing import Any

import pytest

from mqtt_app.domain.link.trouble.interruptions import (
    REMEMBERED,
    Cause,
    Interruption,
    broke,
    came_back,
    judge,
    sentence,
)
from tests.narrowing import present

HOUR = 3_600.0


def history(
    count: int,
    *,
    every: float = 240.0,
    lived: float = 200.0,
    away: float = 10.0,
    cause: Cause = Cause.CLOSED,
) -> tuple[Interruption, ...]:
    """The last one came back a moment before `HOUR`."""
    found: tuple[Interruption, ...] = ()
    for turn in range(count):
        at = HOUR - away - every * (count - 1 - turn)
        found = came_back(broke(found, at, lived, cause), at + away)
    return found


def said(found: tuple[Interruption, ...], keepalive: float = 60.0, now: float = HOUR) -> str:
    flapping = judge(found, keepalive, now)
    return sentence(flapping) if flapping else ""


def test_a_link_that_comes_and_goes_is_called_that() -> None:
    text = said(history(14, away=12.0))
    assert text.startswith(
        "14 interruptions in the last hour, 95.3 % up: each time after about 200"
    )


@pytest.mark.parametrize(("count", "flaps"), [(4, False), (5, True)])
def test_a_few_interruptions_are_none_of_it(count: int, flaps: bool) -> None:
    assert bool(said(history(count))) is flaps


@pytest.mark.parametrize(("later", "flaps"), [(590.0, True), (721.0, False)])
def test_what_is_calm_again_is_not_said_any_more(later: float, flaps: bool) -> None:
    assert bool(said(history(6), now=HOUR + later)) is flaps


@pytest.mark.parametrize(
    ("changes", "pattern"),
    [
        ({"lived": 90.0}, "pings do not reach the broker"),
        ({"lived": 120.0}, "proxy or firewall"),
        ({"lived": 1.0}, "right after our subscriptions"),
        ({"cause": Cause.SUBSCRIBE}, "while our subscriptions were unanswered"),
        ({"cause": Cause.TAKEN_OVER}, "same client id"),
        ({"cause": Cause.SILENT}, "the keepalive ran out"),
    ],
)
def test_a_pattern_is_named(changes: dict[str, Any], pattern: str) -> None:
    assert pattern in said(history(6, **changes))


def test_links_that_ended_before_a_takeover_was_known_count_as_taken_over() -> None:
    found = came_back(broke(history(5, lived=1.0), HOUR - 5, 1.0, Cause.TAKEN_OVER), HOUR)
    assert "another client takes over" in said(found)


def test_a_link_that_is_away_now_counts_as_away_until_now() -> None:
    open_end = broke(history(5), HOUR, 100.0, Cause.CLOSED)
    assert present(judge(open_end, 60.0, HOUR + 360.0)).share == pytest.approx(
        1 - (360 + 50) / HOUR
    )


def test_only_so_many_are_remembered_and_the_window_says_so() -> None:
    found = history(REMEMBERED + 20, every=20.0)
    assert len(found) == REMEMBERED
    assert "60 interruptions in the last 20 min" in said(found)
