"""A mapping reads the topics of its filter as any parser does: new ones, known ones, in replays."""

import pytest

from mqtt_app.models import (
    DeadLetter,
    Device,
    DiscoveredTopic,
    MqttConnection,
    PayloadMapping,
    Reading,
    Site,
)
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.mappings import rows
from mqtt_app.services.replay import schedule
from mqtt_app.services.replay.batch import replay_next
from mqtt_app.services.topic_rules import create_rule
from tests.integration.ingest.test_store import NOW, batch, books, message
from tests.integration.mappings.definitions import DEFINITION, OTHER_DEFINITION

pytestmark = pytest.mark.django_db

KILN = {"q": {"t": 900}}


@pytest.fixture
def link(db: None) -> MqttConnection:
    PROCESS.forget()
    return connection("Lab")


def connection(name: str) -> MqttConnection:
    site = Site.objects.create(name=name)
    return MqttConnection.objects.create(
        site=site, broker_host="broker.example", generation=3, owner="mqtt-1"
    )


def say(link: MqttConnection, topic: str, payload: object = KILN, at: float = NOW) -> None:
    pipeline.store(batch(message(link, topic, payload, received_at=at)), at)


def kiln(link: MqttConnection) -> PayloadMapping:
    return rows.create(link.site, "kiln", DEFINITION)


def readers(link: MqttConnection) -> dict[str, str]:
    found = DiscoveredTopic.objects.filter(connection=link)
    return dict(found.values_list("topic", "parser_name"))


def metrics(link: MqttConnection) -> list[tuple[str, str, float | None]]:
    found = Reading.objects.filter(device__site=link.site).order_by("id")
    return list(found.values_list("device__identifier", "metric", "value"))


def test_nothing_is_read_before_it_is_activated(link: MqttConnection) -> None:
    kiln(link)
    say(link, "kilns/a")
    assert readers(link) == {"kilns/a": "json"}


def test_known_topics_are_taken_over_and_new_ones_recognised(link: MqttConnection) -> None:
    say(link, "kilns/a")
    say(link, "yard/a")
    done = rows.activate(kiln(link))
    assert (done.taken, done.freed) == (1, 0)
    say(link, "kilns/a", at=NOW + 1)
    say(link, "kilns/b", at=NOW + 2)
    assert readers(link) == {"kilns/a": "mapping:kiln", "kilns/b": "mapping:kiln", "yard/a": "json"}
    assert metrics(link)[-2:] == [("a", "t", 900.0), ("b", "t", 900.0)]
    assert books(link) == {"stored": 4}


def test_a_neighbour_site_keeps_its_parsers(link: MqttConnection) -> None:
    neighbour = connection("Neighbour")
    say(neighbour, "kilns/a")
    rows.activate(kiln(link))
    say(neighbour, "kilns/a", at=NOW + 1)
    say(neighbour, "kilns/b", at=NOW + 2)
    assert set(readers(neighbour).values()) == {"json"}


def test_what_nobody_could_read_is_read_from_the_next_message_on(link: MqttConnection) -> None:
    say(link, "kilns/a", b"\xc1\xff\x00 rubbish")
    assert readers(link) == {"kilns/a": ""}
    rows.activate(kiln(link))
    say(link, "kilns/a", at=NOW + 1)
    assert metrics(link) == [("a", "t", 900.0)]


def test_another_version_is_read_from_the_next_batch_on(link: MqttConnection) -> None:
    mapping = kiln(link)
    rows.activate(mapping)
    say(link, "kilns/a")
    rows.revise(mapping, OTHER_DEFINITION)
    say(link, "kilns/a", at=NOW + 1)
    rows.activate(mapping)
    say(link, "kilns/a", at=NOW + 2)
    assert metrics(link) == [("a", "t", 900.0), ("a", "t", 900.0), ("a", "heat", 90.0)]
    rows.activate(mapping, 1)
    say(link, "kilns/a", at=NOW + 3)
    assert metrics(link)[-1] == ("a", "t", 900.0)


def test_topics_that_a_new_version_does_not_select_are_recognised_anew(
    link: MqttConnection,
) -> None:
    mapping = kiln(link)
    rows.activate(mapping)
    say(link, "kilns/a")
    rows.revise(mapping, DEFINITION | {"filter": "ovens/{device}"})
    done = rows.activate(mapping)
    assert (done.taken, done.freed) == (0, 1)
    say(link, "kilns/a", at=NOW + 1)
    assert readers(link) == {"kilns/a": "json"}


def test_deactivated_or_deleted_it_reads_nothing(link: MqttConnection) -> None:
    mapping = kiln(link)
    rows.activate(mapping)
    say(link, "kilns/a")
    assert rows.deactivate(mapping).freed == 1
    say(link, "kilns/a", at=NOW + 1)
    assert readers(link) == {"kilns/a": "json"}
    rows.activate(mapping)
    rows.delete(mapping)
    say(link, "kilns/a", at=NOW + 2)
    assert readers(link) == {"kilns/a": "json"}


def test_topics_that_are_pinned_or_forbid_it_are_left_alone(link: MqttConnection) -> None:
    for name in ("kilns/pinned", "kilns/forbids", "kilns/free"):
        say(link, name)
    DiscoveredTopic.objects.filter(topic="kilns/pinned").update(pinned_parser="json")
    DiscoveredTopic.objects.filter(topic="kilns/forbids").update(forbidden_parsers=["mapping:kiln"])
    assert rows.activate(kiln(link)).taken == 1
    assert readers(link)["kilns/free"] == "mapping:kiln"


def test_a_message_that_it_cannot_read_fails_by_name_and_is_replayed_by_a_better_version(
    link: MqttConnection,
) -> None:
    mapping = kiln(link)
    rows.activate(mapping)
    say(link, "kilns/a")
    say(link, "kilns/a", {"x": "nothing of it"}, NOW + 1)
    letter = DeadLetter.objects.get()
    assert letter.parser_name == "mapping:kiln"
    better = [*DEFINITION["metrics"], {"name": {"text": "x"}, "value": "x", "type": "text"}]
    rows.revise(mapping, DEFINITION | {"metrics": better})
    rows.activate(mapping)
    schedule.replay([letter.pk])
    replay_next(NOW + 10)
    assert not DeadLetter.objects.exists()
    assert books(link)["stored"] == 2
    assert Reading.objects.get(metric="x").text == "nothing of it"


def test_a_rule_that_names_it_is_named_when_it_is_to_go(link: MqttConnection) -> None:
    mapping = kiln(link)
    rows.activate(mapping)
    create_rule(link.site, {"filter": "hall/+", "parser_name": "mapping:kiln"})
    with pytest.raises(rows.MappingRefusedError, match=r"The rule for hall/\+ names mapping:kiln"):
        rows.deactivate(mapping)


def test_a_definition_that_no_release_can_read_any_more_costs_its_own_topics_only(
    link: MqttConnection,
) -> None:
    mapping = kiln(link)
    rows.activate(mapping)
    say(link, "kilns/a")
    mapping.versions.update(definition={"version": 9})
    Site.objects.update(mappings_version=99)
    say(link, "kilns/a", at=NOW + 1)
    say(link, "yard/a", at=NOW + 2)
    assert books(link) == {"stored": 2, "failed": 1}


def test_devices_of_levels_are_separate_devices(link: MqttConnection) -> None:
    rows.activate(kiln(link))
    say(link, "kilns/a")
    say(link, "kilns/b", at=NOW + 1)
    assert set(Device.objects.values_list("identifier", flat=True)) == {"a", "b"}
