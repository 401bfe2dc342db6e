"""What a person may do to a device: name it, merge it, retire it, delete it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from mqtt_app.models import (
    DescribedDevice,
    Device,
    DeviceAlias,
    LatestReading,
    Metric,
    Reading,
    Site,
)
from tests.integration.api.client import Caller, connected_site, superuser

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def root() -> Caller:
    return Caller(superuser())


@pytest.fixture
def site() -> Site:
    return connected_site()


def device(site: Site, identifier: str, *readings: tuple[str, int, float], **values: Any) -> Device:
    """`readings`: (metric, seconds, value)."""
    made = Device.objects.create(site=site, identifier=identifier, **values)
    for metric, seconds, value in readings:
        moment = NOW + timedelta(seconds=seconds)
        Reading.objects.create(
            device=made, metric=metric, value=value, time=moment, received_at=moment
        )
    for metric in {reading[0] for reading in readings}:
        own = [reading for reading in readings if reading[0] == metric]
        times = [NOW + timedelta(seconds=reading[1]) for reading in own]
        LatestReading.objects.create(
            device=made,
            metric=metric,
            value=own[-1][2],
            time=times[-1],
            received_at=times[-1],
            count=len(own),
            first_time=times[0],
        )
        Metric.objects.create(device=made, name=metric, type="number", unit="°C")
    return made


def test_a_device_shows_what_it_is_and_its_metrics(root: Caller, site: Site) -> None:
    device(
        site,
        "z/lamp",
        ("temp", 0, 1.0),
        ("temp", 60, 2.0),
        manufacturer="Philips",
        model="LCT001",
        software="1.2",
        address="0017880100",
        clock_skew=3600.0,
    )
    (row,) = root.get(f"sites/{site.pk}/devices/")["results"]
    assert (row["manufacturer"], row["model"], row["software"]) == ("Philips", "LCT001", "1.2")
    assert (row["address"], row["clock_skew"], row["retired_at"]) == ("0017880100", 3600.0, None)
    assert row["metrics"] == [
        {
            "name": "temp",
            "title": "",
            "unit": "°C",
            "type": "number",
            "diagnostic": False,
            "count": 2,
            "first_time": "2026-03-01T12:00:00Z",
            "last_time": "2026-03-01T12:01:00Z",
        }
    ]


def test_a_list_of_devices_costs_the_same_however_many_there_are(
    root: Caller, site: Site, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    device(site, "a", ("temp", 0, 1.0))
    root.get(f"sites/{site.pk}/devices/")
    for number in range(20):
        device(site, f"b{number}", ("temp", 0, 1.0), ("hum", 0, 1.0))
    with django_assert_max_num_queries(6):
        root.get(f"sites/{site.pk}/devices/")


def test_a_merged_device_lives_on_in_the_other_with_all_its_readings(
    root: Caller, site: Site
) -> None:
    old = device(site, "z/old", ("temp", 0, 1.0), ("temp", 10, 2.0), ("hum", 0, 50.0))
    new = device(site, "z/new", ("temp", 20, 3.0))
    DeviceAlias.objects.create(site=site, identifier="z/older", device=old)
    answer = root.call("POST", f"devices/{old.pk}/merge/", {"into": new.pk})
    assert answer.status_code == 200, answer.content
    assert sorted(answer.json()["aliases"]) == ["z/old", "z/older"]
    assert not Device.objects.filter(pk=old.pk).exists()
    rows = root.get(f"devices/{new.pk}/readings/?metric=temp")["results"]
    assert [row["value"] for row in rows] == [3.0, 2.0, 1.0]
    metrics = {metric["name"]: metric for metric in answer.json()["metrics"]}
    assert (metrics["temp"]["count"], metrics["hum"]["count"]) == (3, 1)
    assert metrics["temp"]["first_time"] == "2026-03-01T12:00:00Z"
    assert {row["metric"]: row["value"] for row in answer.json()["latest"]} == {
        "temp": 3.0,
        "hum": 50.0,
    }


def test_the_newest_value_stays_whichever_way_devices_are_merged(root: Caller, site: Site) -> None:
    newer, older = device(site, "a", ("t", 20, 3.0)), device(site, "b", ("t", 0, 1.0))
    answer = root.call("POST", f"devices/{newer.pk}/merge/", {"into": older.pk})
    assert [row["value"] for row in answer.json()["latest"]] == [3.0]


def test_what_cannot_be_merged_is_400_and_says_why(root: Caller, site: Site) -> None:
    mine = device(site, "a", ("t", 0, 1.0))
    foreign = device(connected_site("Other"), "a")
    for into, said in ((mine.pk, "itself"), (foreign.pk, "two sites"), (2**40, "no device")):
        answer = root.call("POST", f"devices/{mine.pk}/merge/", {"into": into})
        assert (answer.status_code, list(answer.json())) == (400, ["into"])
        assert said in str(answer.json())
    assert Reading.objects.count() == 1


def test_a_retired_device_is_not_watched_and_comes_back_by_request(
    root: Caller, site: Site
) -> None:
    lamp = device(site, "lamp", status="online", due_at=NOW, last_seen=NOW)
    retired = root.call("POST", f"devices/{lamp.pk}/retire/").json()
    assert (retired["status"], retired["status_reason"]) == ("unknown", "retired")
    assert retired["retired_at"]
    lamp.refresh_from_db()
    assert lamp.due_at is None
    back = root.call("POST", f"devices/{lamp.pk}/unretire/").json()
    assert (back["status"], back["retired_at"], back["status_reason"]) == ("unknown", None, "")


def test_a_deleted_device_takes_its_readings_along(root: Caller, site: Site) -> None:
    lamp, other = device(site, "lamp", ("t", 0, 1.0)), device(site, "other", ("t", 0, 1.0))
    assert root.call("DELETE", f"devices/{lamp.pk}/").status_code == 204
    assert list(Reading.objects.values_list("device", flat=True)) == [other.pk]
    assert not Metric.objects.filter(device_id=lamp.pk).exists()


def test_a_name_that_is_taken_away_is_again_what_the_device_calls_itself(
    root: Caller, site: Site
) -> None:
    lamp = device(site, "lamp", name="Lamp of the bridge")
    DescribedDevice.objects.create(site=site, identifier="lamp", name="Lamp of the bridge")
    root.call("PATCH", f"devices/{lamp.pk}/", {"name": "Desk"})
    assert Device.objects.get(pk=lamp.pk).is_named_by_person
    answer = root.call("PATCH", f"devices/{lamp.pk}/", {"name": ""}).json()
    assert answer["name"] == "Lamp of the bridge"
    assert not Device.objects.get(pk=lamp.pk).is_named_by_person
