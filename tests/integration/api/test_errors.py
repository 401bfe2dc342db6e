"""Whatever is sent, the answer is JSON that says what is wrong, and never a 500."""

import pytest

from mqtt_app.models import Device, Site
from tests.integration.api.client import Caller

HUGE = 10**30


@pytest.mark.parametrize(
    "path",
    [
        f"sites/{HUGE}/",
        f"sites/{HUGE}/status/",
        f"sites/{HUGE}/connection/",
        f"devices/{HUGE}/",
        f"devices/{HUGE}/readings/",
        "sites/" + "9" * 5000 + "/",
        "sites/0/",
        "sites/-1/",
        "sites/abc/",
        "nothing/",
        "sites/%00/",
        f"sites/{2**63}/",
        "devices/1/readings/1/",
    ],
)
def test_an_address_that_leads_nowhere_is_404_in_json(path: str, root: Caller) -> None:
    answer = root.call("GET", path)
    assert answer.status_code == 404
    assert answer.json()["detail"]


@pytest.mark.parametrize("kind", ["topics", "discovered-topics"])
def test_a_huge_topic_number_is_404(kind: str, root: Caller, site: Site) -> None:
    assert root.call("GET", f"sites/{site.pk}/{kind}/{HUGE}/").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        "{",
        b"\xff\xfe",
        "[]",
        '"text"',
        "1",
        "null",
        '{"name": NaN}',
        "[" * 50_000,
        '{"name": 1e999}',
    ],
)
def test_a_body_that_is_no_object_is_400(body: bytes | str, root: Caller, site: Site) -> None:
    for method, path in (
        ("POST", "sites/"),
        ("PATCH", "sites/{}/connection/"),
        ("POST", "sites/{}/topics/"),
    ):
        answer = root.call(method, path.format(site.pk), body)
        assert answer.status_code == 400
        assert answer.json()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a\u0000b"),
        ("name", "x" * 201),
        ("name", "\ud800"),
        ("name", None),
        ("name", "Plant"),
        ("is_active", "maybe"),
        ("silence_after", 0),
        ("silence_after", HUGE),
        ("retention_days", -1),
        ("dead_letter_days", 0),
        ("dead_letter_days", 367),
        ("max_topics", -5),
        ("max_devices", HUGE),
        ("is_active", None),
    ],
)
def test_a_bad_site_is_400_under_its_field(
    field: str, value: int | str | None, root: Caller, site: Site
) -> None:
    answer = root.call("POST", "sites/", {"name": "New", field: value})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


@pytest.mark.parametrize(
    ("field", "value"), [("silence_after", 0), ("silence_after", "x"), ("name", "a\u0000")]
)
def test_a_bad_device_change_is_400_under_its_field(
    field: str, value: int | str, root: Caller, site: Site
) -> None:
    device = Device.objects.create(site=site, identifier="d")
    answer = root.call("PATCH", f"devices/{device.pk}/", {field: value})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_a_device_gets_a_name_and_a_silence_limit_of_its_own(root: Caller, site: Site) -> None:
    device = Device.objects.create(site=site, identifier="d")
    answer = root.call(
        "PATCH", f"devices/{device.pk}/", {"name": "Boiler", "silence_after": 60, "identifier": "x"}
    )
    assert answer.status_code == 200
    device.refresh_from_db()
    assert (device.name, device.silence_after, device.identifier) == ("Boiler", 60, "d")
    assert {"id", "identifier", "name", "gateway", "status", "last_seen"} <= answer.json().keys()


def test_sites_are_made_changed_and_removed(root: Caller) -> None:
    made = root.call("POST", "sites/", {"name": "New"})
    assert made.status_code == 201
    path = f"sites/{made.json()['id']}/"
    assert root.call("PATCH", path, {"is_active": False}).json()["is_active"] is False
    assert root.call("PUT", path, {"name": "Newer"}).json()["name"] == "Newer"
    assert root.call("DELETE", path).status_code == 204
    assert not Site.objects.filter(name="Newer").exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "sites/{}/start/"), ("DELETE", "sites/{}/connection/"), ("POST", "sites/{}/status/")],
)
def test_a_method_that_is_not_offered_is_405(
    method: str, path: str, root: Caller, site: Site
) -> None:
    assert root.call(method, path.format(site.pk)).status_code == 405


def test_a_body_that_is_not_json_is_415(root: Caller) -> None:
    answer = root.client.post(
        "/api/v1/mqtt/sites/", "name=x", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 415


def test_a_forgotten_slash_is_sent_on_with_method_and_body(root: Caller) -> None:
    answer = root.call("POST", "sites?a=1", {"name": "New"})
    assert (answer.status_code, answer.headers["Location"]) == (308, "/api/v1/mqtt/sites/?a=1")
