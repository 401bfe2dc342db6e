"""Who may see and change what."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from mqtt_app.models import Device, MqttConnectionLog, MqttParsingLog, Site
from tests.integration.api.client import PASSWORD, Caller
from tests.narrowing import present

READS = ("", "connection/", "topics/", "discovered-topics/", "status/", "devices/")
LISTS = ("sites/", "connection-logs/", "parsing-logs/")


@pytest.mark.parametrize("path", READS)
def test_a_member_reads_their_site_and_a_stranger_finds_nothing(
    path: str, site: Site, member: Caller, stranger: Caller, nobody: Caller
) -> None:
    answers = [
        caller.call("GET", f"sites/{site.pk}/{path}").status_code
        for caller in (member, stranger, nobody)
    ]
    assert answers == [200, 404, 401]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "sites/"),
        ("PATCH", "sites/{}/"),
        ("PUT", "sites/{}/"),
        ("DELETE", "sites/{}/"),
        ("PUT", "sites/{}/connection/"),
        ("PATCH", "sites/{}/connection/"),
        ("POST", "sites/{}/topics/"),
        ("PATCH", "sites/{}/discovered-topics/1/"),
    ],
)
def test_nobody_but_a_superuser_changes_anything(
    method: str, path: str, site: Site, member: Caller, nobody: Caller
) -> None:
    assert member.call(method, path.format(site.pk), {}).status_code == 403
    assert nobody.call(method, path.format(site.pk), {}).status_code == 401


@pytest.mark.parametrize("path", LISTS)
def test_lists_hold_only_what_their_reader_may_see(
    path: str, site: Site, member: Caller, stranger: Caller
) -> None:
    MqttConnectionLog.objects.create(connection=site.connection, level="INFO", message="up")
    MqttParsingLog.objects.create(
        site=site, topic="a", error_type="PARSE_ERROR", error_message="no"
    )
    assert len(member.get(path)["results"]) == 1
    assert site.pk not in [
        row.get("id") if path == "sites/" else row for row in stranger.get(path)["results"]
    ]


def test_a_foreign_device_and_its_readings_do_not_exist(
    site: Site, member: Caller, stranger: Caller
) -> None:
    device = Device.objects.create(site=site, identifier="boiler")
    for path in (f"devices/{device.pk}/", f"devices/{device.pk}/readings/"):
        assert (member.call("GET", path).status_code, stranger.call("GET", path).status_code) == (
            200,
            404,
        )
    assert member.call("PATCH", f"devices/{device.pk}/", {"name": "x"}).status_code == 403


def test_a_log_filter_by_a_foreign_site_says_that_there_is_none(
    site: Site, stranger: Caller
) -> None:
    assert stranger.call("GET", f"connection-logs/?site={site.pk}").status_code == 404
    assert stranger.call("GET", f"parsing-logs/?site={site.pk}").status_code == 404


def test_a_session_of_the_pages_works_too_but_writes_need_its_csrf_token(
    site: Site, root: Caller
) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.login(username="root", password=PASSWORD)
    assert browser.get("/api/v1/mqtt/sites/").status_code == 200
    refused = browser.post(f"/api/v1/mqtt/sites/{site.pk}/start/")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]


def test_login_gives_a_token_that_works_until_logout(
    nobody: Caller, site: Site, member: Caller
) -> None:
    answer = nobody.call(
        "POST", "/api/v1/auth/login/", {"username": "member", "password": PASSWORD}
    )
    assert answer.status_code == 200
    assert answer.json()["expiry"] is None
    caller = Caller()
    caller.client.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
    assert caller.call("GET", "sites/").status_code == 200
    assert caller.call("POST", "/api/v1/auth/logout/").status_code == 204
    assert caller.call("GET", "sites/").status_code == 401


def test_wrong_passwords_are_refused_clearly_and_after_five_not_even_looked_at(
    nobody: Caller, member: Caller
) -> None:
    tries = [
        nobody.call("POST", "/api/v1/auth/login/", {"username": "member", "password": "no"})
        for _ in range(7)
    ]
    assert [answer.status_code for answer in tries] == [401] * 5 + [429] * 2
    assert tries[0].json() == {"detail": "Wrong user name or password."}
    assert int(tries[-1].headers["Retry-After"]) <= 30


def test_logging_in_often_is_no_offence(nobody: Caller, member: Caller) -> None:
    body = {"username": "member", "password": PASSWORD}
    assert {nobody.call("POST", "/api/v1/auth/login/", body).status_code for _ in range(12)} == {
        200
    }


def test_someone_who_was_switched_off_cannot_log_in_or_use_a_token(
    nobody: Caller, member: Caller
) -> None:
    get_user_model().objects.filter(pk=present(member.user).pk).update(is_active=False)
    body = {"username": "member", "password": PASSWORD}
    assert nobody.call("POST", "/api/v1/auth/login/", body).status_code == 401
    assert member.call("GET", "sites/").status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"username": "member"}, {"username": ["x"], "password": 1}, [], "no json"]
)
def test_a_login_without_its_two_fields_is_400(
    body: dict[str, Any] | list[Any] | str, nobody: Caller, db: None
) -> None:
    assert nobody.call("POST", "/api/v1/auth/login/", body).status_code == 400
