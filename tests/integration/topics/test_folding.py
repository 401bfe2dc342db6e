"""Topics that never repeat share a row, and their messages are stored as others are."""

from uuid import uuid4

import pytest

from mqtt_app.models import AuditEntry, DiscoveredTopic, MqttConnection, Reading, Site, SiteBooks
from mqtt_app.services import topics
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.topic_rules import create_rule
from mqtt_app.services.upkeep import folding
from tests.integration.api.client import Caller, superuser
from tests.integration.ingest.flaky import moment
from tests.integration.ingest.test_store import NOW, batch, message

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(db: None) -> MqttConnection:
    PROCESS.forget()
    return connection("Lab")


def connection(name: str) -> MqttConnection:
    site = Site.objects.create(name=name)
    return MqttConnection.objects.create(
        site=site, broker_host="broker.example", generation=3, owner="mqtt-1"
    )


def jobs(number: int) -> list[str]:
    return [f"jobs/{uuid4()}/status" for _ in range(number)]


def send(link: MqttConnection, names: list[str], at: float = NOW) -> None:
    found = [message(link, name, {"progress": 3}, received_at=at) for name in names]
    pipeline.store(batch(*found), at)


def rows(link: MqttConnection) -> list[tuple[str, int | None, int]]:
    found = DiscoveredTopic.objects.filter(connection=link).order_by("topic")
    return list(found.values_list("topic", "member_count", "message_count"))


TEMPLATE = "jobs/{uuid}/status"


def test_a_few_dozen_become_one_row_with_the_number_of_members(
    link: MqttConnection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    neighbour = connection("Neighbour")
    first = jobs(31)
    send(link, first)
    send(neighbour, jobs(3))
    assert len(rows(link)) == 31
    send(link, [*first[:2], *jobs(2)], NOW + 1)
    assert rows(link) == [(TEMPLATE, 33, 35)]
    send(link, [*first[:5], *jobs(7), "hall/a"], NOW + 2)
    assert rows(link) == [("hall/a", None, 1), (TEMPLATE, 40, 47)]
    assert len(rows(neighbour)) == 3
    books = SiteBooks.objects.get(pk=link.site_id)
    assert (books.received, books.stored) == (48, 48)
    assert Reading.objects.filter(device__site=link.site).count() == 48
    assert caplog.text.count("never repeat") == 1


def test_all_at_once_and_again_is_one_row_too(link: MqttConnection) -> None:
    names = jobs(100)
    send(link, names)
    PROCESS.forget()
    send(link, [*names, *names[:3]], NOW + 1)
    assert rows(link) == [(TEMPLATE, 100, 203)]


def test_one_decision_is_for_all_members_and_single_decisions_stay(link: MqttConnection) -> None:
    Site.objects.update(new_topics_active=False)
    names = jobs(31)
    send(link, names)
    approved = DiscoveredTopic.objects.get(topic=names[0])
    topics.allow([approved.pk], active=True)
    send(link, jobs(5), NOW + 1)
    assert [row[0] for row in rows(link)] == sorted([names[0], TEMPLATE])
    template = DiscoveredTopic.objects.get(topic=TEMPLATE)
    assert (template.is_active, template.is_processable, template.member_count) == (False, True, 35)
    send(link, [names[0], names[1], *jobs(1)], NOW + 2)
    assert Reading.objects.count() == 1, "of the one that is approved"
    topics.allow([template.pk], active=True)
    send(link, [names[1], *jobs(1)], NOW + 3)
    assert Reading.objects.count() == 3


def test_a_rule_decides_about_the_template(link: MqttConnection) -> None:
    create_rule(link.site, {"filter": "jobs/+/status", "is_active": False})
    send(link, jobs(40))
    template = DiscoveredTopic.objects.get()
    assert (template.topic, template.is_active, template.rule_id is not None) == (
        TEMPLATE,
        False,
        True,
    )


def test_members_use_up_one_topic_of_the_quota(link: MqttConnection) -> None:
    Site.objects.update(max_topics=40)
    send(link, jobs(35))
    send(link, jobs(200), NOW + 1)
    send(link, ["hall/a"], NOW + 2)
    assert rows(link) == [("hall/a", None, 1), (TEMPLATE, 235, 235)]
    assert SiteBooks.objects.get().dropped == {}


def test_unfolded_topics_get_rows_of_their_own(link: MqttConnection) -> None:
    send(link, jobs(40))
    template = DiscoveredTopic.objects.get()
    topics.set_folding(template, is_folding=False)
    late = jobs(40)
    send(link, late, NOW + 1)
    assert [row[0] for row in rows(link)] == sorted([TEMPLATE, *late])
    topics.set_folding(template, is_folding=True)
    send(link, jobs(1), NOW + 2)
    assert DiscoveredTopic.objects.count() == 41


def test_members_that_come_back_are_things_and_are_unfolded_by_upkeep(
    link: MqttConnection,
) -> None:
    things = [f"devices/{uuid4()}/state" for _ in range(40)]
    send(link, things)
    passing = jobs(40)
    send(link, passing)
    send(link, things, NOW + 700)
    assert folding.unfold_things(moment(NOW + 1_100)) == 0
    assert folding.unfold_things(moment(NOW + 1_300)) == 1
    folds = dict(DiscoveredTopic.objects.values_list("topic", "is_folding"))
    assert folds == {"devices/{uuid}/state": False, TEMPLATE: True}
    send(link, things, NOW + 1_400)
    assert DiscoveredTopic.objects.count() == 42


def test_old_members_are_forgotten_and_stay_counted(link: MqttConnection) -> None:
    send(link, jobs(40))
    assert folding.forget_members(moment(NOW + 8 * 86_400)) == 40
    assert rows(link) == [(TEMPLATE, 40, 40)]


def test_the_api_shows_members_and_unfolds_templates_only(link: MqttConnection) -> None:
    send(link, [*jobs(40), "hall/a"])
    root = Caller(superuser())
    path = f"sites/{link.site_id}/discovered-topics/"
    found = {row["topic"]: row for row in root.get(path)["results"]}
    template = found[TEMPLATE]
    assert (template["is_folding"], template["member_count"]) == (True, 40)
    assert (found["hall/a"]["is_folding"], found["hall/a"]["member_count"]) == (False, None)
    changed = root.call("PATCH", f"{path}{template['id']}/", {"is_folding": False})
    assert (changed.status_code, changed.json()["is_folding"]) == (200, False)
    assert AuditEntry.objects.filter(action="changed").count() == 1
    refused = root.call("PATCH", f"{path}{found['hall/a']['id']}/", {"is_folding": True})
    assert "stands for others" in str(refused.json()["is_folding"])
    send(link, jobs(1), NOW + 1)
    assert DiscoveredTopic.objects.count() == 3


def test_an_unfolded_template_gives_its_flag_to_the_rows_of_its_members(
    link: MqttConnection,
) -> None:
    Site.objects.update(new_topics_active=False)
    send(link, jobs(40))
    template = DiscoveredTopic.objects.get()
    topics.allow([template.pk], active=True)
    topics.set_folding(template, is_folding=False)
    send(link, [*jobs(1), "hall/a"], NOW + 1)
    flags = DiscoveredTopic.objects.exclude(pk=template.pk).order_by("topic")
    assert list(flags.values_list("is_active", flat=True)) == [False, True]
