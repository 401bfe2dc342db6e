"""sites/{id}/topics/ and discovered-topics/."""

import pytest
from django.utils import timezone

from mqtt_app.models import DiscoveredTopic, MqttConnection, MqttTopic, Site
from tests.integration.api.client import Caller


def version(site: Site) -> int:
    return MqttConnection.objects.get(site=site).config_version


def test_filters_are_made_read_changed_and_removed(root: Caller, site: Site) -> None:
    path = f"sites/{site.pk}/topics/"
    made = root.call("POST", path, {"filter": "hall/+/temperature", "qos": 0})
    assert made.status_code == 201
    assert made.json()["is_active"] is True
    one = f"{path}{made.json()['id']}/"
    assert root.get(one)["filter"] == "hall/+/temperature"
    assert root.call("PATCH", one, {"qos": 1}).json()["qos"] == 1
    assert root.call("PUT", one, {"filter": "hall/#"}).status_code == 200
    assert root.call("DELETE", one).status_code == 204
    assert root.call("GET", one).status_code == 404


@pytest.mark.parametrize(
    "bad", ["foo/#/baz", "a#", "a+/b", "", "a\u0000b", None, "x" * 70000, ["a"]]
)
def test_a_bad_filter_is_400_under_its_field(
    bad: list[str] | str | None, root: Caller, site: Site
) -> None:
    answer = root.call("POST", f"sites/{site.pk}/topics/", {"filter": bad})
    assert answer.status_code == 400
    assert list(answer.json()) == ["filter"]


@pytest.mark.parametrize("qos", [2, 3, -1, "x", None, 10**30])
def test_a_qos_that_is_not_offered_is_explained(
    qos: int | str | None, root: Caller, site: Site
) -> None:
    answer = root.call("POST", f"sites/{site.pk}/topics/", {"filter": "new/#", "qos": qos})
    assert answer.status_code == 400
    assert list(answer.json()) == ["qos"]
    assert qos != 2 or "lost" in answer.json()["qos"][0]


def test_a_filter_twice_is_400_also_by_a_change(root: Caller, site: Site) -> None:
    path = f"sites/{site.pk}/topics/"
    assert root.call("POST", path, {"filter": "plant/#"}).status_code == 400
    other = root.call("POST", path, {"filter": "other/#"}).json()["id"]
    assert root.call("PATCH", f"{path}{other}/", {"filter": "plant/#"}).json().keys() == {"filter"}
    assert root.call("PATCH", f"{path}{other}/", {"filter": "other/#"}).status_code == 200


def test_the_link_notices_changes_of_active_filters_only(root: Caller, site: Site) -> None:
    path = f"sites/{site.pk}/topics/"
    seen = [version(site)]
    number = root.call("POST", path, {"filter": "idle/#", "is_active": False}).json()["id"]
    root.call("PATCH", f"{path}{number}/", {"qos": 0})
    assert version(site) == seen[0]
    root.call("PATCH", f"{path}{number}/", {"is_active": True})
    root.call("PATCH", f"{path}{number}/", {"is_active": True})
    assert version(site) == seen[0] + 1
    root.call("DELETE", f"{path}{number}/")
    assert version(site) == seen[0] + 2


def test_a_changed_filter_forgets_what_the_broker_granted(root: Caller, site: Site) -> None:
    MqttTopic.objects.update(granted_qos=1, granted_at=timezone.now())
    topic = MqttTopic.objects.get()
    answer = root.call("PATCH", f"sites/{site.pk}/topics/{topic.pk}/", {"filter": "plant/+"})
    assert answer.json()["granted_qos"] is None


def test_filters_that_are_wanted_no_longer_are_remembered_for_whoever_owns_the_link_next(
    root: Caller, site: Site
) -> None:
    topic = MqttTopic.objects.get(connection__site=site)
    path = f"sites/{site.pk}/topics/{topic.pk}/"

    def obsolete() -> list[str]:
        return MqttConnection.objects.get(site=site).obsolete_filters

    first = topic.filter
    root.call("PATCH", path, {"qos": 0})
    assert obsolete() == []
    root.call("PATCH", path, {"filter": "plant/+"})
    assert obsolete() == [first]
    root.call("PATCH", path, {"is_active": False})
    assert obsolete() == [first, "plant/+"]
    root.call("PATCH", path, {"is_active": True})
    root.call("DELETE", path)
    assert obsolete() == [first, "plant/+", "plant/+"]


def test_a_topic_of_another_site_is_not_found(root: Caller, site: Site, stranger: Caller) -> None:
    other = Site.objects.exclude(pk=site.pk).get()
    topic = MqttTopic.objects.get(connection__site=other)
    assert root.call("PATCH", f"sites/{site.pk}/topics/{topic.pk}/", {"qos": 0}).status_code == 404


def test_the_operators_flag_of_a_discovered_topic_is_all_that_changes(
    root: Caller, site: Site
) -> None:
    topic = DiscoveredTopic.objects.create(
        connection=site.connection, topic="plant/a", is_processable=True
    )
    path = f"sites/{site.pk}/discovered-topics/"
    assert [row["topic"] for row in root.get(path)["results"]] == ["plant/a"]
    answer = root.call(
        "PATCH", f"{path}{topic.pk}/", {"is_active": False, "is_processable": False, "topic": "x"}
    )
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["is_active"], shown["is_processable"], shown["topic"]) == (False, True, "plant/a")
    assert root.call("PATCH", f"{path}{topic.pk}/", {}).json().keys() == {"is_active"}
    assert root.call("DELETE", f"{path}{topic.pk}/").status_code == 405
    assert root.call("POST", path, {"topic": "x"}).status_code == 405


def test_discovered_topics_can_be_narrowed_to_those_that_wait(root: Caller, site: Site) -> None:
    for number, active in enumerate((True, False)):
        DiscoveredTopic.objects.create(
            connection=site.connection, topic=f"t{number}", is_active=active
        )
    found = root.get(f"sites/{site.pk}/discovered-topics/?is_active=false")["results"]
    assert [row["topic"] for row in found] == ["t1"]
