"""When the parser is to blame rather than its messages, and when it works again. Times are unix
seconds.

Messages of one parser at one site are counted in windows that end when they are decisive, or after
a minute:

    working ── more than half of 200 fail ──────────────────────────► paused
    working ── it fails like that over all sites, here too ─────────► paused
    paused  ── more than half of a sample of what was kept parses ──► working
    paused  ── no more than a quarter of 200 new ones fail ─────────► working

A paused parser is still asked, so that a site with many bad messages goes on to store its good
ones. What it cannot parse then is kept, not failed.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class HealthRule(msgspec.Struct, frozen=True):
    """`enough` messages within `seconds` decide. `few` failures do at a site when the parser fails
    everywhere.
    """

    enough: int = 200
    seconds: float = 60.0
    few: int = 10


class Window(msgspec.Struct, frozen=True):
    """Messages counted since `started`."""

    started: float
    parsed: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.parsed + self.failed

    @property
    def mostly_failed(self) -> bool:
        return self.failed > self.parsed


class Health(StrEnum):
    UNDECIDED = "undecided"
    FAILING = "failing"
    WORKING = "working"


def extended(
    window: Window | None, parsed: int, failed: int, now: float, rule: HealthRule
) -> Window:
    """The window with these messages in it; a new one when the old one is over."""
    if window is None or not is_open(window, now, rule):
        return Window(now, parsed, failed)
    return Window(window.started, window.parsed + parsed, window.failed + failed)


def is_open(window: Window, now: float, rule: HealthRule) -> bool:
    """A clock that was set back ends a window too."""
    return 0.0 <= now - window.started < rule.seconds


def judged(window: Window, rule: HealthRule) -> Health:
    if window.total < rule.enough:
        return Health.UNDECIDED
    if window.mostly_failed:
        return Health.FAILING
    return Health.WORKING


def has_recovered(window: Window, rule: HealthRule) -> bool:
    """Farther from failing than `judged` asks for, so that a parser on the edge does not go to and
    fro.
    """
    return window.total >= rule.enough and window.failed * 4 <= window.total


def failing_everywhere(windows: Iterable[Window], now: float, rule: HealthRule) -> bool:
    """One window for each site: too few messages at each of them to decide, but not over all."""
    recent = [window for window in windows if is_open(window, now, rule)]
    together = Window(
        now, sum(window.parsed for window in recent), sum(window.failed for window in recent)
    )
    return judged(together, rule) is Health.FAILING


def takes_part(window: Window, rule: HealthRule) -> bool:
    """Is this site one of those where a parser that fails everywhere fails?"""
    return window.mostly_failed and window.failed >= rule.few


def passes(parsed: int, failed: int) -> bool:
    """Did a trial on dead letters go well enough to parse all of them?"""
    return parsed > failed
