"""The pages of devices: who sees what, and what strangers' names may do there."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from mqtt_app.models import Device, LatestReading, Membership, Metric, Reading, Site

pytestmark = pytest.mark.django_db
NASTY = "<script>alert(1)</script>"


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


@pytest.fixture
def site() -> Site:
    return Site.objects.create(name="Lab")


def device(site: Site, identifier: str, **values: object) -> Device:
    made = Device.objects.create(site=site, identifier=identifier, **values)
    now = timezone.now()
    for hours, value in ((5, 20.0), (4, 21.0), (1, 22.5)):
        time = now - timedelta(hours=hours)
        Reading.objects.create(device=made, metric="temp", value=value, time=time, received_at=time)
    Metric.objects.create(device=made, name="temp", type="number", unit="°C")
    LatestReading.objects.create(
        device=made, metric="temp", value=22.5, time=now, received_at=now, count=3
    )
    return made


def test_a_device_shows_what_it_is_its_values_and_its_last_day(root: Client, site: Site) -> None:
    lamp = device(site, "z/lamp", name="Kitchen", manufacturer="Philips", model="LCT001")
    page = root.get(f"/devices/{lamp.pk}/").content.decode()
    assert "Kitchen" in page
    assert "Philips LCT001" in page
    assert "22.5 °C" in page
    assert page.count("<polyline") == 2  # with a gap of two hours
    assert 'value="temp"' in page


def test_a_device_without_a_reading_says_so(root: Client, site: Site) -> None:
    silent = Device.objects.create(site=site, identifier="quiet")
    page = root.get(f"/devices/{silent.pk}/").content.decode()
    assert "No reading has come yet" in page
    assert "Nothing to draw yet" in page


def test_names_of_strangers_stay_text(root: Client, site: Site) -> None:
    lamp = device(site, NASTY, manufacturer=NASTY, status_reason=NASTY)
    Metric.objects.create(device=lamp, name=NASTY, type="text", label=NASTY)
    for address in (f"/devices/{lamp.pk}/", "/devices/", f"/sites/{site.pk}/"):
        assert NASTY not in root.get(address).content.decode()


def test_a_foreign_device_is_not_there(client: Client, site: Site) -> None:
    lamp = device(site, "z/lamp")
    other = Site.objects.create(name="Elsewhere")
    user = get_user_model().objects.create_user("viewer")
    Membership.objects.create(user=user, site=other, role="viewer")
    client.force_login(user)
    assert client.get(f"/devices/{lamp.pk}/").status_code == 404
    assert "z/lamp" not in client.get("/devices/").content.decode()
    assert b"z/lamp" not in client.get("/devices.csv").content


def test_a_viewer_gets_no_settings(client: Client, site: Site) -> None:
    lamp = device(site, "z/lamp")
    user = get_user_model().objects.create_user("viewer")
    Membership.objects.create(user=user, site=site, role="viewer")
    client.force_login(user)
    assert "data-device=" not in client.get(f"/devices/{lamp.pk}/").content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"a/boiler", "b/meter", "c/old"}),
        ("?q=BOIL", {"a/boiler"}),
        ("?q=acme", {"b/meter"}),
        ("?q=lab", {"a/boiler", "b/meter", "c/old"}),
        ("?state=offline", {"b/meter"}),
        ("?state=silent", {"b/meter"}),
        ("?state=clock", {"a/boiler"}),
        ("?state=retired", {"c/old"}),
        ("?q=nothing", set()),
        ("?site=999999999999999999999999", {"a/boiler", "b/meter", "c/old"}),
        ("?state=nonsense&sort=nonsense&page=nonsense", {"a/boiler", "b/meter", "c/old"}),
    ],
)
def test_devices_are_searched_and_filtered(
    root: Client, site: Site, query: str, found: set[str]
) -> None:
    Device.objects.create(site=site, identifier="a/boiler", status="online", clock_skew=-3600.0)
    Device.objects.create(site=site, identifier="b/meter", status="offline", manufacturer="ACME")
    Device.objects.create(site=site, identifier="c/old", retired_at=timezone.now())
    page = root.get(f"/devices/{query}").content.decode()
    assert {name for name in ("a/boiler", "b/meter", "c/old") if name in page} == found
    if not found:
        assert "No device matches" in page


def test_devices_come_in_the_order_that_is_asked_for(root: Client, site: Site) -> None:
    now = timezone.now()
    Device.objects.create(site=site, identifier="one", last_seen=now - timedelta(hours=2))
    Device.objects.create(site=site, identifier="two", last_seen=now)
    Device.objects.create(site=site, identifier="three")
    order = {
        "seen": ["two", "one", "three"],
        "silent": ["three", "one", "two"],
        "name": ["one", "three", "two"],
    }
    for sort, names in order.items():
        page = root.get(f"/devices/?sort={sort}").content.decode()
        assert sorted(names, key=lambda name: page.index(f">{name}<")) == names


def test_the_csv_has_all_that_is_found_and_runs_nothing(root: Client, site: Site) -> None:
    Device.objects.create(site=site, identifier='=HYPERLINK("x")', name="+1", status="online")
    for number in range(60):
        Device.objects.create(site=site, identifier=f"d{number:02}", status="offline")
    answer = root.get("/devices.csv?sort=name")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert len(rows) == 61
    formula = next(row for row in rows if row["status"] == "online")
    assert (formula["identifier"], formula["name"]) == ('\'=HYPERLINK("x")', "'+1")
    assert formula["site"] == "Lab"
    filtered = root.get("/devices.csv?state=online")
    assert len(filtered.content.decode().splitlines()) == 2


def test_a_page_of_devices_costs_as_much_with_many_as_with_few(
    root: Client, site: Site, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        device(site, f"d{number}")
    with django_assert_max_num_queries(9):
        root.get("/devices/")


def test_an_installation_without_devices_says_how_they_come(root: Client) -> None:
    assert "No device has spoken yet" in root.get("/devices/").content.decode()
