"""What is made, changed and decided in the admin reaches the links."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mqtt_app.models import (
    DeadLetter,
    Device,
    DiscoveredTopic,
    Membership,
    MqttConnection,
    MqttTopic,
    Site,
    SiteBooks,
)
from tests.integration.api.client import connected_site, superuser


@pytest.fixture
def site(db: None) -> Site:
    return connected_site()


@pytest.fixture
def admin(db: None) -> Client:
    browser = Client()
    browser.force_login(superuser())
    return browser


def page(model: str) -> str:
    return reverse(f"admin:mqtt_{model}_changelist")


def form_of(admin: Client, address: str) -> dict[str, object]:
    """What a browser would send back unchanged."""
    fields = admin.get(address).context["adminform"].form
    values = {
        name: fields.get_initial_for_field(field, name) for name, field in fields.fields.items()
    }
    return {name: value for name, value in values.items() if value not in {None, False}}


def change(admin: Client, connection: MqttConnection, **values: Any) -> None:
    address = reverse("admin:mqtt_mqttconnection_change", args=[connection.pk])
    answer = admin.post(address, form_of(admin, address) | values)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    connection.refresh_from_db()


def test_a_filter_is_checked_and_told_to_the_link(admin: Client, site: Site) -> None:
    before = MqttConnection.objects.get().config_version
    topic = MqttTopic.objects.get()
    address = reverse("admin:mqtt_mqtttopic_change", args=[topic.pk])
    bad = admin.post(address, {"filter": "foo/#/baz", "qos": "1", "is_active": "on"})
    assert "filter" in bad.context["adminform"].form.errors
    assert (
        admin.post(address, {"filter": "foo/#", "qos": "1", "is_active": "on"}).status_code == 302
    )
    site.connection.refresh_from_db()
    assert site.connection.config_version == before + 1


def test_new_connections_and_topics_can_be_made(admin: Client) -> None:
    site = Site.objects.create(name="New")
    values = {
        "site": site.pk,
        "broker_host": "b.example",
        "broker_port": 1883,
        "protocol_version": "auto",
        "ack_mode": "stored",
    }
    made = admin.post(
        reverse("admin:mqtt_mqttconnection_add"), values | {"keepalive": 60, "tls_verify": "on"}
    )
    assert made.status_code == 302
    connection = MqttConnection.objects.get(site=site)
    topic = {"connection": connection.pk, "filter": "a/#", "qos": 1, "is_active": "on"}
    assert admin.post(reverse("admin:mqtt_mqtttopic_add"), topic).status_code == 302
    connection.refresh_from_db()
    assert connection.config_version == 2


def test_discovered_topics_are_allowed_and_disallowed_by_action(admin: Client, site: Site) -> None:
    topic = DiscoveredTopic.objects.create(connection=site.connection, topic="t", is_active=False)
    for action, expected in (("allow", True), ("disallow", False)):
        admin.post(page("discoveredtopic"), {"action": action, "_selected_action": [topic.pk]})
        topic.refresh_from_db()
        assert topic.is_active is expected


def test_a_topic_is_freed_of_its_parser_by_action(admin: Client, site: Site) -> None:
    topic = DiscoveredTopic.objects.create(
        connection=site.connection, topic="t", is_processable=True, parser_name="x"
    )
    admin.post(
        page("discoveredtopic"), {"action": "recognise_anew", "_selected_action": [topic.pk]}
    )
    topic.refresh_from_db()
    assert (topic.is_processable, topic.parser_name, topic.is_active) == (False, "", True)


@pytest.mark.parametrize(
    ("reason", "term"),
    [("failed", "failed"), ("refused", "quarantined"), ("unstored", "quarantined")],
)
def test_dead_letters_are_replayed_by_action(
    admin: Client, site: Site, reason: str, term: str
) -> None:
    SiteBooks.objects.create(site=site, received=1, **{term: 1})
    row = DeadLetter.objects.create(
        site=site,
        connection=site.connection,
        topic="t",
        payload=b"21.5",
        qos=1,
        retain=False,
        received_at=timezone.now(),
        parser_name="scalar",
        reason=reason,
        state="resting",
    )
    admin.post(page("deadletter"), {"action": "replay", "_selected_action": [row.pk]})
    row.refresh_from_db()
    books = SiteBooks.objects.get()
    assert row.state == "requested"
    assert (getattr(books, term), books.kept, books.kept_bytes) == (0, 1, 4)


def test_a_site_is_edited_and_removed_with_its_members(admin: Client, site: Site) -> None:
    address = reverse("admin:mqtt_site_change", args=[site.pk])
    values = form_of(admin, address) | {"name": "Renamed", "silence_after": 60}
    user = get_user_model().objects.create_user("m")
    inline = {
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 0,
        "memberships-0-user": user.pk,
        "memberships-0-role": "viewer",
    }
    assert admin.post(address, values | inline).status_code == 302
    site.refresh_from_db()
    assert (site.name, site.silence_after) == ("Renamed", 60)
    assert Membership.objects.filter(site=site, user=user).exists()
    admin.post(reverse("admin:mqtt_site_delete", args=[site.pk]), {"post": "yes"})
    assert not Site.objects.filter(pk=site.pk).exists()


def test_a_device_is_renamed_and_shows_its_last_values(admin: Client, site: Site) -> None:
    device = Device.objects.create(site=site, identifier="d")
    device.latest.create(
        metric="temperature", value=21.5, time=timezone.now(), received_at=timezone.now()
    )
    address = reverse("admin:mqtt_device_change", args=[device.pk])
    assert b"21.5" in admin.get(address).content
    inline = {
        f"{name}-{count}": 0
        for name in ("latest", "metrics", "aliases")
        for count in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    assert (
        admin.post(address, {"name": "Boiler", "silence_after": "30"} | inline).status_code == 302
    )
    device.refresh_from_db()
    assert (device.name, device.silence_after) == ("Boiler", 30)


def test_a_status_is_a_word_not_only_a_colour(admin: Client, site: Site) -> None:
    MqttConnection.objects.update(status="error")
    assert "● Error" in admin.get(page("mqttconnection")).content.decode()
