"""POST sites/{id}/start/ and stop/."""

import threading
from typing import Any

import pytest
from django.db import connection as database

from mqtt_app.models import MqttConnection, Site
from tests.integration.api.client import Caller, connected_site, superuser


def test_start_answers_202_with_the_old_status_and_exactly_the_agreed_fields(
    root: Caller, site: Site
) -> None:
    answer = root.call("POST", f"sites/{site.pk}/start/")
    assert answer.status_code == 202
    assert answer.json() == {
        "success": True,
        "message": "MQTT connection for site Plant will start within 30 seconds...",
        "connection": {
            "site_id": site.pk,
            "site_name": "Plant",
            "status": "disconnected",
            "is_active": True,
            "broker_host": "broker.example",
            "broker_port": 1883,
        },
    }


def test_starting_what_is_started_answers_200(root: Caller, site: Site) -> None:
    root.call("POST", f"sites/{site.pk}/start/")
    again = root.call("POST", f"sites/{site.pk}/start/")
    assert again.status_code == 200
    assert again.json()["success"] is True
    assert "already" in again.json()["message"]


def test_stop_answers_202_once_and_200_after_that(root: Caller) -> None:
    site = connected_site("On", is_active=True, status="connected")
    first, second = (root.call("POST", f"sites/{site.pk}/stop/") for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["connection"]["status"] == "connected"
    assert "stop within 30 seconds" in first.json()["message"]


def test_start_writes_the_wish_and_nothing_else(root: Caller, site: Site) -> None:
    before: dict[str, Any] = {**MqttConnection.objects.filter(site=site).values().get()}
    root.call("POST", f"sites/{site.pk}/start/")
    after: dict[str, Any] = {**MqttConnection.objects.filter(site=site).values().get()}
    assert {name for name in after if after[name] != before[name]} == {"is_active", "updated_at"}


def test_start_of_a_switched_off_site_says_that_nothing_will_connect_yet(
    root: Caller, site: Site
) -> None:
    Site.objects.update(is_active=False)
    answer = root.call("POST", f"sites/{site.pk}/start/")
    assert answer.status_code == 202
    assert "switched off" in answer.json()["message"]


@pytest.mark.parametrize("verb", ["start", "stop"])
def test_only_superusers_may_switch(
    verb: str, site: Site, member: Caller, stranger: Caller, nobody: Caller
) -> None:
    path = f"sites/{site.pk}/{verb}/"
    assert [caller.call("POST", path).status_code for caller in (member, stranger, nobody)] == [
        403,
        403,
        401,
    ]
    assert "WWW-Authenticate" in nobody.call("POST", path).headers
    assert not MqttConnection.objects.get(site=site).is_active


@pytest.mark.parametrize("verb", ["start", "stop"])
def test_a_site_that_is_not_there_or_has_no_connection_is_404_and_says_which(
    verb: str, root: Caller
) -> None:
    bare = Site.objects.create(name="Bare")
    missing, unconnected = (
        root.call("POST", f"sites/{number}/{verb}/") for number in (987654, bare.pk)
    )
    assert (missing.status_code, unconnected.status_code) == (404, 404)
    assert "no site 987654" in missing.json()["detail"]
    assert "no connection" in unconnected.json()["detail"]


@pytest.mark.django_db(transaction=True)
def test_of_two_starts_at_once_one_is_202_and_one_is_200() -> None:
    site, callers, codes = (
        connected_site("Race"),
        [Caller(superuser(name)) for name in ("one", "two")],
        [],
    )
    barrier = threading.Barrier(2)

    def start(caller: Caller) -> None:
        barrier.wait()
        codes.append(caller.call("POST", f"sites/{site.pk}/start/").status_code)
        database.close()

    threads = [threading.Thread(target=start, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(codes) == [200, 202]
