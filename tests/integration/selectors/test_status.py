"""Rows of PostgreSQL and reports in Redis, side by side."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mqtt_app.api.serializers.status import SiteStatusSerializer
from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.evidence import EvidenceStore, LinkEvidence
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.dashboard.facets import cards
from mqtt_app.domain.health.vitals import Vitals
from mqtt_app.models import MqttConnection, MqttTopic, Site, SiteBooks, SiteRhythm
from mqtt_app.selectors.status import evidence
from mqtt_app.selectors.status.sites import site_status, statuses

LEASE = Lease(instance_id="mqtt-1", incarnation="i", capacity=10)


@pytest.fixture(autouse=True)
def _empty_redis() -> Iterator[None]:
    quick_client().flushdb()
    yield
    quick_client().flushdb()


def owned_site(name: str = "Plant", **values: Any) -> Site:
    """A site whose connection is up, by its row and by its owner's report."""
    site = Site.objects.create(name=name)
    row = MqttConnection.objects.create(
        site=site,
        broker_host="broker.example",
        **{"is_active": True, "owner": "mqtt-1", "generation": 3, "status": "connected", **values},
    )
    MqttConnection.objects.update(owned_since=timezone.now())
    MqttTopic.objects.create(connection=row, filter="a/#", granted_qos=1, granted_at=timezone.now())
    SiteBooks.objects.create(
        site=site, received=5, stored=3, dropped={"too_large": 2}, last_message_at=timezone.now()
    )
    return site


def report(*sites: Site, **values: Any) -> None:
    now = time.time()
    told: dict[str, Any] = {
        "generation": 3,
        "state": "up",
        "since": now,
        "at": now,
        "protocol": "5",
        "connected_since": now - 60,
    }
    told |= {
        "last_packet_at": now,
        "last_message_at": now,
        "rate": 2.5,
        "matched": {"a/#": now},
    } | values
    rows = MqttConnection.objects.filter(site__in=sites)
    items = [LinkEvidence(connection_id=row.pk, **told) for row in rows]
    EvidenceStore(quick_client(), 60).publish("mqtt-1", items)


def lease() -> None:
    assert LeaseStore(quick_client(), 15).acquire(LEASE)


@pytest.mark.django_db
def test_a_link_that_works_is_running_and_shows_its_evidence() -> None:
    site = owned_site()
    lease()
    report(site)
    status = site_status(site)
    assert (status.headline, status.status) == ("running", "connected")
    assert status.owner.alive is True
    assert status.link.mqtt_version == "5"
    assert status.subscriptions.filters[0].ever_matched is True
    assert status.flow.rate == 2.5
    assert status.flow.books.balanced is True


@pytest.mark.django_db
def test_a_dead_owner_is_seen_at_once_whatever_the_row_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = owned_site()
    LeaseStore(quick_client(), 15).acquire(Lease(instance_id="mqtt-2", incarnation="j", capacity=1))
    report(site)
    monkeypatch.setattr(LeaseStore, "known_for", lambda _: 3_600.0)
    status = site_status(site)
    assert status.headline.startswith("degraded: its worker mqtt-1 is gone")
    assert status.status == "disconnected"
    assert status.link.stored_status == "connected"


@pytest.mark.django_db
def test_a_redis_that_was_just_wiped_proves_nobody_dead() -> None:
    site = owned_site()
    status = site_status(site)
    assert status.live_evidence is False
    assert status.status == "connected"
    assert "just started" in status.headline


@pytest.mark.django_db
def test_without_redis_the_stored_facts_are_shown_and_said_to_be_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = owned_site()
    dead = redis.Redis(port=1, socket_connect_timeout=0.2, socket_timeout=0.2)
    monkeypatch.setattr(evidence, "quick_client", lambda: dead)
    status = site_status(site)
    assert (
        status.headline
        == "degraded: live evidence is unavailable: Redis does not answer; last known: connected"
    )
    assert status.owner.alive is None
    assert status.flow.books.received == 5


@pytest.mark.django_db
def test_an_error_comes_with_its_class_and_what_to_do() -> None:
    site = owned_site(status="error", error_class="credentials", error_message="Not authorized.")
    lease()
    report(site, connected_since=None)
    status = site_status(site)
    assert status.headline == "refused: Not authorized."
    error = SiteStatusSerializer(status).data["link"]["last_error"]
    assert error["class"] == "credentials"
    assert "password" in error["remedy"]


@pytest.mark.django_db
def test_a_site_without_connection_is_stopped() -> None:
    status = site_status(Site.objects.create(name="Bare"))
    assert (status.headline, status.status, status.reason) == (
        "stopped",
        None,
        "no connection is configured",
    )


@pytest.mark.django_db
def test_fifty_sites_cost_as_many_queries_as_one() -> None:
    lease()
    costs = []
    for names in (range(1), range(1, 50)):
        for number in names:
            owned_site(f"Site {number}")
        sites = list(Site.objects.order_by("id"))
        report(*sites)
        with CaptureQueriesContext(database) as queries:
            found = statuses(sites)
        assert [status.site_id for status in found] == [site.pk for site in sites]
        assert {status.headline for status in found} == {"running"}
        costs.append(len(queries))
    assert costs == [5, 5]


@pytest.mark.django_db
def test_a_secret_that_no_key_opens_any_more_does_not_hide_the_status() -> None:
    site = owned_site()
    with database.cursor() as cursor:
        cursor.execute("UPDATE mqtt_mqttconnection SET password = 'written under a lost key'")
    assert site_status(site).status == "connected"


@pytest.mark.django_db
def test_a_site_whose_messages_are_not_stored_says_since_when_and_what_they_wait_for() -> None:
    site = owned_site()
    lease()
    report(site, not_stored_since=time.time() - 12, waits_for="refused")
    status = site_status(site)
    assert status.headline.startswith(
        "degraded: its messages are not stored: the database, or ingest itself, refuses"
    )
    flow = SiteStatusSerializer(status).data["flow"]
    assert flow["not_stored_age"] == pytest.approx(12, abs=2)
    assert "refuses" in flow["waits_for"]
    assert "broker keeps it" in flow["remedy"]


@pytest.mark.django_db
def test_when_nothing_is_stored_at_all_every_site_says_so() -> None:
    site = owned_site()
    stalled = Vitals(batches=2, not_storing=12.0, waits_for="database")
    other = Lease(instance_id="mqtt-2", incarnation="j", capacity=10, vitals=stalled)
    assert LeaseStore(quick_client(), 15).acquire(other)
    lease()
    report(site)
    assert site_status(site).headline == (
        "degraded: no site's messages are stored: the database does not answer the task workers"
    )


@pytest.mark.django_db
def test_a_silent_site_is_called_that_in_its_headline_and_its_flow() -> None:
    lease()
    lab = owned_site("Lab")
    SiteBooks.objects.update(last_message_at=timezone.now() - timedelta(minutes=14))
    SiteRhythm.objects.create(site=lab, last=time.time() - 840, gaps=100, longest=30.0)
    report(lab, last_message_at=None, connected_since=time.time() - 3_600)
    found = site_status(lab)
    assert found.headline == "degraded: no data for 14 min (usual gap 30 s)"
    assert found.flow.silence == "no data for 14 min (usual gap 30 s)"
    assert cards(found)[-1].badge.word == "Silent"
