"""Operations of start/, stop/ and restart/: where they are found, how they end, who reads them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from mqtt_app.models import MqttConnection, Operation, Site
from mqtt_app.services.operations import settle
from mqtt_app.services.ownership.status import StatusWrite, write_statuses
from mqtt_app.services.upkeep import pruning
from tests.integration.api.client import Caller, connected_site


def ask(caller: Caller, site: Site, verb: str = "start") -> str:
    answer = caller.call("POST", f"sites/{site.pk}/{verb}/")
    assert answer.status_code == 202, answer.content
    assert answer["Retry-After"] == "2"
    return answer["Location"]


def report(site: Site, status: str, **values: Any) -> None:
    """As the owner of the link does."""
    now = timezone.now()
    rows = MqttConnection.objects.filter(site=site)
    rows.filter(owner="").update(
        owner="mqtt-2", owned_since=now, assigned_instance="mqtt-2", assigned_at=now
    )
    row = rows.get()
    with transaction.atomic():
        write_statuses([StatusWrite(row.pk, row.generation, status, **values)], timezone.now())


def test_the_location_of_a_start_follows_it_to_its_end(root: Caller, site: Site) -> None:
    location = ask(root, site)
    assert location.startswith("/api/v1/mqtt/operations/")
    first = root.get(location)
    assert (first["kind"], first["state"], first["site"]) == ("start", "pending", site.pk)
    assert (first["asked_by"].split()[0], first["retry_after"]) == ("root", 2)
    report(site, "connecting")
    assert root.get(location)["state"] == "running"
    report(site, "connected", connected_at=timezone.now())
    last = root.get(location)
    assert (last["state"], last["retry_after"]) == ("succeeded", None)
    assert last["progress"] == {"done": 1, "total": 1}
    events = [event["event"] for event in last["timeline"]]
    assert events == ["asked", "assigned", "connecting", "connected"]
    assert Operation.objects.get().state == "succeeded"


def test_an_end_is_stored_and_stays_when_the_link_goes_on(root: Caller, site: Site) -> None:
    location = ask(root, site)
    report(site, "error", error_class="credentials", error_message="Bad user name", retry_count=1)
    failed = root.get(location)
    assert (failed["state"], failed["error"]) == ("failed", "Bad user name")
    report(site, "connected", connected_at=timezone.now())
    assert root.get(location)["state"] == "failed"


def test_the_sweep_stores_an_end_that_no_status_showed(root: Caller, site: Site) -> None:
    location = ask(root, site)
    settle.sweep(timezone.now() + timedelta(minutes=9))
    assert Operation.objects.get().state == "pending"
    settle.sweep(timezone.now() + timedelta(minutes=11))
    assert Operation.objects.get().state == "failed"
    assert "within 10 minutes" in root.get(location)["error"]


def test_a_member_reads_the_failure_in_general_words(
    root: Caller, member: Caller, site: Site
) -> None:
    location = ask(root, site)
    report(site, "error", error_class="tls", error_message="10.1.2.3 speaks HTTP", retry_count=1)
    assert "10.1.2.3" not in member.get(location)["error"]
    assert member.get(location)["error"]


def test_a_stop_that_overtakes_a_start_supersedes_it(root: Caller, site: Site) -> None:
    started = ask(root, site)
    stopped = ask(root, site, "stop")
    overtaken = root.get(started)
    assert overtaken["state"] == "superseded"
    assert overtaken["timeline"][-1]["detail"].startswith("stop asked by root")
    assert root.get(stopped)["state"] == "succeeded"  # nobody held the link


def test_a_switch_that_changes_nothing_begins_nothing(root: Caller, site: Site) -> None:
    ask(root, site)
    assert "Location" not in root.call("POST", f"sites/{site.pk}/start/")
    assert Operation.objects.count() == 1


def test_restart_asks_for_a_new_link_with_the_same_settings(root: Caller) -> None:
    site = connected_site("On", is_active=True)
    report(site, "connected", connected_at=timezone.now() - timedelta(hours=1))
    before = MqttConnection.objects.get(site=site)
    location = ask(root, site, "restart")
    after = MqttConnection.objects.get(site=site)
    assert after.restarts == before.restarts + 1
    assert after.config_version > before.config_version
    assert root.get(location)["state"] == "running"
    report(site, "connecting")
    report(site, "connected", connected_at=timezone.now())
    assert root.get(location)["state"] == "succeeded"


def test_the_list_is_filtered_and_shows_no_foreign_site(
    root: Caller, member: Caller, stranger: Caller, site: Site
) -> None:
    ask(root, site)
    ask(root, site, "stop")
    assert [row["kind"] for row in member.get("operations/")["results"]] == ["stop", "start"]
    assert [row["kind"] for row in root.get("operations/?kind=start")["results"]] == ["start"]
    assert stranger.get("operations/")["results"] == []
    assert stranger.call("GET", f"operations/?site={site.pk}").status_code == 404
    assert root.call("GET", "operations/?state=sleeping").status_code == 400


@pytest.mark.parametrize(
    ("age", "left"), [(timedelta(days=6, hours=23), 1), (timedelta(days=7, minutes=1), 0)]
)
def test_operations_are_kept_for_a_week(
    root: Caller, site: Site, age: timedelta, left: int
) -> None:
    ask(root, site)
    now = timezone.now()
    Operation.objects.update(created_at=now - age)
    pruning.run(now)
    assert Operation.objects.count() == left
