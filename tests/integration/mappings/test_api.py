"""sites/{id}/mappings/: made from samples, tried, activated."""

from typing import Any

import pytest

from mqtt_app.models import DiscoveredTopic, MqttConnection, Site, TopicSample
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from tests.answers import Answer
from tests.integration.api.client import Caller, connected_site, superuser
from tests.integration.ingest.test_store import NOW, batch, message
from tests.integration.mappings.definitions import DEFINITION, OTHER_DEFINITION

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(db: None) -> Site:
    PROCESS.forget()
    site = connected_site()
    MqttConnection.objects.update(generation=3)
    site.connection.refresh_from_db()
    return site


@pytest.fixture
def root(site: Site) -> Caller:
    return Caller(superuser())


def say(site: Site, *payloads: Any) -> None:
    for number, payload in enumerate(payloads):
        sent = message(site.connection, f"kilns/k{number}", payload)
        pipeline.store(batch(sent), NOW + number)


def post(root: Caller, site: Site, path: str, body: Any = None) -> Answer:
    return root.call("POST", f"sites/{site.pk}/mappings/{path}", body)


def made(root: Caller, site: Site, definition: Any = DEFINITION, name: str = "kiln") -> Any:
    answer = post(root, site, "", {"name": name, "definition": definition})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_mapping_is_proposed_from_samples_tried_made_and_activated(
    site: Site, root: Caller
) -> None:
    say(site, *({"q": {"temp_C": 900 + number}, "serial": f"KX-{number}"} for number in range(4)))
    proposed = post(root, site, "propose/", {"filter": "kilns/#"}).json()
    assert proposed["samples"] == 4
    definition = proposed["definition"]
    tried = post(root, site, "dry-run/", {"definition": definition}).json()
    assert tried["samples"] == tried["mapping"]["read"] == 4
    assert tried["mapping"]["failed"] == 0
    assert tried["shown"][0]["present"]["parser"] == "json"
    mapping = made(root, site, definition)
    assert (mapping["active_version"], mapping["latest_version"]) == (None, 1)
    assert mapping["parser_name"] == "mapping:kiln"
    done = post(root, site, f"{mapping['id']}/activate/")
    assert done.status_code == 200, done.content
    assert (done.json()["taken"], done.json()["active_version"]) == (4, 1)
    [listed] = root.get(f"sites/{site.pk}/mappings/")["results"]
    assert (listed["topics"], listed["active_version"]) == (4, 1)


def test_a_dry_run_shows_the_difference_to_the_present_parser(site: Site, root: Caller) -> None:
    say(site, {"q": {"t": 900}}, {"q": {"t": 901}}, {"other": 1}, b"\xff\x00")
    tried = post(root, site, "dry-run/", {"definition": DEFINITION}).json()
    assert (tried["samples"], tried["mapping"]["read"], tried["mapping"]["failed"]) == (4, 2, 2)
    assert tried["difference"]["only_mapping"] == 2
    assert sum(tried["failures"].values()) == 2
    assert "nothing is at any of the mapping's paths" in tried["failures"]
    assert not DiscoveredTopic.objects.filter(parser_name="mapping:kiln").exists()


def test_a_sample_that_was_cut_is_not_tried_and_that_is_counted(site: Site, root: Caller) -> None:
    say(site, {"q": {"t": 900}}, {"q": {"t": 1}, "pad": "x" * 20_000})
    tried = post(root, site, "dry-run/", {"definition": DEFINITION}).json()
    assert (tried["samples"], tried["cut"]) == (1, 1)


def test_without_samples_nothing_is_proposed_and_it_says_so(site: Site, root: Caller) -> None:
    proposed = post(root, site, "propose/", {"filter": "nothing/+"}).json()
    assert (proposed["samples"], proposed["definition"]) == (0, None)
    assert proposed["notes"]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"filter": "a/#/b"}, "filter", "must be the last level"),
        ({"device": {}}, "device", "which device"),
        ({"metrics": []}, "metrics", "at least one metric"),
        ({"metrics": [{"name": {"text": "t"}, "value": "a.[b"}]}, "metrics.0.value", ""),
        ({"metrics": [{"name": {"text": "t"}, "value": "[@,@][]"}]}, "metrics.0.value", ""),
        ({"device": {"text": "{nobody}"}}, "device.text", "No level of the filter is named nobody"),
        ({"colour": 1}, "", "colour"),
    ],
)
def test_what_cannot_be_used_is_refused_at_its_place(
    site: Site, root: Caller, change: dict[str, Any], field: str, words: str
) -> None:
    answer = post(root, site, "", {"name": "kiln", "definition": DEFINITION | change})
    assert answer.status_code == 400
    [place] = answer.json()["definition"].items()
    assert field in place[0]
    assert words in str(place[1])


def test_a_name_that_is_taken_or_odd_is_refused(site: Site, root: Caller) -> None:
    made(root, site)
    for name, words in [("kiln", "has a mapping of this name"), ("My Kiln", "small letters")]:
        answer = post(root, site, "", {"name": name, "definition": DEFINITION})
        assert answer.status_code == 400
        assert words in str(answer.json()["name"])


def test_a_put_adds_a_version_and_the_old_ones_stay(site: Site, root: Caller) -> None:
    mapping = made(root, site)
    address = f"sites/{site.pk}/mappings/{mapping['id']}/"
    body = {"definition": OTHER_DEFINITION, "note": "in tenths"}
    changed = root.call("PUT", address, body).json()
    assert (changed["latest_version"], changed["active_version"]) == (2, None)
    assert root.call("PUT", address, body).json()["latest_version"] == 2, "nothing changed"
    versions = root.get(address + "versions/")["results"]
    assert [(row["number"], row["note"], row["created_by"]) for row in versions] == [
        (2, "in tenths", "root"),
        (1, "", "root"),
    ]
    activated = post(root, site, f"{mapping['id']}/activate/", {"version": 1})
    assert activated.json()["active_version"] == 1
    missing = post(root, site, f"{mapping['id']}/activate/", {"version": 7})
    assert missing.status_code == 409


def test_what_one_site_exports_another_imports(site: Site, root: Caller) -> None:
    mapping = made(root, site)
    exported = root.get(f"sites/{site.pk}/mappings/{mapping['id']}/")
    other = connected_site("Other")
    imported = post(root, other, "", exported)
    assert imported.status_code == 201, imported.content
    assert imported.json()["definition"] == exported["definition"]


def test_topics_rules_and_replays_take_its_name_at_its_site_only(site: Site, root: Caller) -> None:
    made(root, site)
    other = connected_site("Other")
    rule = {"filter": "hall/#", "parser": "mapping:kiln"}
    assert root.call("POST", f"sites/{site.pk}/topic-rules/", rule).status_code == 201
    refused = root.call("POST", f"sites/{other.pk}/topic-rules/", rule)
    assert refused.status_code == 400
    assert "There is no parser 'mapping:kiln'" in str(refused.json()["parser"])
    preview = f"sites/{site.pk}/topic-rules/preview/?filter=a&parser=mapping:kiln"
    assert root.call("GET", preview).status_code == 200
    replay = {"all": True, "parser": "mapping:kiln", "dry_run": True}
    answer = root.call("POST", f"sites/{site.pk}/dead-letters/replay/", replay)
    assert "parser" not in answer.json()


def test_a_mapping_of_another_site_is_not_found(site: Site, root: Caller) -> None:
    mapping = made(root, site)
    other = connected_site("Other")
    for method, path in [
        ("GET", ""), ("GET", "versions/"), ("POST", "activate/"), ("DELETE", "")
    ]:  # fmt: skip
        address = f"sites/{other.pk}/mappings/{mapping['id']}/{path}"
        assert root.call(method, address).status_code == 404


def test_samples_of_another_site_are_never_tried(site: Site, root: Caller) -> None:
    say(site, {"q": {"t": 900}})
    other = connected_site("Other")
    assert TopicSample.objects.exists()
    tried = post(root, other, "dry-run/", {"definition": DEFINITION}).json()
    assert tried["samples"] == 0
