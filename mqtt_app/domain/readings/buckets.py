"""Which buckets of time a chart is made of, and from which table each is read.

Buckets are aligned to Monday 2000-01-03T00:00Z, so that whole hours, days and weeks begin where UTC
begins them. Pure; raises BucketError with a sentence that says what to ask for instead.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

ORIGIN = datetime(2000, 1, 3, tzinfo=UTC)  # a Monday
HOUR = 3_600  # s
DAY = 86_400  # s
UNITS = {"s": 1, "m": 60, "h": HOUR, "d": DAY, "w": 7 * DAY}
LONGEST = 366 * DAY  # s
DEFAULT_BUCKETS = 500  # a chart as wide as a screen
MAX_BUCKETS = 10_000  # of each metric in one answer
MAX_RAW = timedelta(days=31)  # raw readings are read one by one: a year of seconds is 31 million
LARGEST_TERM = 1e290
"""A sum of finite numbers may overflow, which PostgreSQL refuses, for ever and for everyone: each
term is held within bounds that no count of readings can carry over the edge.
"""
_BUCKET = re.compile(r"([1-9][0-9]{0,8})([smhdw])")


class BucketError(ValueError):
    """`parameter`: the one that has to change. `str(error)`: what to ask for."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class Aggregate(StrEnum):
    """Of a bucket. Numbers only, but for `count`, `first` and `last`; a boolean counts as 0 or 1,
    so that its average is the share of time points at which it was true.
    """

    AVG = "avg"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"
    FIRST = "first"
    LAST = "last"


class BucketSource(StrEnum):
    """The table that is read."""

    READINGS = "readings"
    HOURS = "hours"
    DAYS = "days"


class BucketPlan(msgspec.Struct, frozen=True):
    """`seconds` of one bucket; `start` (inclusive) and `end` (exclusive) are bounds of buckets."""

    seconds: int
    start: datetime
    end: datetime
    source: BucketSource


def seconds_of(text: str) -> int:
    """`5m` -> 300."""
    found = _BUCKET.fullmatch(text)
    if not found:
        raise BucketError("bucket", "A number and a unit out of s, m, h, d and w: 5m, 1h, 7d.")
    seconds = int(found[1]) * UNITS[found[2]]
    if seconds > LONGEST:
        raise BucketError("bucket", "At most 366d.")
    return seconds


def aggregates_of(text: str) -> tuple[Aggregate, ...]:
    """`avg,min` -> both, in the order in which they stand."""
    names = dict.fromkeys(name.strip() for name in text.split(","))
    known = {str(aggregate) for aggregate in Aggregate}
    for name in names:
        if name not in known:
            allowed = ", ".join(Aggregate)
            raise BucketError("agg", f"There is no aggregate {name[:40]!r}. There are {allowed}.")
    return tuple(Aggregate(name) for name in names)


def plan(text: str, start: datetime | None, end: datetime | None, now: datetime) -> BucketPlan:
    """Every bucket that `start` to `end` touches is whole. Without `end` until now, without `start`
    as many buckets as a chart shows.
    """
    seconds = seconds_of(text)
    source = source_of(seconds)
    until = _end_of_bucket(end or now, seconds)
    if start is None:
        begin = _default_start(until, seconds, source)
    else:
        begin = start_of_bucket(start, seconds)
    made = BucketPlan(seconds, begin, until, source)
    _check(made)
    return made


def source_of(seconds: int) -> BucketSource:
    """The coarsest table that the bucket is a multiple of."""
    if seconds % DAY == 0:
        return BucketSource.DAYS
    if seconds % HOUR == 0:
        return BucketSource.HOURS
    return BucketSource.READINGS


def start_of_bucket(moment: datetime, seconds: int) -> datetime:
    # Whole seconds in integers: floats lose microseconds a few centuries away from the origin.
    passed = (moment - ORIGIN) // timedelta(seconds=1)
    try:
        return ORIGIN + timedelta(seconds=passed // seconds * seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _end_of_bucket(moment: datetime, seconds: int) -> datetime:
    try:
        return start_of_bucket(moment, seconds) + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _default_start(until: datetime, seconds: int, source: BucketSource) -> datetime:
    span = timedelta(seconds=DEFAULT_BUCKETS * seconds)
    if source is BucketSource.READINGS:
        span = min(span, MAX_RAW)
    try:
        return start_of_bucket(until - span, seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _check(made: BucketPlan) -> None:
    span = made.end - made.start
    # One bucket more: `from` and `to` are seldom bounds of buckets.
    if span > timedelta(seconds=(MAX_BUCKETS + 1) * made.seconds):
        raise BucketError(
            "bucket",
            f"That would be more than {MAX_BUCKETS} buckets. Take a shorter time, or"
            f" bucket={_fitting(span)}.",
        )
    if made.source is BucketSource.READINGS and span > MAX_RAW + timedelta(seconds=made.seconds):
        raise BucketError(
            "bucket",
            f"Buckets that are no whole hours are made of single readings, {MAX_RAW.days} days at"
            f" most. Take a shorter time, or bucket={_fitting(span)}.",
        )


def _fitting(span: timedelta) -> str:
    """A bucket of whole hours of which at most MAX_BUCKETS cover `span`."""
    for text in ("1h", "3h", "6h", "1d", "7d", "30d"):
        if seconds_of(text) * MAX_BUCKETS >= span.total_seconds():
            return text
    return "366d"
