"""Readings by buckets over the API: from sums, from single readings, and from both."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from mqtt_app.models import Device, MetricType, Reading, RollupProgress
from tests.integration.api.client import Caller, superuser
from tests.integration.rollups.helpers import NOON, device, metric, roll_up_all, store

pytestmark = pytest.mark.django_db(transaction=True)

DAY = "from=2026-03-01T00:00:00Z&to=2026-03-01T23:59:59Z"


@pytest.fixture
def root() -> Caller:
    return Caller(superuser())


def buckets(root: Caller, lamp: Device, query: str) -> list[dict[str, Any]]:
    page = root.get(f"devices/{lamp.pk}/readings/?{query}")
    assert (page["next"], page["previous"]) == (None, None)
    found: list[dict[str, Any]] = page["results"]
    return found


def test_single_readings_are_summed_up_in_buckets_of_minutes(root: Caller) -> None:
    lamp = device()
    for seconds, value in ((0, 1.0), (299, 4.0), (300, 10.0)):
        store(lamp, seconds, value)
    assert buckets(root, lamp, f"bucket=5m&agg=avg,min,max,sum,count,first,last&{DAY}") == [
        {
            "metric": "t",
            "time": "2026-03-01T12:05:00Z",
            "avg": 10.0,
            "min": 10.0,
            "max": 10.0,
            "sum": 10.0,
            "count": 1,
            "first": 10.0,
            "last": 10.0,
        },
        {
            "metric": "t",
            "time": "2026-03-01T12:00:00Z",
            "avg": 2.5,
            "min": 1.0,
            "max": 4.0,
            "sum": 5.0,
            "count": 2,
            "first": 1.0,
            "last": 4.0,
        },
    ]


@pytest.mark.parametrize("bucket", ["1h", "2h", "1d", "1w"])
def test_sums_say_what_single_readings_would(root: Caller, bucket: str) -> None:
    lamp = device()
    for number in range(60):
        store(lamp, number * 1_000, float(number % 7))
    query = f"bucket={bucket}&agg=avg,min,max,sum,count,first,last&{DAY}"
    before = buckets(root, lamp, query)
    roll_up_all()
    after = buckets(root, lamp, query)
    Reading.objects.all().delete()
    assert before == after == buckets(root, lamp, query) != []


def test_readings_that_are_not_summed_up_yet_are_there_and_none_is_twice(root: Caller) -> None:
    lamp = device()
    store(lamp, 0, 1.0)
    roll_up_all(NOON + timedelta(seconds=5))
    store(lamp, 60, 3.0)
    (bucket,) = buckets(root, lamp, f"bucket=1h&agg=count,sum&{DAY}")
    assert (bucket["count"], bucket["sum"]) == (2, 4.0)
    assert RollupProgress.objects.get().done_id


def test_booleans_show_their_share_and_texts_their_first_and_last(root: Caller) -> None:
    lamp = device()
    metric(lamp, "on", MetricType.BOOLEAN)
    for seconds, value in ((0, True), (10, False), (20, True), (30, True)):
        store(lamp, seconds, value, name="on")
    store(lamp, 0, "idle", name="state")
    store(lamp, 10, "busy", name="state")
    for _ in range(2):
        on, state = buckets(root, lamp, f"bucket=1h&agg=avg,count,first,last&{DAY}")
        assert (on["avg"], on["first"], on["last"]) == (0.75, True, True)
        assert (state["avg"], state["count"]) == (None, 2)
        assert (state["first"], state["last"]) == ("idle", "busy")
        roll_up_all()


def test_one_metric_is_picked_and_an_unknown_one_has_no_buckets(root: Caller) -> None:
    lamp = device()
    store(lamp, 0, 1.0)
    store(lamp, 0, 2.0, name="h")
    found = buckets(root, lamp, f"bucket=1h&metric=h&{DAY}")
    assert [(row["metric"], row["avg"]) for row in found] == [("h", 2.0)]
    assert list(found[0]) == ["metric", "time", "avg", "min", "max", "count"]
    assert buckets(root, lamp, f"bucket=1h&metric=none&{DAY}") == []


def test_another_devices_readings_are_not_in_it(root: Caller) -> None:
    lamp = device()
    other = device("dev-2", "Elsewhere")
    store(lamp, 0, 1.0)
    store(other, 0, 50.0)
    for _ in range(2):
        (bucket,) = buckets(root, lamp, f"bucket=1h&agg=max&{DAY}")
        assert bucket["max"] == 1.0
        roll_up_all()


def test_a_year_by_days_costs_a_fixed_number_of_queries(
    root: Caller, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    lamp = device()
    for number in range(30):
        store(lamp, number * 86_400, 1.0)
    roll_up_all()
    with django_assert_max_num_queries(6):
        found = buckets(root, lamp, "bucket=1d&from=2026-01-01&to=2026-12-31&agg=count")
    assert len(found) == 30


@pytest.mark.parametrize(
    ("query", "parameter", "words"),
    [
        ("bucket=5", "bucket", "5m, 1h, 7d"),
        ("bucket=1h&agg=median", "agg", "There are avg"),
        ("agg=avg", "agg", "together with `bucket`"),
        ("bucket=5m&from=2025-01-01&to=2026-01-01", "bucket", "bucket=1h"),
        ("bucket=1h&from=2026-01-02&to=2026-01-01", "to", "before"),
    ],
)
def test_what_cannot_be_asked_is_named(
    root: Caller, query: str, parameter: str, words: str
) -> None:
    lamp = device()
    answer = root.call("GET", f"devices/{lamp.pk}/readings/?{query}")
    assert answer.status_code == 400
    assert words in answer.json()[parameter][0]


def test_many_metrics_at_once_are_refused(root: Caller) -> None:
    lamp = device()
    for number in range(51):
        metric(lamp, f"m{number}")
    answer = root.call("GET", f"devices/{lamp.pk}/readings/?bucket=1h")
    assert answer.status_code == 400
    assert "name one" in answer.json()["metric"][0]
