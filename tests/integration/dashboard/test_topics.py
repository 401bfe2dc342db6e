"""The pages of topics and mappings: the tree, samples, and who sees what."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from mqtt_app.dashboard.payloads import shown_samples
from mqtt_app.models import DiscoveredTopic, Membership, MqttConnection, Site, TopicSample
from mqtt_app.selectors.topic_tree import find_topics, level_below
from mqtt_app.services.mappings import rows
from tests.integration.mappings.definitions import DEFINITION

pytestmark = pytest.mark.django_db
NASTY = "<script>alert(1)</script>"


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


@pytest.fixture
def link() -> MqttConnection:
    site = Site.objects.create(name="Lab")
    return MqttConnection.objects.create(site=site, broker_host="broker.example")


def topic(
    link: MqttConnection, name: str, parser: str = "json", **values: object
) -> DiscoveredTopic:
    fields = {"is_processable": bool(parser), "parser_name": parser, "message_count": 2, **values}
    return DiscoveredTopic.objects.create(connection=link, topic=name, **fields)


def sample(row: DiscoveredTopic, payload: bytes, age: int = 0, **values: object) -> TopicSample:
    fields = {"size": len(payload), "qos": 1, "retain": False, "shape": 0, **values}
    return TopicSample.objects.create(
        site_id=row.connection.site_id,
        topic=row,
        name=row.topic,
        payload=payload,
        received_at=timezone.now() - timedelta(seconds=age),
        **fields,
    )


def test_a_level_has_its_nodes_with_all_that_is_below_them(link: MqttConnection) -> None:
    topic(link, "plant/a/temp")
    topic(link, "plant/a/hum", "", is_active=False)
    topic(link, "plant/b", was_retained=True)
    topic(link, "plant", "tasmota")
    topic(link, "plants/x")
    other = MqttConnection.objects.create(
        site=Site.objects.create(name="Other"), broker_host="broker.example"
    )
    topic(other, "plant/foreign")
    first = {node.name: node for node in level_below(link, "").nodes}
    assert set(first) == {"plant", "plants"}
    plant = first["plant"]
    assert (plant.topics, plant.active, plant.processable, plant.dead) == (4, 3, 3, 1)
    assert (plant.messages, plant.has_more) == (8, True)
    assert (plant.parser, plant.last_parser) == ("json", "tasmota")
    assert plant.topic_id == DiscoveredTopic.objects.get(topic="plant").pk
    below = {node.name: node.topics for node in level_below(link, "plant").nodes}
    assert below == {"a": 2, "b": 1}


def test_levels_that_are_empty_or_odd_are_levels_too(link: MqttConnection) -> None:
    for name in ("/lead", "a//b", "a/%_/c", "a/%x/c"):
        topic(link, name)
    assert {node.name for node in level_below(link, "").nodes} == {"", "a"}
    assert {node.name for node in level_below(link, "a").nodes} == {"", "%_", "%x"}
    assert [node.name for node in level_below(link, "a/%_").nodes] == ["c"]


def test_a_search_knows_filters_and_parts(link: MqttConnection) -> None:
    for name in ("hall/1/temp", "hall/2/temp", "hall/2/hum"):
        topic(link, name)
    assert find_topics(link, "hall/+/temp").total == 2
    assert find_topics(link, "HUM").total == 1
    assert "must stand alone" in find_topics(link, "hall#").error


def test_the_tree_leads_to_a_topic_with_its_samples(root: Client, link: MqttConnection) -> None:
    row = topic(link, "plant/a/temp")
    sample(row, b'{"t": 1, "u": "C"}', age=60)
    sample(row, b'{"t": 2, "u": "C"}', retain=True)
    page = root.get(f"/sites/{link.site_id}/topics/?prefix=plant/a").content.decode()
    assert f"/sites/{link.site_id}/topics/{row.pk}/" in page
    page = root.get(f"/sites/{link.site_id}/topics/{row.pk}/").content.decode()
    assert "<mark>  &quot;t&quot;: 2,</mark>" in page
    assert "<mark>  &quot;u&quot;" not in page
    assert "retained" in page
    assert "Map it" in page


def test_bytes_that_differ_from_the_sample_before_are_marked(link: MqttConnection) -> None:
    row = topic(link, "meter", "")
    samples = [sample(row, b"\x00\x10\xff\x07", 60), sample(row, b"\x00\x11\xff\x07\x08")]
    newest, first = shown_samples(samples[::-1])
    assert [(byte.text, byte.differs) for byte in newest.hex[0].bytes] == [
        ("00", False),
        ("11", True),
        ("ff", False),
        ("07", False),
        ("08", True),
    ]
    assert newest.text == [], "these bytes are no text"
    assert not any(byte.differs for byte in first.hex[0].bytes)


def test_what_strangers_publish_stays_text(root: Client, link: MqttConnection) -> None:
    row = topic(link, f"plant/{NASTY}", NASTY)
    sample(row, NASTY.encode())
    for address in (
        f"/sites/{link.site_id}/topics/?prefix=plant",
        f"/sites/{link.site_id}/topics/?q=plant",
        f"/sites/{link.site_id}/topics/?q={NASTY}",
        f"/sites/{link.site_id}/topics/{row.pk}/",
        f"/sites/{link.site_id}/mappings/new/?filter={NASTY}",
    ):
        assert NASTY not in root.get(address).content.decode(), address


def test_nothing_to_show_is_said(root: Client) -> None:
    site = Site.objects.create(name="Empty")
    assert "No topic was seen yet" in root.get(f"/sites/{site.pk}/topics/").content.decode()
    assert "There is none" in root.get(f"/sites/{site.pk}/mappings/").content.decode()


def test_a_level_costs_the_same_however_many_topics_it_has(
    root: Client, link: MqttConnection, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    address = f"/sites/{link.site_id}/topics/"
    topic(link, "a/b")
    root.get(address)
    with django_assert_num_queries(6):
        root.get(address)
    for number in range(50):
        topic(link, f"a{number}/b")
    with django_assert_num_queries(6):
        root.get(address)


def test_mappings_are_listed_with_what_reads(root: Client, link: MqttConnection) -> None:
    mapping = rows.create(link.site, "kiln", DEFINITION, "first try")
    page = root.get(f"/sites/{link.site_id}/mappings/").content.decode()
    assert "not active" in page
    assert "first try" in page
    rows.activate(mapping)
    assert "version 1 reads" in root.get(f"/sites/{link.site_id}/mappings/").content.decode()
    bench = root.get(f"/sites/{link.site_id}/mappings/{mapping.pk}/").content.decode()
    assert "Version 1 reads messages as" in bench


def test_a_viewer_gets_no_way_to_save(client: Client, link: MqttConnection) -> None:
    user = get_user_model().objects.create_user("viewer")
    Membership.objects.create(user=user, site=link.site, role="viewer")
    client.force_login(user)
    page = client.get(f"/sites/{link.site_id}/mappings/new/").content.decode()
    assert "data-save" not in page
    assert "Managers of this site save" in page


def test_topics_and_mappings_of_another_site_are_not_there(
    root: Client, link: MqttConnection
) -> None:
    row = topic(link, "plant/a")
    mapping = rows.create(link.site, "kiln", DEFINITION)
    other = Site.objects.create(name="Other")
    for path in (f"topics/{row.pk}/", f"mappings/{mapping.pk}/"):
        assert root.get(f"/sites/{other.pk}/{path}").status_code == 404


def test_a_topic_that_was_never_sampled_says_so(root: Client, link: MqttConnection) -> None:
    row = topic(link, "plant/a", message_count=0)
    page = root.get(f"/sites/{link.site_id}/topics/{row.pk}/").content.decode()
    assert "No sample yet" in page
