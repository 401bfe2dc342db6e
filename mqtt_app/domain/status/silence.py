"""How long a site is usually silent, learned by hour of the week, and when its silence is news.

The last message of a site is looked at every half minute, so that gaps shorter than that count as
one. Unix seconds; hours of the week are 0 to 167 from Monday 00:00 UTC. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mqtt_app.domain.status.spans import span

HOUR = 3_600.0  # s
WEEK = 168  # hours
MONDAY = 345_600.0  # unix time of a Monday 00:00 UTC
ENOUGH = 20  # gaps, before what was learned is believed
FACTOR = 3.0  # times the usual gap that silence may last
SHORTEST = 300.0  # s; no shorter silence is called one
LONGEST = 86_400.0  # s; a site that said nothing for a day is silent, whatever is usual
FORGET = 0.999  # of the longest gap is left after each later one
STEP = 2.0  # an hour that is known grows or shrinks by this factor in a week at most


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`last` message; `longest` gap lately, of `gaps` in all; `hour_longest` in the hour of `last`."""

    last: float
    gaps: int = 0
    longest: float = 0.0
    hour_longest: float = 0.0


@dataclass(frozen=True, slots=True)
class GapObservation:
    """`hours`: the longest gap of each hour of the week that is over, or was passed over."""

    rhythm: Rhythm
    hours: Mapping[int, float] = field(default_factory=dict)


def hour_of_week(at: float) -> int:
    return int((at - MONDAY) // HOUR) % WEEK


def observe(rhythm: Rhythm | None, last: float, listening_since: float | None) -> GapObservation:
    """`last`: the newest message. A gap in which the link was down, or began, teaches nothing."""
    if rhythm is None:
        return GapObservation(Rhythm(last))
    if last <= rhythm.last:
        return GapObservation(rhythm)
    if listening_since is None or listening_since > rhythm.last:
        return GapObservation(replace(rhythm, last=last, hour_longest=0.0))
    gap = last - rhythm.last
    learned = replace(
        rhythm,
        last=last,
        gaps=rhythm.gaps + 1,
        longest=max(gap, rhythm.longest * FORGET),
        hour_longest=max(gap, rhythm.hour_longest),
    )
    passed = list(_hours_between(rhythm.last, last))
    if not passed:
        return GapObservation(learned)
    hours = dict.fromkeys(passed, gap) | {passed[0]: learned.hour_longest}
    return GapObservation(replace(learned, hour_longest=gap), hours)


def _hours_between(first: float, last: float) -> Iterator[int]:
    """The hours that are over by `last`, from that of `first` on; a week of them at most."""
    begin = int((first - MONDAY) // HOUR)
    end = int((last - MONDAY) // HOUR)
    for number in range(max(begin, end - WEEK), end):
        yield number % WEEK


def learned_hour(known: float, gap: float) -> float:
    """The longest gap of an hour of the week, after another such hour. `known` is 0.0 before the
    first. One outage does not make an hour silent for good, nor does one busy hour forget a quiet
    one.
    """
    if not known:
        return gap
    return min(max(gap, known / STEP), known * STEP)


def usual_gap(rhythm: Rhythm | None, hours: Sequence[float]) -> float | None:
    """`hours`: what is known of the hours that count, 0.0 of those that are not known. None: too
    little is known.
    """
    if rhythm is None or rhythm.gaps < ENOUGH:
        return None
    return max(hours, default=0.0) or rhythm.longest


def silence(last: float | None, connected_since: float, usual: float | None, now: float) -> str:
    """Why the link is up and nothing comes, "" while that is as usual."""
    silent = now - max(last or 0.0, connected_since)
    if usual is None:
        limit = LONGEST
    else:
        limit = min(LONGEST, max(SHORTEST, FACTOR * usual))
    if silent < limit:
        return ""
    if last is None:
        return f"no message has ever come; the link is up for {span(silent)}"
    said = f"no data for {span(now - last)}"
    if usual is None:
        return said
    return f"{said} (usual gap {span(usual)})"
