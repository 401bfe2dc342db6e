"""Why exactly a link fails is for superusers; members are told its class, wherever they look and
search.
"""

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from mqtt_app.live.audience import _view
from mqtt_app.live.picture import ClientState
from mqtt_app.models import Membership, MqttConnection, MqttConnectionLog, Site
from mqtt_app.selectors.visibility import viewer_for
from tests.integration.api.client import Caller, connected_site, member_of, superuser

pytestmark = pytest.mark.django_db
CANARY = "canary-nothing-listens"
GENERAL = "The broker cannot be reached."


@pytest.fixture
def site() -> Site:
    site = connected_site(
        is_active=True,
        status="error",
        error_class="network",
        error_message=f"{CANARY} at 10.0.0.7:22",
        retry_count=3,
    )
    row = site.connection
    exception: dict[str, Any] = {"exception_type": CANARY, "exception_traceback": CANARY}
    MqttConnectionLog.objects.create(
        connection=row,
        level="ERROR",
        message=CANARY,
        retry_attempt=1,
        broker_host="broker.example",
        **exception,
    )
    MqttConnectionLog.objects.create(
        connection=row, level="WARNING", message=f"Disconnected: {CANARY}"
    )
    MqttConnectionLog.objects.create(connection=row, level="INFO", message="Disconnected cleanly")
    return site


def paths(site: Site) -> list[str]:
    return [
        f"sites/{site.pk}/connection/",
        f"sites/{site.pk}/status/",
        f"connection-logs/?site={site.pk}",
    ]


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def staff_of(site: Site) -> Any:
    """May look at connections and their logs in the admin."""
    user = get_user_model().objects.create_user("staff", password="a-long-password", is_staff=True)
    names = ["view_mqttconnection", "view_mqttconnectionlog", "view_site"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    Membership.objects.create(site=site, user=user)
    return user


def test_the_api_tells_members_the_class_and_superusers_everything(site: Site) -> None:
    member, root = Caller(member_of(site)), Caller(superuser())
    for path in paths(site):
        assert CANARY in json.dumps(root.get(path)), path
        assert CANARY not in json.dumps(member.get(path)), path
    shown = member.get(f"sites/{site.pk}/connection/")
    assert (shown["error_class"], shown["error_message"]) == ("network", GENERAL)
    status = member.get(f"sites/{site.pk}/status/")
    assert status["link"]["last_error"]["message"] == GENERAL
    messages = {row["message"] for row in member.get(f"connection-logs/?site={site.pk}")["results"]}
    assert {"Disconnected.", "Disconnected cleanly"} < messages


@pytest.mark.parametrize("word", ["canary", "nothing-listens", "10.0.0"])
def test_no_search_in_the_log_gives_it_away(site: Site, word: str) -> None:
    member, root = Caller(member_of(site)), Caller(superuser())
    assert member.get(f"connection-logs/?search={word}")["results"] == []
    assert bool(root.get(f"connection-logs/?search={word}")["results"]) is (word != "10.0.0")
    assert len(member.get("connection-logs/?search=cleanly")["results"]) == 1


def test_pages_tell_members_the_class(site: Site) -> None:
    for page in ("/", f"/sites/{site.pk}/"):
        shown = browser(member_of(site, f"member{len(page)}")).get(page).content.decode()
        assert CANARY not in shown
    assert CANARY in browser(superuser()).get(page).content.decode()


def test_a_browser_is_told_the_class_in_snapshots_and_in_events(site: Site) -> None:
    event = {
        "type": "connection",
        "site_id": site.pk,
        "status": "error",
        "is_active": True,
        "error_class": "network",
        "error_message": CANARY,
        "at": "t",
    }
    for user, told in ((member_of(site), GENERAL), (superuser(), CANARY)):
        view = _view(viewer_for(user))
        picture = ClientState(view.rows, view.sites, detailed=view.detailed)
        shown = picture.visible(event)
        assert shown is not None
        assert shown["error_message"] == told
        assert (CANARY in json.dumps(view.rows)) is user.is_superuser
        assert {key for row in view.rows for key in row} == {
            "site_id",
            "status",
            "is_active",
            "error_message",
            "at",
        }
        assert "error_class" not in shown
        picture.told(shown)
        assert picture.missed(view.rows) == [] or user.is_superuser


def test_staff_reads_no_more_in_the_admin_than_members_on_the_pages(site: Site) -> None:
    staff = browser(staff_of(site))
    log = MqttConnectionLog.objects.filter(retry_attempt=1).get()
    addresses = [
        reverse("admin:mqtt_mqttconnection_changelist"),
        reverse("admin:mqtt_mqttconnectionlog_changelist"),
        reverse("admin:mqtt_mqttconnection_change", args=[site.connection.pk]),
        reverse("admin:mqtt_mqttconnectionlog_change", args=[log.pk]),
    ]
    root = browser(superuser())
    for address in addresses:
        answer = staff.get(address)
        assert answer.status_code == 200, address
        assert CANARY not in answer.content.decode(), address
        assert CANARY in root.get(address).content.decode(), address


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("mqttconnection", "q=canary"),
        ("mqttconnectionlog", "q=canary"),
        ("mqttconnection", "error_message__contains=canary"),
        ("mqttconnectionlog", "message__contains=canary"),
        ("mqttconnectionlog", "exception_type=canary-nothing-listens"),
    ],
)
def test_no_search_of_the_admin_gives_it_away(site: Site, model: str, query: str) -> None:
    address = reverse(f"admin:mqtt_{model}_changelist") + "?" + query
    hits = b"broker.example"
    assert hits in browser(superuser()).get(address).content
    answer = browser(staff_of(site)).get(address)
    assert answer.status_code in {302, 400} or hits not in answer.content


def test_what_is_shown_is_never_stored(site: Site) -> None:
    Caller(member_of(site)).get(f"sites/{site.pk}/connection/")
    assert CANARY in MqttConnection.objects.get().error_message
