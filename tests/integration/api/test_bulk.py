"""POST sites/bulk/: one wish for many links, worked off in batches."""

from typing import Any

import pytest

from mqtt_app.models import AuditEntry, MqttConnection, Operation, Site
from mqtt_app.services.operations import bulk
from tests.integration.api.client import Caller, connected_site


def ask(caller: Caller, status: int = 202, **body: Any) -> Any:
    answer = caller.call("POST", "sites/bulk/", body)
    assert answer.status_code == status, answer.content
    return answer


def work() -> int:
    """As the task does; gives the number of batches."""
    batches = 0
    while bulk.run_batch():
        batches += 1
    return batches


@pytest.fixture
def sites(db: None) -> list[Site]:
    return [connected_site(f"Plant {number}") for number in range(3)]


def test_a_bulk_start_is_one_operation_with_progress(
    root: Caller, sites: list[Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    answer = ask(root, action="start", ids=[site.pk for site in sites])
    location = answer["Location"]
    assert answer.json()["progress"] == {"done": 0, "total": 3}
    assert bulk.run_batch()
    halfway = root.get(location)
    assert (halfway["state"], halfway["progress"]) == ("running", {"done": 2, "total": 3})
    assert work() == 1
    ended = root.get(location)
    assert (ended["state"], ended["result"]["changed"]) == ("succeeded", 3)
    assert MqttConnection.objects.filter(is_active=True).count() == 3
    assert AuditEntry.objects.filter(action="started", user_name__contains="root").count() == 3


def test_a_site_without_a_connection_is_listed_and_the_others_are_switched(
    root: Caller, sites: list[Site]
) -> None:
    bare = Site.objects.create(name="Bare")
    location = ask(root, action="start", ids=[bare.pk, sites[0].pk])["Location"]
    work()
    ended = root.get(location)
    assert (ended["state"], ended["result"]["changed"], ended["result"]["failed"]) == (
        "failed",
        1,
        1,
    )
    assert [error["site"] for error in ended["result"]["errors"]] == [bare.pk]


def test_a_bulk_stop_supersedes_a_start_and_a_filter_chooses(
    root: Caller, sites: list[Site]
) -> None:
    started = root.call("POST", f"sites/{sites[0].pk}/start/")["Location"]
    answer = ask(root, action="stop", filter={"wanted": True})
    assert answer.json()["progress"]["total"] == 1
    work()
    assert root.get(started)["state"] == "superseded"
    assert not MqttConnection.objects.filter(is_active=True).exists()


def test_a_bulk_restart_asks_for_new_links(root: Caller, sites: list[Site]) -> None:
    ask(root, action="restart", filter={"search": "plant 1"})
    work()
    assert list(MqttConnection.objects.order_by("id").values_list("restarts", flat=True)) == [
        0,
        1,
        0,
    ]


def test_ten_thousand_sites_are_taken_and_one_more_is_not(root: Caller, sites: list[Site]) -> None:
    bulk_ids = list(range(1, 10_002))
    said = ask(root, 400, action="stop", ids=bulk_ids).json()
    assert "10,000" in said["ids"][0]
    named = ask(root, 400, action="stop", ids=bulk_ids[:-1]).json()
    assert named["ids"][0].startswith("There are no sites")
    assert Operation.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "stop"}, "non_field_errors"),
        ({"action": "stop", "ids": [1], "filter": {}}, "non_field_errors"),
        ({"action": "delete", "ids": [1]}, "action"),
        ({"action": "stop", "ids": []}, "ids"),
        ({"action": "stop", "ids": ["x"]}, "ids"),
        ({"action": "stop", "filter": {}, "sites": [1]}, "sites"),
        ({"action": "stop", "filter": {"nmae": "a"}}, "filter"),
        ({"action": "stop", "ids": [2**40]}, "ids"),
    ],
)
def test_a_wrong_body_names_its_field_and_begins_nothing(
    root: Caller, body: dict[str, Any], field: str
) -> None:
    assert field in ask(root, 400, **body).json()
    assert Operation.objects.count() == 0


def test_only_those_who_may_switch_may_do_so_in_bulk(member: Caller, site: Site) -> None:
    ask(member, 403, action="stop", ids=[site.pk])


def test_of_two_tasks_at_once_none_writes_twice(root: Caller, sites: list[Site]) -> None:
    ask(root, action="restart", ids=[site.pk for site in sites])
    assert work() == 1
    assert work() == 0
    assert set(MqttConnection.objects.values_list("restarts", flat=True)) == {1}
