"""sites/{id}/topic-rules/, and what rules do to topics that exist."""

from typing import Any

import pytest

from mqtt_app.models import AuditEntry, DiscoveredTopic, MqttConnection, Site, TopicRule
from tests.integration.api.client import Caller, connected_site, superuser
from tests.narrowing import present

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> Caller:
    return Caller(superuser())


@pytest.fixture
def site() -> Site:
    return connected_site()


@pytest.fixture
def path(site: Site) -> str:
    return f"sites/{site.pk}/topic-rules/"


def make(root: Caller, path: str, **values: Any) -> dict[str, Any]:
    answer = root.call("POST", path, values)
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def seen(site: Site, *names: str, **values: Any) -> None:
    connection = MqttConnection.objects.get(site=site)
    DiscoveredTopic.objects.bulk_create(
        DiscoveredTopic(
            connection=connection,
            topic=name,
            **{"is_active": False, "is_processable": True, "parser_name": "json", **values},
        )
        for name in names
    )


def topic(name: str) -> DiscoveredTopic:
    return DiscoveredTopic.objects.get(topic=name)


def order(root: Caller, path: str) -> list[tuple[int, str]]:
    return [(row["position"], row["filter"]) for row in root.get(path)["results"]]


def test_rules_are_made_read_changed_moved_and_removed(root: Caller, path: str) -> None:
    made = make(root, path, filter="hall/#", is_active=True, parser="json", note="The hall")
    assert made["position"] == 1
    assert (made["ignore"], made["retired"], made["forbidden_parsers"]) == (False, False, [])
    last = make(root, path, filter="#", ignore=True)
    make(root, path, filter="hall/secret/#", is_active=False, position=1)
    assert order(root, path) == [(1, "hall/secret/#"), (2, "hall/#"), (3, "#")]
    moved = root.call("PATCH", f"{path}{last['id']}/", {"position": 1})
    assert moved.json()["position"] == 1
    assert order(root, path) == [(1, "#"), (2, "hall/secret/#"), (3, "hall/#")]
    root.call("PATCH", f"{path}{last['id']}/", {"position": 99})
    assert order(root, path) == [(1, "hall/secret/#"), (2, "hall/#"), (3, "#")]
    assert root.call("DELETE", f"{path}{made['id']}/").status_code == 204
    assert order(root, path) == [(1, "hall/secret/#"), (2, "#")]


@pytest.mark.parametrize("bad", ["a/#/b", "a#", "", "$share/g/a", "a\u0000", None])
def test_a_filter_that_is_none_is_400_under_its_field(
    bad: str | None, root: Caller, path: str
) -> None:
    answer = root.call("POST", path, {"filter": bad})
    assert (answer.status_code, list(answer.json())) == (400, ["filter"])


@pytest.mark.parametrize("field", ["parser", "forbidden_parsers"])
def test_a_parser_that_is_not_installed_is_400_and_names_those_that_are(
    field: str, root: Caller, path: str
) -> None:
    value = "jsno" if field == "parser" else ["jsno"]
    answer = root.call("POST", path, {"filter": "a", field: value})
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert "json, " in str(answer.json())


def test_ten_thousand_topics_are_decided_in_one_request_and_previewed_before(
    root: Caller, site: Site, path: str
) -> None:
    seen(site, *(f"hall/{number}" for number in range(10_000)), "yard/1", "hall/off/1")
    make(root, path, filter="hall/off/+", ignore=True)
    make(root, path, filter="hall/#", is_active=True)
    before = root.get(f"{path}preview/")
    assert before["become_active"] == 10_000
    assert before["summary"] == [
        "10,000 topics would become active",
        "1 topic would become ignored",
    ]
    assert not DiscoveredTopic.objects.filter(is_active=True).exists()
    done = root.call("POST", f"{path}apply/").json()
    assert done["summary"] == ["10,000 topics became active", "1 topic became ignored"]
    assert DiscoveredTopic.objects.filter(is_active=True).count() == 10_000
    assert present(topic("hall/7").rule).filter == "hall/#"
    assert (topic("yard/1").is_active, topic("yard/1").rule) == (False, None)
    assert (topic("hall/off/1").is_active, topic("hall/off/1").is_ignored) == (False, True)
    assert root.call("POST", f"{path}apply/").json()["summary"] == ["no topic changed"]
    assert AuditEntry.objects.filter(action="applied rules to").count() == 1


def test_a_rule_can_be_tried_before_it_is_made_and_in_place_of_another(
    root: Caller, site: Site, path: str
) -> None:
    seen(site, "hall/1", "hall/2", "yard/1")
    first = make(root, path, filter="#", is_active=True)
    tried = root.get(f"{path}preview/?filter=hall/%2B&retired=true&position=1")
    assert (tried["become_retired"], tried["become_active"]) == (2, 1)
    instead = root.get(f"{path}preview/?filter=yard/%23&is_active=true&replaces={first['id']}")
    assert instead["summary"] == ["1 topic would become active"]
    assert TopicRule.objects.count() == 1
    answer = root.call("GET", f"{path}preview/?filter=a%23")
    assert (answer.status_code, list(answer.json())) == (400, ["filter"])


def test_a_rule_pins_and_forbids_parsers_and_the_flag_of_the_system_follows(
    root: Caller, site: Site, path: str
) -> None:
    seen(site, "a/1", is_processable=False, parser_name="")
    seen(site, "b/1")
    make(root, path, filter="a/#", parser="scalar")
    make(root, path, filter="b/#", forbidden_parsers=["json"])
    assert root.call("POST", f"{path}apply/").json()["change_parser"] == 2
    assert (topic("a/1").parser_name, topic("a/1").is_processable) == ("scalar", True)
    assert (topic("b/1").parser_name, topic("b/1").is_processable) == ("", False)
    assert topic("b/1").forbidden_parsers == ["json"]
    assert not topic("a/1").is_active


def test_what_a_person_decides_about_one_topic_stands_until_rules_are_applied_again(
    root: Caller, site: Site, path: str
) -> None:
    seen(site, "hall/1")
    make(root, path, filter="hall/#", is_active=True)
    root.call("POST", f"{path}apply/")
    one = f"sites/{site.pk}/discovered-topics/{topic('hall/1').pk}/"
    assert root.get(one)["rule"] == TopicRule.objects.get().pk
    answer = root.call("PATCH", one, {"is_active": False}).json()
    assert (answer["is_active"], answer["rule"]) == (False, None)
    root.call("POST", f"{path}apply/")
    assert root.get(one)["is_active"] is True


def test_a_rule_that_goes_leaves_what_it_decided(root: Caller, site: Site, path: str) -> None:
    seen(site, "hall/1")
    made = make(root, path, filter="hall/#", is_active=True)
    root.call("POST", f"{path}apply/")
    root.call("DELETE", f"{path}{made['id']}/")
    assert (topic("hall/1").is_active, topic("hall/1").rule) == (True, None)


def test_a_topics_parser_is_pinned_and_forbidden_by_hand(root: Caller, site: Site) -> None:
    seen(site, "a/1")
    one = f"sites/{site.pk}/discovered-topics/{topic('a/1').pk}/"
    pinned = root.call("PATCH", one, {"pinned_parser": "scalar"}).json()
    assert (pinned["parser_name"], pinned["is_processable"]) == ("scalar", True)
    freed = root.call("PATCH", one, {"pinned_parser": "", "forbidden_parsers": ["scalar"]}).json()
    assert (freed["parser_name"], freed["is_processable"]) == ("", False)
    assert root.call("PATCH", one, {"pinned_parser": "nothing"}).status_code == 400
    assert root.call("PATCH", one, {"parser_name": "json"}).status_code == 400


def test_the_fingerprint_counts_topics_by_family_with_confidence(root: Caller, site: Site) -> None:
    seen(site, "z/1", "z/2", parser_name="zigbee2mqtt", confidence=0.9)
    seen(site, "t/1", parser_name="tasmota", confidence=0.5)
    seen(site, "t/2", parser_name="tasmota", confidence=0.7, is_active=True)
    seen(site, "t/3", parser_name="tasmota", confidence=0.6)
    seen(site, "x/1", is_processable=False, parser_name="")
    seen(site, "gone/1", is_ignored=True, was_retained=True)
    found = root.get(f"sites/{site.pk}/fingerprint/")
    assert found["summary"] == "Tasmota 3, Zigbee2MQTT 2, opaque 1"
    tasmota = found["families"][0]
    assert (tasmota["parser"], tasmota["topics"], tasmota["active"]) == ("tasmota", 3, 1)
    assert tasmota["confidence"] == pytest.approx(0.6)
    assert tasmota["least_confidence"] == pytest.approx(0.5)
    assert found["families"][2]["confidence"] is None
    assert (found["topics"], found["ignored"], found["only_retained"]) == (7, 1, 1)
