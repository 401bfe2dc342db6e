"""The page of problems: the same cause at several sites is one entry."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mqtt_app.dashboard.causes import CLASSES
from mqtt_app.dashboard.sparkline import points
from mqtt_app.domain.access import Action
from mqtt_app.domain.problems import ProblemKind, ProblemState, trend
from mqtt_app.models import Problem
from mqtt_app.selectors.problems import conceal, problems
from mqtt_app.selectors.visibility import Viewer

MOST_ROWS = 1_000  # problems that are looked at, the newest
MOST_GROUPS = 100
MOST_SITES = 8  # of a group that are named
MOST_TOPICS = 3
STATES = (
    (ProblemState.OPEN.value, "Open"),
    (ProblemState.IGNORED.value, "Ignored"),
    (ProblemState.RESOLVED.value, "Resolved"),
)
KINDS = (
    (ProblemKind.LINK.value, "Links"),
    (ProblemKind.PARSING.value, "Parsing"),
    (ProblemKind.CERTIFICATE.value, "Certificates"),
)
TONES = {ProblemKind.LINK: "bad", ProblemKind.PARSING: "warn", ProblemKind.CERTIFICATE: "warn"}


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """`newest` speaks for all of them. `ids` of those that the viewer may decide about. `lines`: the
    last two days.
    """

    newest: Problem
    word: str
    tone: str
    sites: list[Problem]
    site_count: int
    count: int
    first_at: datetime
    last_at: datetime
    topics: list[str]
    lines: list[str]
    ids: str

    @property
    def more_sites(self) -> int:
        return self.site_count - len(self.sites)

    @property
    def topic_filter(self) -> str:
        """Where a parsing problem may be mapped."""
        if self.newest.kind == ProblemKind.PARSING and self.topics:
            return self.topics[0]
        return ""


@dataclass(frozen=True, slots=True)
class ProblemsView:
    groups: list[ProblemGroup]
    total: int
    state: str
    kind: str
    text: str
    states: tuple[tuple[str, str], ...] = STATES
    kinds: tuple[tuple[str, str], ...] = KINDS

    @property
    def hidden(self) -> int:
        return self.total - len(self.groups)


def problems_view(
    viewer: Viewer, now: datetime, *, state: str, kind: str, text: str
) -> ProblemsView:
    if state not in dict(STATES):
        state = ProblemState.OPEN.value
    if kind not in dict(KINDS):
        kind = ""
    found = problems(viewer, now, state=state, kind=kind, search=text)
    groups = grouped(conceal(found[:MOST_ROWS], viewer), viewer, now)
    return ProblemsView(groups[:MOST_GROUPS], len(groups), state, kind, text)


def grouped(rows: Iterable[Problem], viewer: Viewer, now: datetime) -> list[ProblemGroup]:
    """By cause; those with the most sites first, then the newest."""
    by_cause: defaultdict[object, list[Problem]] = defaultdict(list)
    for row in rows:
        by_cause[row.fingerprint].append(row)
    groups = [_group(members, viewer, now) for members in by_cause.values()]
    return sorted(groups, key=_rank)


def _rank(group: ProblemGroup) -> tuple[int, float]:
    return (-group.site_count, -group.last_at.timestamp())


def _group(members: Sequence[Problem], viewer: Viewer, now: datetime) -> ProblemGroup:
    newest = members[0]
    topics = list(dict.fromkeys(topic for row in members for topic in row.topics))
    sums = [sum(hours) for hours in zip(*(trend(row.hours, now) for row in members), strict=True)]
    allowed = [row for row in members if viewer.may(Action.ATTEND, row.site_id)]
    return ProblemGroup(
        newest=newest,
        word=_word(newest),
        tone=TONES[ProblemKind(newest.kind)],
        sites=sorted(members, key=_site_name)[:MOST_SITES],
        site_count=len(members),
        count=sum(row.count for row in members),
        first_at=min(row.first_at for row in members),
        last_at=max(row.last_at for row in members),
        topics=topics[:MOST_TOPICS],
        lines=points([float(hour) for hour in sums]),
        ids=",".join(str(row.pk) for row in allowed),
    )


def _site_name(problem: Problem) -> str:
    return problem.site.name


def _word(problem: Problem) -> str:
    if problem.kind == ProblemKind.LINK:
        return f"{problem.detail}: {CLASSES.get(problem.error_type, problem.error_type)}"
    if problem.kind == ProblemKind.PARSING:
        return f"{problem.detail or 'no parser'}: {problem.error_type}"
    return "certificate"
