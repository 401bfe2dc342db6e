"""Reconcile on real PostgreSQL and real leases."""

import logging
import threading
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from mqtt_app import events
from mqtt_app.coordination.client import _client
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.domain.ownership import planner
from mqtt_app.domain.ownership.planner import Plan
from mqtt_app.models import MqttConnection
from mqtt_app.models.locks import RECONCILE_LOCK
from mqtt_app.services import ownership
from tests.integration.ownership.fleet import Fleet, ago, connection, fresh, let_go, owned, take
from tests.narrowing import present

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_started_connection_is_assigned_and_then_all_is_done(fleet: Fleet) -> None:
    row = connection()
    fleet.join("mqtt-1")
    assert fleet.needs_reconcile()
    assert fleet.reconcile().assigned == 1
    assert fresh(row).assigned_instance == "mqtt-1"
    assert fleet.reconcile_if_needed() is None
    assert fleet.reconcile().assigned == 0


def test_the_first_start_does_not_wait_for_redis_to_be_old(fleet: Fleet) -> None:
    fleet.join("mqtt-1")
    fleet.client.delete("mqtt:instances:since")
    row = connection()
    assert fleet.needs_reconcile()
    assert fleet.reconcile().assigned == 1
    assert fresh(row).assigned_instance == "mqtt-1"


def test_a_wipe_of_redis_moves_nothing_while_instances_come_back_one_by_one(fleet: Fleet) -> None:
    fleet.join("mqtt-1")
    fleet.join("mqtt-2")
    rows = [owned("mqtt-1"), owned("mqtt-2")]
    fleet.client.flushall()
    before = list(MqttConnection.objects.order_by("id").values())
    assert fleet.reconcile().skipped
    fleet.leases.acquire(Lease("mqtt-1", "start of mqtt-1", 100))
    assert fleet.reconcile_if_needed() is None
    assert fleet.reconcile().skipped
    assert list(MqttConnection.objects.order_by("id").values()) == before
    assert [fresh(row).owner for row in rows] == ["mqtt-1", "mqtt-2"]


def test_without_redis_nothing_changes_and_the_cycle_is_logged_with_the_reason(
    fleet: Fleet, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    row = owned("mqtt-1")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with caplog.at_level(logging.INFO):
        report = ownership.reconcile(timezone.now(), LeaseStore(_client(0.2), 15))
    assert "Redis does not answer" in report.skipped
    assert "Monitor cycle started (1 active connections)" in caplog.text
    assert "Redis does not answer" in caplog.text
    assert fresh(row).owner == "mqtt-1"


def test_the_connections_of_a_dead_owner_go_to_a_living_one_with_the_next_generation(
    fleet: Fleet,
) -> None:
    fleet.join("mqtt-1")
    fleet.join("mqtt-2")
    row = owned("mqtt-1")
    fleet.leave("mqtt-1")
    assert fleet.needs_reconcile()
    fleet.reconcile()
    assert (fresh(row).owner, fresh(row).status, fresh(row).error_class) == (
        "",
        "disconnected",
        "internal",
    )
    assert take(row, "mqtt-1") is None
    assert present(take(row, "mqtt-2")).generation == 2
    assert (fresh(row).owner, fresh(row).status, fresh(row).error_message) == (
        "mqtt-2",
        "connecting",
        "",
    )


def test_without_any_worker_the_status_says_so_once_and_recovers(
    fleet: Fleet, heard: list[Any]
) -> None:
    row = owned("mqtt-1")
    fleet.settle()
    fleet.reconcile()
    now = fresh(row)
    assert (now.status, now.owner, now.error_class) == ("disconnected", "", "internal")
    assert now.error_message == (
        "No MQTT worker is running (last owner mqtt-1). Start one with: manage.py start_mqtt_service"
    )
    fleet.reconcile()
    assert [event["status"] for event in heard] == ["disconnected"]
    fleet.join("mqtt-1")
    assert present(take(row, "mqtt-1")).generation == 2
    assert fresh(row).error_message == ""


def test_a_worker_that_restarts_is_not_reported_as_missing(fleet: Fleet) -> None:
    row = connection(assigned_instance="mqtt-1", generation=1)
    fleet.settle()
    fleet.reconcile()
    assert fresh(row).error_message == ""
    MqttConnection.objects.update(status_since=ago(60))
    fleet.reconcile()
    assert fresh(row).error_message.startswith("No MQTT worker is running")


def test_a_connection_that_no_worker_has_room_for_says_so(fleet: Fleet) -> None:
    fleet.join("mqtt-1", capacity=1)
    rows = [connection(status_since=ago(60)) for _ in range(2)]
    assert fleet.reconcile().unplaced == 1
    assert [fresh(row).assigned_instance for row in rows] == ["mqtt-1", ""]
    assert fresh(rows[1]).error_message.startswith("Every MQTT worker is full")


def test_a_stopped_connection_of_a_dead_owner_ends_clean(fleet: Fleet) -> None:
    row = owned("mqtt-1", error_class="network", error_message="refused", retry_count=3)
    MqttConnection.objects.update(is_active=False)
    fleet.join("mqtt-2")
    fleet.reconcile()
    now = fresh(row)
    assert (now.owner, now.assigned_instance, now.status) == ("", "", "disconnected")
    fleet.reconcile()
    assert (fresh(row).error_message, fresh(row).retry_count) == ("", 0)


def test_an_inactive_site_is_not_wanted_whatever_its_connection_says(fleet: Fleet) -> None:
    row = connection()
    row.site.is_active = False
    row.site.save()
    fleet.join("mqtt-1")
    assert fleet.reconcile_if_needed() is None
    assert fleet.reconcile().active == 0


def test_a_draining_worker_hands_its_connections_to_the_others(fleet: Fleet) -> None:
    fleet.join("mqtt-1", draining=True)
    fleet.join("mqtt-2")
    row = owned("mqtt-1")
    assert fleet.needs_reconcile()
    fleet.reconcile()
    assert (fresh(row).owner, fresh(row).assigned_instance) == ("mqtt-1", "mqtt-2")
    assert take(row, "mqtt-2") is None
    assert let_go(row, "mqtt-1", 1)
    assert present(take(row, "mqtt-2")).generation == 2


def test_a_cycle_says_what_it_found(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    fleet.join("mqtt-1")
    row = connection()
    owned("mqtt-1", is_active=False)
    with caplog.at_level(logging.INFO):
        fleet.reconcile()
    assert "Monitor cycle started (1 active connections)" in caplog.text
    assert "Monitor found 1 connections to start" in caplog.text
    assert "Monitor found 1 connections to stop" in caplog.text
    assert f"[Site {row.site_id}] Starting connection (retry 0 or new)" in caplog.text
    assert "Monitor cycle completed in 0." in caplog.text


def test_a_second_reconcile_at_the_same_time_does_nothing(fleet: Fleet) -> None:
    row = connection()
    fleet.join("mqtt-1")
    reports = []

    def second() -> None:
        reports.append(fleet.reconcile())
        database.close()

    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s::bigint)", [RECONCILE_LOCK])
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(10)
    assert reports[0].skipped.startswith("busy")
    assert fresh(row).assigned_instance == ""


def test_the_number_of_queries_does_not_grow_with_the_rows(
    fleet: Fleet, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    fleet.join("mqtt-1")
    for _ in range(40):
        connection()
    with django_assert_max_num_queries(6):
        assert fleet.reconcile().assigned == 40
    with django_assert_max_num_queries(2):
        assert fleet.reconcile_if_needed() is None


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every connection event, in order."""
    found = []
    monkeypatch.setattr(events, "connection_changed", lambda **values: found.append(values))
    return found


def test_a_worker_plans_once_and_writes_what_it_planned(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.join("mqtt-1")
    row = connection()
    plans: list[Plan] = []

    def counted(*arguments: Any, **options: Any) -> Plan:
        plans.append(planner_plan(*arguments, **options))
        return plans[-1]

    planner_plan = planner.plan
    monkeypatch.setattr(planner, "plan", counted)
    report = fleet.reconcile_if_needed()
    assert report is not None
    assert report.assigned == 1
    assert len(plans) == 1
    assert fresh(row).assigned_instance == "mqtt-1"
    assert fleet.reconcile_if_needed() is None


def test_a_worker_that_finds_no_place_for_a_connection_writes_and_logs_nothing(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.join("mqtt-1", capacity=0)
    connection(status_since=ago(3600))
    with caplog.at_level(logging.INFO):
        assert fleet.reconcile_if_needed() is None
    assert "Monitor cycle" not in caplog.text
