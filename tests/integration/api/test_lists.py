"""Cursor paging, query strings, and what a page costs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from mqtt_app.models import (
    Device,
    DiscoveredTopic,
    Gateway,
    LatestReading,
    MqttConnectionLog,
    MqttParsingLog,
    MqttTopic,
    Reading,
    Site,
)
from tests.integration.api.client import Caller

START = datetime(2026, 11, 1, tzinfo=UTC)


def fill(site: Site, numbers: range) -> Device:
    """One more of everything for each number."""
    connection = site.connection
    for number in numbers:
        Site.objects.create(name=f"Site {number}")
        MqttTopic.objects.create(connection=connection, filter=f"f/{number}")
        DiscoveredTopic.objects.create(connection=connection, topic=f"t/{number}")
        gateway = Gateway.objects.create(site=site, identifier=f"g{number}")
        device = Device.objects.create(site=site, identifier=f"d{number}", gateway=gateway)
        MqttConnectionLog.objects.create(connection=connection, level="INFO", message=f"m{number}")
        MqttParsingLog.objects.create(
            site=site, topic="t", error_type="PARSE_ERROR", error_message=f"e{number}"
        )
    return device


def read(
    device: Device,
    count: int,
    *,
    step: timedelta = timedelta(seconds=1),
    metric: str = "temperature",
) -> None:
    Reading.objects.bulk_create(
        Reading(
            id=1_000_000 + n,
            device=device,
            metric=metric,
            value=n,
            time=START + n * step,
            received_at=START,
        )
        for n in range(count)
    )


LISTS = (
    "sites/",
    "sites/{0}/topics/",
    "sites/{0}/discovered-topics/",
    "sites/{0}/devices/",
    "connection-logs/?site={0}",
    "parsing-logs/?site={0}",
    "connection-logs/",
    "parsing-logs/",
    "devices/{1}/readings/",
)


@pytest.mark.parametrize("caller", ["root", "member"])
def test_a_page_of_fifty_rows_costs_as_many_queries_as_a_page_of_one(
    caller: str, site: Site, request: pytest.FixtureRequest
) -> None:
    reader: Caller = request.getfixturevalue(caller)
    device = fill(site, range(1))
    read(device, 1)
    paths = [path.format(site.pk, device.pk) for path in LISTS]
    before = [cost(reader, path) for path in paths]
    fill(site, range(1, 50))
    Reading.objects.all().delete()
    read(device, 50)
    assert [cost(reader, path) for path in paths] == before
    assert max(before) <= 6


def cost(caller: Caller, path: str) -> int:
    with CaptureQueriesContext(database) as queries:
        assert caller.get(path)["results"]
    return len(queries)


def test_a_device_with_many_metrics_costs_as_many_queries_as_one_with_few(
    root: Caller, site: Site
) -> None:
    device = fill(site, range(1))
    path = f"devices/{device.pk}/"
    costs = []
    for number in range(2):
        values = {"value": 1, "time": START, "received_at": START}
        LatestReading.objects.bulk_create(
            LatestReading(device=device, metric=f"m{number}-{n}", **values)
            for n in range(1 + 20 * number)
        )
        with CaptureQueriesContext(database) as queries:
            assert len(root.get(path)["latest"]) == 1 + 21 * number
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_following_next_shows_every_row_once_and_previous_leads_back(
    root: Caller, site: Site
) -> None:
    fill(site, range(7))
    page = root.get(f"sites/{site.pk}/devices/?page_size=3")
    first, seen = page, [row["identifier"] for row in page["results"]]
    while page["next"]:
        page = root.get(page["next"].removeprefix("http://testserver"))
        seen += [row["identifier"] for row in page["results"]]
    assert seen == [f"d{n}" for n in range(7)]
    back = root.get(page["previous"].removeprefix("http://testserver"))
    back = root.get(back["previous"].removeprefix("http://testserver"))
    assert back["results"] == first["results"]


def test_readings_of_one_moment_are_paged_without_loss(root: Caller, site: Site) -> None:
    device = fill(site, range(1))
    read(device, 1_200, step=timedelta(0))
    page = root.get(f"devices/{device.pk}/readings/?page_size=500")
    seen = [row["value"] for row in page["results"]]
    while page["next"]:
        page = root.get(page["next"].removeprefix("http://testserver"))
        seen += [row["value"] for row in page["results"]]
    assert sorted(seen) == list(range(1_200))


@pytest.mark.parametrize("size", ["0", "-1", "x", "", "1.5", "9" * 30, "%00"])
def test_a_page_size_that_is_none_is_400_and_named(size: str, root: Caller) -> None:
    answer = root.call("GET", f"sites/?page_size={size}")
    assert answer.status_code == 400
    assert list(answer.json()) == ["page_size"]


def test_more_than_five_hundred_rows_are_never_given_at_once(root: Caller, site: Site) -> None:
    device = fill(site, range(1))
    read(device, 501)
    assert len(root.get(f"devices/{device.pk}/readings/?page_size=1000")["results"]) == 500


@pytest.mark.parametrize("path", ["sites/", "connection-logs/", "parsing-logs/"])
@pytest.mark.parametrize(
    "cursor", ["x", "cD1hYmM=", "cD0lMDA=", "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk=", "%00", "bz0tMQ=="]
)
def test_a_made_up_cursor_is_an_error_of_the_caller(
    path: str, cursor: str, root: Caller, site: Site
) -> None:
    fill(site, range(1))
    assert root.call("GET", f"{path}?cursor={cursor}").status_code in {200, 400, 404}


def test_readings_are_newest_first_and_cut_by_metric_and_time(root: Caller, site: Site) -> None:
    device = fill(site, range(1))
    read(device, 5)
    Reading.objects.create(
        id=5, device=device, metric="on", boolean=True, time=START, received_at=START
    )
    path = f"devices/{device.pk}/readings/"
    assert [row["value"] for row in root.get(f"{path}?metric=temperature")["results"]] == [
        4,
        3,
        2,
        1,
        0,
    ]
    window = "?from=2026-11-01T00:00:01Z&to=2026-11-01T00:00:02%2B00:00&metric=temperature"
    assert [row["value"] for row in root.get(path + window)["results"]] == [2, 1]
    (on,) = root.get(f"{path}?metric=on")["results"]
    assert on["value"] is True
    assert {"metric", "value", "time", "received_at"} <= on.keys()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("to=2026-13-01", "to"),
        ("from=2026-01-02&to=2026-01-01", "to"),
        ("from=%00", "from"),
        ("metric=%00", "metric"),
        ("from=0001-01-01T00:00:00%2B14:00", "from"),
        ("to=99999-01-01", "to"),
        ("from=1e400", "from"),
        ("metric=" + "m" * 300, "metric"),
    ],
)
def test_a_bad_question_about_readings_is_400_under_its_name(
    query: str, field: str, root: Caller, site: Site
) -> None:
    device = fill(site, range(1))
    answer = root.call("GET", f"devices/{device.pk}/readings/?{query}")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_a_plus_that_was_not_escaped_is_understood(root: Caller, site: Site) -> None:
    device = fill(site, range(1))
    assert (
        root.get(f"devices/{device.pk}/readings/?from=2026-01-01T00:00:00+01:00")["results"] == []
    )


def test_logs_are_cut_by_level_type_time_and_text(root: Caller, site: Site) -> None:
    fill(site, range(3))
    MqttConnectionLog.objects.create(
        connection=site.connection, level="ERROR", message="Refused by the broker"
    )
    assert len(root.get("connection-logs/?level=ERROR&search=refused")["results"]) == 1
    assert root.get("connection-logs/?from=2100-01-01")["results"] == []
    assert len(root.get("parsing-logs/?error_type=PARSE_ERROR&search=e1")["results"]) == 1
    assert root.get("parsing-logs/?error_type=DB_ERROR")["results"] == []


@pytest.mark.parametrize(
    "query", ["level=LOUD", "site=x", "site=0", "site=99999999999999999999", "search=%00"]
)
def test_a_bad_question_about_logs_is_400_under_its_name(
    query: str, root: Caller, site: Site
) -> None:
    answer = root.call("GET", f"connection-logs/?{query}")
    assert answer.status_code == 400
    assert list(answer.json()) == [query.split("=", maxsplit=1)[0]]


def test_a_log_row_is_exactly_the_models_fields(root: Caller, site: Site) -> None:
    fill(site, range(1))
    for path, model in (("connection-logs/", MqttConnectionLog), ("parsing-logs/", MqttParsingLog)):
        assert set(root.get(path)["results"][0]) == {field.name for field in model._meta.fields}
