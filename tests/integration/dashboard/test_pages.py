"""What the pages answer: to whom, what, and with how many queries."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mqtt_app.conf import config
from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.domain.health.vitals import Vitals
from mqtt_app.models import (
    Device,
    DiscoveredTopic,
    LatestReading,
    Membership,
    MqttConnection,
    MqttConnectionLog,
    MqttParsingLog,
    MqttTopic,
    ParserHealth,
    Site,
    SiteBooks,
)

pytestmark = pytest.mark.django_db
NASTY = "<script>alert(1)</script>"


def make_site(name: str) -> Site:
    site = Site.objects.create(name=name)
    connection = MqttConnection.objects.create(site=site, broker_host=f"broker-{site.pk}.example")
    MqttTopic.objects.create(connection=connection, filter="#")
    SiteBooks.objects.create(site=site, received=7, stored=5, inactive=2, readings=9)
    return site


def fill(site: Site, rows: int) -> None:
    now = timezone.now()
    for number in range(rows):
        device = Device.objects.create(site=site, identifier=f"device-{number}-{NASTY}")
        for metric in ("temperature", NASTY):
            LatestReading.objects.create(
                device=device, metric=metric, text=NASTY, time=now, received_at=now
            )
        DiscoveredTopic.objects.create(
            connection=site.connection,
            topic=f"t/{number}/{NASTY}",
            is_processable=True,
            is_active=bool(number % 2),
        )
        MqttConnectionLog.objects.create(connection=site.connection, level="ERROR", message=NASTY)
        MqttParsingLog.objects.create(
            site=site,
            topic=NASTY,
            error_type="PARSE_ERROR",
            error_message=NASTY,
            payload_sample={"a": NASTY},
        )


def client_of(name: str = "root", **values: Any) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_user(name, **values))
    return client


@pytest.fixture
def admin() -> Client:
    return client_of(is_superuser=True, is_staff=True)


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(database) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


@pytest.mark.parametrize("path", ["/", "/sites/1/", "/fragments/overview/", "/fragments/sites/1/"])
def test_every_page_asks_for_a_login_and_comes_back(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


def test_logging_in_leads_to_the_page_that_was_asked_for(client: Client) -> None:
    get_user_model().objects.create_user("anna", password="a-password")
    answer = client.post(
        "/login/?next=/sites/1/",
        {"username": "anna", "password": "a-password", "next": "/sites/1/"},
    )
    assert answer["Location"] == "/sites/1/"


def test_a_wrong_password_is_said_in_words(client: Client) -> None:
    answer = client.post("/login/", {"username": "anna", "password": "wrong"})
    assert "do not match" in answer.content.decode()


def test_the_overview_shows_each_site_with_status_and_start_button(admin: Client) -> None:
    site = make_site("Oslo")
    page = admin.get("/").content.decode()
    assert "Oslo" in page
    assert "Stopped" in page
    assert f'data-post="/api/v1/mqtt/sites/{site.pk}/start/"' in page


def test_an_empty_overview_says_how_to_add_a_site(admin: Client) -> None:
    assert "Add a site" in admin.get("/").content.decode()


def test_a_paused_parser_is_said_on_both_pages_with_what_to_do(admin: Client) -> None:
    site = make_site("Oslo")
    SiteBooks.objects.update(received=12, kept=5)
    ParserHealth.objects.create(
        site=site, parser_name="wx", paused_since=timezone.now(), reason=f"no field {NASTY}"
    )
    ParserHealth.objects.create(
        site=site, parser_name="ok", paused_since=timezone.now(), resumed_at=timezone.now()
    )
    assert "The parser wx fails on most messages of 1 site." in admin.get("/").content.decode()
    page = admin.get(f"/sites/{site.pk}/").content.decode()
    assert "Waits until a parser works" in page
    assert "wx: no field &lt;script&gt;" in page
    assert "restart the task workers" in page
    assert "<b>5</b><small>kept</small>" in page
    assert "They add up" in page
    assert "Parser ok" not in page


def test_what_is_wrong_with_the_installation_is_said_to_those_who_can_mend_it(
    admin: Client,
) -> None:
    make_site("Oslo")
    said = "No MQTT worker is running, so nothing connects."
    assert said in admin.get("/").content.decode()
    assert said not in client_of("guest").get("/").content.decode()


def test_a_worker_that_does_not_get_on_and_a_silent_beat_are_said(admin: Client) -> None:
    make_site("Oslo")
    knobs, store = config(), LeaseStore(quick_client(), config().lease_ttl)
    began = time.time() - 10 * knobs.reconcile_interval
    stuck = Lease("mqtt-1", "x", 10, started_at=began, vitals=Vitals(last_turn=99.0))
    store.acquire(stuck)
    try:
        page = admin.get("/").content.decode()
    finally:
        store.release(stuck)
    assert "mqtt-1 lives and is not ready: its loop has not turned for 99 s" in page
    assert "“Reconcile MQTT connections” has not run yet" in page
    assert "Is beat running" in page


def test_a_member_sees_only_their_sites_and_no_buttons() -> None:
    mine, foreign = make_site("Mine"), make_site("Foreign")
    client = client_of("member")
    Membership.objects.create(site=mine, user=get_user_model().objects.get(username="member"))
    fill(mine, 1)
    page = client.get("/").content.decode() + client.get(f"/sites/{mine.pk}/").content.decode()
    assert "Mine" in page
    assert "Foreign" not in page
    assert "data-post" not in page
    assert "data-patch" not in page
    assert client.get(f"/sites/{foreign.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("search", "found"),
    [("q=oSl", ["Oslo"]), ("q=broker-", ["Oslo", "Turin"]), ("q=%00", ["Oslo", "Turin"])],
)
def test_search_finds_names_and_brokers_in_any_case(
    admin: Client, search: str, found: list[str]
) -> None:
    for name in ("Oslo", "Turin"):
        make_site(name)
    page = admin.get(f"/?{search}").content.decode()
    assert [name for name in ("Oslo", "Turin") if f">{name}</a>" in page] == found


@pytest.mark.parametrize(
    ("state", "shown"),
    [("stopped", True), ("running", False), ("waiting", False), ("nonsense", True)],
)
def test_a_tile_shows_only_the_sites_it_counts(admin: Client, state: str, shown: bool) -> None:
    make_site("Oslo")
    assert (">Oslo</a>" in admin.get(f"/?state={state}").content.decode()) is shown


def test_a_broken_page_number_gives_a_page(admin: Client) -> None:
    make_site("Oslo")
    for number in ("0", "-1", "x", "999999999999999999999"):
        assert admin.get(f"/?page={number}").status_code == 200


def test_a_site_number_beyond_all_numbers_is_not_found(admin: Client) -> None:
    assert admin.get(f"/sites/{10**30}/").status_code == 404


def test_the_site_page_shows_books_that_add_up_and_all_five_facets(admin: Client) -> None:
    page = admin.get(f"/sites/{make_site('Oslo').pk}/").content.decode()
    assert "They add up" in page
    for facet in ("Desired", "Owner", "Link", "Subscriptions", "Flow"):
        assert f"<h3>{facet}</h3>" in page


def test_a_topic_that_waits_is_offered_for_approval(admin: Client) -> None:
    site = make_site("Oslo")
    fill(site, 1)
    page = admin.get(f"/sites/{site.pk}/").content.decode()
    assert "Waiting for approval" in page
    assert 'data-active="true"' in page


def test_stored_text_is_inert_everywhere(admin: Client) -> None:
    site = make_site(NASTY)
    fill(site, 2)
    for path in ("/", f"/sites/{site.pk}/"):
        answer = admin.get(path)
        assert NASTY not in answer.content.decode()
        assert "script-src 'self'" in answer["Content-Security-Policy"]


def test_pages_hold_no_inline_script_or_style(admin: Client) -> None:
    site = make_site("Oslo")
    fill(site, 2)
    page = admin.get("/").content.decode() + admin.get(f"/sites/{site.pk}/").content.decode()
    assert "style=" not in page
    assert " onclick" not in page
    assert "<script>" not in page


def test_the_overview_takes_as_many_queries_for_fifty_sites_as_for_one(admin: Client) -> None:
    make_site("first")
    one = queries(admin, "/")
    for number in range(49):
        make_site(f"site {number}")
    assert queries(admin, "/") == one


def test_the_site_page_takes_as_many_queries_for_fifty_rows_as_for_one(admin: Client) -> None:
    few, many = make_site("few"), make_site("many")
    fill(few, 1)
    fill(many, 50)
    assert queries(admin, f"/sites/{many.pk}/") == queries(admin, f"/sites/{few.pk}/")


def test_ages_are_shown_in_words(admin: Client) -> None:
    site = make_site("Oslo")
    SiteBooks.objects.filter(site=site).update(
        last_message_at=timezone.now() - timedelta(minutes=3, seconds=5)
    )
    assert "3 min ago</time>" in admin.get("/").content.decode()


def test_an_unknown_address_gives_a_helpful_page(client: Client) -> None:
    answer = client.get("/nope/")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
