"""The admin, as an operator's browser meets it."""

from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from mqtt_app.models import (
    BatchReceipt,
    DeadLetter,
    MqttConnection,
    MqttConnectionLog,
    MqttParsingLog,
    ParserHealth,
    Site,
)
from tests.integration.api.client import connected_site, superuser
from tests.integration.api.test_lists import fill

PAGES = (
    "site",
    "sitebooks",
    "mqttconnection",
    "mqtttopic",
    "discoveredtopic",
    "gateway",
    "device",
    "mqttconnectionlog",
    "mqttparsinglog",
    "batchreceipt",
    "deadletter",
    "parserhealth",
)


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


def test_the_admin_lives_at_admin_mqtt(admin: Client) -> None:
    assert page("site") == "/admin/mqtt/site/"
    assert admin.get("/admin/mqtt/").status_code == 200
    assert admin.get("/admin/django_celery_beat/periodictask/").status_code == 200


def test_no_list_costs_more_with_fifty_rows_than_with_one(admin: Client) -> None:
    costs = []
    for numbers in (range(1), range(1, 50)):
        for number in numbers:
            site = connected_site(f"Plant {number}", owner="mqtt-1", status="connected")
            fill(site, range(100 * number + 100, 100 * number + 101))
            DeadLetter.objects.create(
                site=site,
                connection=site.connection,
                topic="t",
                payload=b"x",
                qos=1,
                retain=False,
                received_at=timezone.now(),
                parser_name="json",
                reason="failed",
                state="resting",
            )
            ParserHealth.objects.create(site=site, parser_name="json", paused_since=timezone.now())
            BatchReceipt.objects.create(id=f"{number:032x}", instance="mqtt-1", messages=1)
        costs.append({model: cost(admin, page(model)) for model in PAGES})
    assert costs[0] == costs[1]
    assert max(costs[1].values()) <= 8


def cost(admin: Client, address: str) -> int:
    with CaptureQueriesContext(database) as queries:
        assert admin.get(address).status_code == 200
    return len(queries)


def test_a_log_list_counts_no_further_than_it_pages(
    admin: Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        MqttConnectionLog(connection=site.connection, level="INFO", message=str(n))
        for n in range(120)
    ]
    MqttConnectionLog.objects.bulk_create(rows)
    monkeypatch.setattr("mqtt_app.admin.base.MAX_COUNTED", 100)
    with CaptureQueriesContext(database) as queries:
        shown = admin.get(page("mqttconnectionlog")).context["cl"]
    assert shown.result_count == 100
    counts = [
        query["sql"]
        for query in queries
        if "COUNT(" in query["sql"] and "connectionlog" in query["sql"]
    ]
    assert counts
    assert all("LIMIT 100" in sql for sql in counts)


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("mqttconnectionlog", "level__exact=ERROR"),
        ("mqttconnectionlog", "q=refused"),
        ("mqttconnectionlog", "site={}"),
        ("mqttparsinglog", "error_type__exact=DB_ERROR"),
        ("mqttparsinglog", "q=broken"),
        ("mqttparsinglog", "site={}"),
    ],
)
def test_logs_are_found_by_filter_and_by_search(
    model: str, query: str, admin: Client, site: Site
) -> None:
    other = connected_site("Other")
    MqttConnectionLog.objects.create(
        connection=site.connection, level="ERROR", message="Refused by the broker"
    )
    MqttConnectionLog.objects.create(connection=other.connection, level="INFO", message="up")
    MqttParsingLog.objects.create(
        site=site, topic="a", error_type="DB_ERROR", error_message="broken row"
    )
    MqttParsingLog.objects.create(
        site=other, topic="b", error_type="PARSE_ERROR", error_message="no JSON"
    )
    assert admin.get(f"{page(model)}?{query.format(site.pk)}").context["cl"].result_count == 1


def test_logs_can_be_read_and_not_written(admin: Client, site: Site) -> None:
    row = MqttParsingLog.objects.create(
        site=site,
        topic="<b>t</b>",
        error_type="PARSE_ERROR",
        error_message="<script>alert(1)</script>",
        payload_sample={"html": "<img src=x onerror=alert(1)>"},
    )
    address = reverse("admin:mqtt_mqttparsinglog_change", args=[row.pk])
    for shown in (admin.get(address), admin.get(page("mqttparsinglog"))):
        assert b"<script>alert" not in shown.content
        assert b"<img src=x" not in shown.content
        assert b"<b>t</b>" not in shown.content
    assert admin.post(address, {"topic": "x"}).status_code == 403
    assert admin.get(reverse("admin:mqtt_mqttparsinglog_add")).status_code == 403


def test_start_and_stop_are_actions_of_the_list(admin: Client, site: Site) -> None:
    chosen = {"_selected_action": [site.connection.pk]}
    said = admin.post(page("mqttconnection"), chosen | {"action": "start"}, follow=True).content
    assert b"1 asked to start" in said
    assert MqttConnection.objects.get().is_active is True
    again = admin.post(page("mqttconnection"), chosen | {"action": "start"}, follow=True).content
    assert b"0 asked to start" in again
    admin.post(page("mqttconnection"), chosen | {"action": "stop"})
    assert MqttConnection.objects.get().is_active is False


def test_secrets_are_stored_kept_cleared_and_never_rendered(admin: Client, site: Site) -> None:
    connection = site.connection
    address = reverse("admin:mqtt_mqttconnection_change", args=[connection.pk])
    change(admin, connection, password=" s3cret ")
    assert connection.password == " s3cret "
    assert b"s3cret" not in admin.get(address).content
    change(admin, connection, broker_port=1884)
    assert (connection.password, connection.broker_port) == (" s3cret ", 1884)
    change(admin, connection, clear_password="on")
    assert connection.password == ""


def test_a_change_reaches_the_link_and_leaves_what_its_owner_wrote(
    admin: Client, site: Site
) -> None:
    connection = site.connection
    address = reverse("admin:mqtt_mqttconnection_change", args=[connection.pk])
    sent = form_of(admin, address) | {"broker_host": "new.example"}
    MqttConnection.objects.update(owner="mqtt-1", generation=7, status="connected")
    before = MqttConnection.objects.get().config_version
    admin.post(address, sent)
    connection.refresh_from_db()
    assert (connection.broker_host, connection.config_version) == ("new.example", before + 1)
    assert (connection.owner, connection.generation, connection.status) == (
        "mqtt-1",
        7,
        "connected",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("broker_host", "a..b"),
        ("broker_port", "70000"),
        ("broker_port", "0"),
        ("tls_client_key", "garbage"),
    ],
)
def test_a_bad_value_is_refused_beside_its_field_as_in_the_api(
    field: str, value: str, admin: Client, site: Site
) -> None:
    address = reverse("admin:mqtt_mqttconnection_change", args=[site.connection.pk])
    answer = admin.post(address, form_of(admin, address) | {field: value})
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
