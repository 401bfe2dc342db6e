"""Which buckets a chart is made of."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.readings.buckets import (
    MAX_BUCKETS,
    Aggregate,
    BucketError,
    BucketSource,
    aggregates_of,
    plan,
    seconds_of,
    source_of,
    start_of_bucket,
)

NOW = datetime(2026, 11, 27, 10, 17, 23, tzinfo=UTC)  # a Friday
moments = st.datetimes(
    min_value=datetime(1970, 1, 1),
    max_value=datetime(2200, 1, 1),
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("5m", 300),
        ("1h", 3_600),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("366d", 31_622_400),
    ],
)
def test_a_bucket_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "5", "0m", "-1h", "1.5h", "5 m", "5M", "1y", "367d", "9999999999s", "1h1m"]
)
def test_what_is_no_bucket_is_refused_by_name(text: str) -> None:
    with pytest.raises(BucketError) as refused:
        seconds_of(text)
    assert refused.value.parameter == "bucket"


@pytest.mark.parametrize(
    ("seconds", "source"),
    [
        (3_599, BucketSource.READINGS),
        (3_600, BucketSource.HOURS),
        (5_400, BucketSource.READINGS),
        (82_800, BucketSource.HOURS),
        (86_400, BucketSource.DAYS),
        (604_800, BucketSource.DAYS),
    ],
)
def test_the_coarsest_table_is_read_that_the_bucket_is_a_multiple_of(
    seconds: int, source: BucketSource
) -> None:
    assert source_of(seconds) is source


@pytest.mark.parametrize(
    ("bucket", "begin"),
    [
        ("5m", datetime(2026, 11, 27, 10, 15, tzinfo=UTC)),
        ("1h", datetime(2026, 11, 27, 10, tzinfo=UTC)),
        ("1d", datetime(2026, 11, 27, tzinfo=UTC)),
        ("1w", datetime(2026, 11, 23, tzinfo=UTC)),
    ],
)
def test_buckets_begin_where_utc_begins_hours_days_and_weeks(bucket: str, begin: datetime) -> None:
    assert start_of_bucket(NOW, seconds_of(bucket)) == begin


@given(moments, st.sampled_from(["1s", "7m", "1h", "5h", "1d", "13d"]))
def test_a_bucket_holds_its_moment_and_touches_the_next(moment: datetime, text: str) -> None:
    seconds = seconds_of(text)
    begin = start_of_bucket(moment, seconds)
    assert begin <= moment < begin + timedelta(seconds=seconds)
    assert start_of_bucket(begin - timedelta(microseconds=1), seconds) == begin - timedelta(
        seconds=seconds
    )


def test_buckets_are_whole_at_both_ends() -> None:
    made = plan("1h", NOW - timedelta(hours=2), NOW, NOW)
    assert (made.start.hour, made.end.hour) == (8, 11)


def test_an_end_at_a_bound_has_its_own_bucket() -> None:
    made = plan("1h", NOW.replace(minute=0, second=0), NOW.replace(minute=0, second=0), NOW)
    assert made.end - made.start == timedelta(hours=1)


def test_without_bounds_a_chart_ends_now_and_has_five_hundred_buckets() -> None:
    made = plan("1h", None, None, NOW)
    assert made.end == datetime(2026, 11, 27, 11, tzinfo=UTC)
    assert (made.end - made.start) / timedelta(hours=1) == 500


def test_without_bounds_single_readings_are_read_for_a_month_at_most() -> None:
    made = plan("90m", None, None, NOW)
    assert timedelta(days=31) <= made.end - made.start < timedelta(days=31, hours=2)


def test_more_buckets_than_an_answer_bears_are_refused_with_one_that_fits() -> None:
    with pytest.raises(BucketError, match=r"bucket=3h") as refused:
        plan("1h", NOW - timedelta(hours=MAX_BUCKETS + 3), NOW, NOW)
    assert refused.value.parameter == "bucket"
    plan("1h", NOW - timedelta(hours=MAX_BUCKETS - 1), NOW, NOW)


def test_a_year_of_minutes_is_refused_with_one_that_fits() -> None:
    with pytest.raises(BucketError, match=r"bucket=1h"):
        plan("59m", NOW - timedelta(days=365), NOW, NOW)
    plan("59m", NOW - timedelta(days=30), NOW, NOW)


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(["1s", "1m", "1h", "1d", "366d"]),
)
def test_any_two_moments_give_a_bounded_plan_or_a_sentence(
    start: datetime, end: datetime, text: str
) -> None:
    low = min(start, end)
    high = max(start, end)
    try:
        made = plan(text, low, high, NOW)
    except BucketError:
        with pytest.raises(BucketError, match="bucket="):
            plan(text, low, high, NOW)
        return
    assert made.start <= low
    assert made.end >= high
    assert (made.end - made.start).total_seconds() / made.seconds <= MAX_BUCKETS + 1


def test_aggregates_stand_in_the_order_in_which_they_are_asked_once_each() -> None:
    assert aggregates_of("max, avg,max") == (Aggregate.MAX, Aggregate.AVG)


@pytest.mark.parametrize("text", ["", "median", "avg,", "AVG"])
def test_an_aggregate_that_is_not_there_is_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(BucketError, match="avg, min, max, sum, count, first, last") as refused:
        aggregates_of(text)
    assert refused.value.parameter == "agg"
