"""sites/{id}/samples/ and discovered-topics/{id}/samples/."""

import pytest

from mqtt_app.models import DiscoveredTopic, Site
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from tests.integration.api.client import Caller, connected_site, superuser
from tests.integration.ingest.test_store import NOW, batch, message

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(db: None) -> Site:
    PROCESS.forget()
    site = connected_site()
    site.connection.generation = 3
    site.connection.save()
    link = site.connection
    pipeline.store(batch(message(link, "hall/a", {"t": 1}), message(link, "odd", b"\xff\x00")), NOW)
    return site


@pytest.fixture
def root(site: Site) -> Caller:
    return Caller(superuser())


def test_a_sample_shows_its_payload_as_text_and_in_base64(site: Site, root: Caller) -> None:
    [found] = root.get(f"sites/{site.pk}/samples/?filter=hall/%23")["results"]
    assert found["topic"] == "hall/a"
    assert found["text"] == '{"t": 1}'
    assert found["base64"] == "eyJ0IjogMX0="
    assert (found["size"], found["is_cut"], found["qos"], found["retain"]) == (8, False, 1, False)


def test_bytes_that_are_no_text_have_none(site: Site, root: Caller) -> None:
    topic = DiscoveredTopic.objects.get(topic="odd")
    [found] = root.get(f"sites/{site.pk}/discovered-topics/{topic.pk}/samples/")["results"]
    assert (found["text"], found["base64"]) == (None, "/wA=")


def test_a_filter_that_is_none_is_named(site: Site, root: Caller) -> None:
    answer = root.call("GET", f"sites/{site.pk}/samples/?filter=a%23")
    assert answer.status_code == 400
    assert "must stand alone" in str(answer.json()["filter"])


def test_a_topic_of_another_site_is_not_found(site: Site, root: Caller) -> None:
    other = connected_site("Other")
    topic = DiscoveredTopic.objects.get(topic="odd")
    address = f"sites/{other.pk}/discovered-topics/{topic.pk}/samples/"
    assert root.call("GET", address).status_code == 404
