"""Tests of connections by the API: asked, worked off, shown, and forgotten."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection as database
from django.utils import timezone

from mqtt_app.domain.probe.stages import STAGES
from mqtt_app.models import AuditEntry, Membership, MqttConnection, Operation, Site, SiteBooks
from mqtt_app.mqtt.probe.dialing import ProbeTools
from mqtt_app.services.probes import requests, run
from project.local.processes.ports import free_port
from tests.fakes.picky import PickyBroker
from tests.integration.api.client import Caller

pytestmark = pytest.mark.django_db
TEST = "connections/test/"
CANARY = "canary-of-a-test"


def ask(caller: Caller, path: str, body: Any = None) -> str:
    """The address of the operation."""
    answer = caller.call("POST", path, body)
    assert answer.status_code == 202, answer.content
    assert answer["Retry-After"] == "2"
    location = answer["Location"]
    assert location == f"/api/v1/mqtt/operations/{answer.json()['id']}/"
    return str(location)


def work(location: str, tools: ProbeTools) -> None:
    run.run(UUID(location.rstrip("/").rpartition("/")[2]), tools)


def settings(port: int, **values: Any) -> dict[str, Any]:
    return {"broker_host": "127.0.0.1", "broker_port": port, "password": CANARY} | values


def verdicts(shown: dict[str, Any]) -> dict[str, str]:
    return {entry["stage"]: entry["verdict"] for entry in shown["result"]["stages"]}


def test_settings_are_tested_and_nothing_is_saved(
    root: Caller, broker: PickyBroker, tools: ProbeTools
) -> None:
    location = ask(root, TEST, settings(broker.port, filters=["plant/#"]))
    waiting = root.get(location)
    assert (waiting["state"], waiting["kind"], waiting["retry_after"]) == ("pending", "test", 2)
    work(location, tools)
    shown = root.get(location)
    assert (shown["state"], shown["error"]) == ("succeeded", "")
    assert shown["progress"] == {"done": len(STAGES), "total": len(STAGES)}
    assert [entry["stage"] for entry in shown["result"]["stages"]] == list(STAGES)
    assert verdicts(shown)["subscribe"] == "ok"
    assert verdicts(shown)["row"] == "skipped"
    assert MqttConnection.objects.count() == 0


def test_the_settings_wait_encrypted_and_are_erased(
    root: Caller, broker: PickyBroker, tools: ProbeTools
) -> None:
    location = ask(root, TEST, settings(broker.port))
    assert CANARY in Operation.objects.get().sealed
    assert CANARY not in stored_text()
    work(location, tools)
    assert Operation.objects.get().sealed == ""
    assert "gAAAA" not in stored_text()
    assert CANARY not in json.dumps(root.get(location))
    assert CANARY not in str(list(AuditEntry.objects.values()))


def stored_text() -> str:
    """The rows of the table as PostgreSQL has them."""
    with database.cursor() as cursor:
        cursor.execute("SELECT o::text FROM mqtt_operation o")
        return str(cursor.fetchall())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "broker_host"),
        ({"broker_host": "a..b"}, "broker_host"),
        ({"broker_host": "b.example", "broker_port": 0}, "broker_port"),
        ({"broker_host": "b.example", "tls_client_key": "x"}, "tls_client_key"),
        ({"broker_host": "b.example", "filters": ["a/#/b"]}, "filters"),
        ({"broker_host": "b.example", "filters": ["a"] * 51}, "filters"),
    ],
)
def test_settings_are_validated_like_a_connection(
    root: Caller, body: dict[str, Any], field: str
) -> None:
    answer = root.call("POST", TEST, body)
    assert answer.status_code == 400
    assert field in answer.json()
    assert Operation.objects.count() == 0


def test_a_failed_stage_ends_the_test_with_its_sentence(root: Caller, tools: ProbeTools) -> None:
    location = ask(root, TEST, settings(free_port()))
    work(location, tools)
    shown = root.get(location)
    assert shown["state"] == "failed"
    assert shown["error"].startswith("Nothing listens at 127.0.0.1:")
    assert shown["error"].endswith("Check the port; is the broker running?")
    assert verdicts(shown)["tcp"] == "failed"
    assert set(list(verdicts(shown).values())[3:]) == {"skipped"}


def test_no_test_reaches_where_no_link_may(root: Caller, guarded: ProbeTools) -> None:
    location = ask(root, TEST, settings(free_port()))
    work(location, guarded)
    shown = root.get(location)
    assert "127.0.0.1 is a loopback address" in shown["error"]


def test_explain_adds_what_the_running_link_knows(
    root: Caller, site: Site, tools: ProbeTools
) -> None:
    SiteBooks.objects.create(site=site, received=3, stored=3, readings=7)
    location = ask(root, f"sites/{site.pk}/explain/")
    work(location, tools)
    shown = root.get(location)
    assert shown["state"] == "succeeded", shown
    text = json.dumps(shown)
    assert "has matched no message yet" in text
    assert "7 readings are stored." in text
    assert "canary-stored" not in text
    assert shown["site"] == site.pk


def test_explain_says_what_a_person_switched_off(
    root: Caller, site: Site, tools: ProbeTools
) -> None:
    Site.objects.update(is_active=False)
    location = ask(root, f"sites/{site.pk}/explain/")
    work(location, tools)
    assert (
        root.get(location)["error"]
        == "The site is switched off. Switch it on: its is_active is false."
    )


def test_the_test_has_a_client_id_of_its_own(
    root: Caller, site: Site, broker: PickyBroker, tools: ProbeTools
) -> None:
    MqttConnection.objects.update(client_id="the-running-link")
    work(ask(root, f"sites/{site.pk}/explain/"), tools)
    stages = Operation.objects.get().result["stages"]
    (said,) = [entry for entry in stages[0]["evidence"] if entry.startswith("client id of")]
    assert "the-running-link" not in said
    assert len(said.rpartition(" ")[2]) <= 23


def test_members_read_the_class_and_no_details(
    site: Site, member: Caller, tools: ProbeTools
) -> None:
    Membership.objects.update(role="operator")
    port = free_port()
    MqttConnection.objects.update(broker_port=port)
    location = ask(member, f"sites/{site.pk}/explain/")
    work(location, tools)
    shown = member.get(location)
    text = json.dumps(shown)
    assert shown["error"] == "The broker cannot be reached."
    assert [entry["stage"] for entry in shown["result"]["stages"]][:2] == ["settings", "connect"]
    assert shown["result"]["stages"][1]["error_class"] == "network"
    assert "refused" not in text
    assert "127.0.0.1" not in text


def test_members_of_a_working_link_read_what_came_of_it(
    site: Site, member: Caller, tools: ProbeTools
) -> None:
    Membership.objects.update(role="operator")
    location = ask(member, f"sites/{site.pk}/explain/")
    work(location, tools)
    shown = member.get(location)
    assert verdicts(shown)["connect"] == "ok"
    assert verdicts(shown)["subscribe"] == "ok"
    assert "tcp" not in verdicts(shown)
    assert "127.0.0.1" not in json.dumps(shown)


def test_only_a_few_tests_run_at_once(root: Caller, broker: PickyBroker) -> None:
    for _ in range(requests.PER_USER):
        ask(root, TEST, settings(broker.port))
    answer = root.call("POST", TEST, settings(broker.port))
    assert answer.status_code == 429
    assert "3 of your tests" in answer.json()["detail"]
    Operation.objects.update(user_id=None)
    for _ in range(requests.IN_ALL - requests.PER_USER):
        Operation.objects.create(kind="test")
    answer = root.call("POST", TEST, settings(broker.port))
    assert answer.status_code == 429
    assert "10 tests of connections" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("state", "words"), [("pending", "No worker took the test"), ("running", "ended before")]
)
def test_what_nobody_works_off_fails_with_words(
    root: Caller, broker: PickyBroker, state: str, words: str
) -> None:
    location = ask(root, TEST, settings(broker.port))
    Operation.objects.update(state=state)
    requests.end_abandoned(timezone.now() + timedelta(seconds=119))
    assert root.get(location)["state"] == state
    requests.end_abandoned(timezone.now() + timedelta(seconds=121))
    shown = root.get(location)
    assert shown["state"] == "failed"
    assert words in shown["error"]
    assert Operation.objects.get().sealed == ""


def test_a_test_is_worked_off_once(root: Caller, broker: PickyBroker, tools: ProbeTools) -> None:
    location = ask(root, TEST, settings(broker.port))
    work(location, tools)
    links = len(broker.links)
    work(location, tools)
    assert len(broker.links) == links


def test_a_broker_that_repeats_the_password_is_masked(root: Caller, tools: ProbeTools) -> None:
    reason = b"\x1f" + len(CANARY).to_bytes(2, "big") + CANARY.encode()
    broker = PickyBroker(properties=reason)
    try:
        location = ask(root, TEST, settings(broker.port))
        work(location, tools)
    finally:
        broker.stop()
    shown = json.dumps(root.get(location))
    assert CANARY not in shown
    assert "********" in shown


def test_nothing_is_asked_for_a_site_without_a_connection(root: Caller, site: Site) -> None:
    MqttConnection.objects.all().delete()
    assert root.call("POST", f"sites/{site.pk}/explain/").status_code == 404


def test_stored_secrets_stand_for_those_that_are_left_out(
    root: Caller, broker: PickyBroker, site: Site, tools: ProbeTools
) -> None:
    MqttConnection.objects.filter(site=site).update(broker_host="127.0.0.1", username="plant")
    row = MqttConnection.objects.get(site=site)
    row.password = CANARY
    row.save(update_fields=["password"])
    location = ask(root, TEST, {"site": site.pk, "keepalive": 30, "filters": ["plant/#"]})
    work(location, tools)
    shown = root.get(location)
    assert shown["state"] == "succeeded", shown
    evidence = shown["result"]["stages"][0]["evidence"]
    assert any("user name 'plant', a password" in line for line in evidence)
    assert CANARY not in json.dumps(shown)
    assert MqttConnection.objects.get(site=site).keepalive != 30


@pytest.mark.parametrize("change", [{"broker_port": 2}, {"broker_host": "other.example"}])
def test_a_stored_secret_goes_to_no_other_broker(
    root: Caller, site: Site, change: dict[str, Any]
) -> None:
    row = MqttConnection.objects.get(site=site)
    row.password = CANARY
    row.save(update_fields=["password"])
    answer = root.call("POST", TEST, {"site": site.pk} | change)
    assert answer.status_code == 400
    assert "Enter it again" in str(answer.json()["password"])
    assert root.call("POST", TEST, {"site": site.pk, "password": "new"} | change).status_code == 202


@pytest.mark.parametrize("number", [10**9, "x", -1])
def test_a_site_that_is_not_there_is_named(root: Caller, site: Site, number: object) -> None:
    answer = root.call("POST", TEST, {"site": number})
    assert answer.status_code == 400
    assert "site" in answer.json()


def test_only_who_may_write_a_connection_borrows_its_secrets(site: Site, member: Caller) -> None:
    Membership.objects.update(role="operator")
    other = Site.objects.create(name="Own")
    assert member.user is not None
    Membership.objects.create(site=other, user=member.user, role="manager")
    answer = member.call("POST", TEST, {"site": site.pk})
    assert answer.status_code == 400
    assert "that you may write" in str(answer.json()["site"])
