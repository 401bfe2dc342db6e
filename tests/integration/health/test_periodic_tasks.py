"""Whoever switches off a task that beat sends, or makes it rare, is told what stands still."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from mqtt_app.conf import Config
from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.dashboard.overview import overview
from mqtt_app.domain.health.findings import Severity
from mqtt_app.domain.health.periodic import CONSEQUENCES, PeriodicTaskName
from mqtt_app.management.commands.doctor import _findings
from mqtt_app.models import PeriodicRun
from mqtt_app.selectors.health import observe
from mqtt_app.selectors.visibility import viewer_for
from mqtt_app.services.upkeep import periodic_runs
from tasks import control, presence
from tasks.schedule import sync_schedule
from tests.integration.api.client import superuser

pytestmark = pytest.mark.django_db

DAY = 86_400


@pytest.fixture(autouse=True)
def _scheduled() -> Iterator[None]:
    quick_client().flushdb()
    sync_schedule()
    yield
    quick_client().flushdb()


def worker_started(seconds_ago: float) -> None:
    lease = Lease(
        instance_id="mqtt-1",
        incarnation="i",
        capacity=10,
        started_at=timezone.now().timestamp() - seconds_ago,
    )
    LeaseStore(quick_client(), 15).acquire(lease)


def all_ran(seconds_ago: float) -> None:
    for task in PeriodicTaskName:
        periodic_runs.record(task, timezone.now() - timedelta(seconds=seconds_ago))


def check_of(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/readyz").json()["checks"]["periodic_tasks"]
    return found


def test_tasks_that_ran_lately_are_nothing_to_report(client: Client) -> None:
    worker_started(DAY)
    all_ran(20)
    assert check_of(client)["ok"]


@pytest.mark.parametrize("task", list(PeriodicTaskName))
def test_a_task_that_is_switched_off_is_shown_everywhere_with_what_stands_still(
    client: Client, task: PeriodicTaskName
) -> None:
    worker_started(DAY)
    all_ran(1)
    PeriodicTask.objects.filter(task=task).update(enabled=False)
    assert CONSEQUENCES[task] in check_of(client)["error"]
    alarms = overview(viewer_for(superuser()), text="", state="", number="1").alarms
    assert any(CONSEQUENCES[task] in alarm.text for alarm in alarms)
    found = [finding for finding in _findings() if CONSEQUENCES[task] in finding.text]
    assert [finding.severity for finding in found] == [Severity.ERROR]
    metrics = client.get("/metrics").content.decode()
    assert 'sitewire_problems{check="periodic_tasks",severity="error"} 1.0' in metrics


def test_a_task_whose_entry_was_deleted_is_missed(client: Client) -> None:
    PeriodicTask.objects.filter(task=PeriodicTaskName.UPKEEP).delete()
    assert "deleted" in check_of(client)["error"]


def test_a_schedule_that_has_expired_or_lies_ahead_counts_as_switched_off(client: Client) -> None:
    worker_started(60)
    PeriodicTask.objects.filter(task=PeriodicTaskName.UPKEEP).update(
        expires=timezone.now() - timedelta(hours=1)
    )
    PeriodicTask.objects.filter(task=PeriodicTaskName.CHECK_OFFLINE).update(
        start_time=timezone.now() + timedelta(hours=1)
    )
    error = check_of(client)["error"]
    assert "Prune logs" in error
    assert "Check for silent devices" in error


def test_an_interval_that_was_made_long_is_a_warning_with_both_intervals(client: Client) -> None:
    worker_started(60)
    all_ran(1)
    hourly = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    PeriodicTask.objects.filter(task=PeriodicTaskName.CHECK_OFFLINE).update(interval=hourly)
    error = check_of(client)["error"]
    assert "runs every 60 minutes instead of every" in error
    assert CONSEQUENCES[PeriodicTaskName.CHECK_OFFLINE] in error


def test_a_crontab_is_judged_by_the_time_between_its_runs(client: Client) -> None:
    worker_started(60)
    all_ran(1)
    nightly = CrontabSchedule.objects.create(minute="0", hour="3")
    PeriodicTask.objects.filter(task=PeriodicTaskName.RECONCILE).update(
        interval=None, crontab=nightly
    )
    assert "“Reconcile MQTT connections” runs every 24 hours" in check_of(client)["error"]


@pytest.mark.parametrize(("age", "is_late"), [(90, False), (130, True)])
def test_a_task_is_late_after_three_of_its_own_periods(
    client: Client, age: int, is_late: bool
) -> None:
    worker_started(DAY)
    all_ran(1)
    every_30 = IntervalSchedule.objects.create(every=30, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(task=PeriodicTaskName.RECONCILE).update(interval=every_30)
    periodic_runs.record(PeriodicTaskName.RECONCILE, timezone.now() - timedelta(seconds=age))
    assert check_of(client)["ok"] is not is_late


def test_an_installation_that_has_just_started_is_not_late_with_anything(client: Client) -> None:
    worker_started(5)
    assert check_of(client)["ok"]
    all_ran(10 * DAY)
    assert check_of(client)["ok"]


def test_a_task_that_never_ran_is_late_once_it_could_have(client: Client) -> None:
    worker_started(DAY)
    error = check_of(client)["error"]
    assert "“Check for silent devices” has not run yet" in error
    assert "Prune logs" not in error


def test_each_task_leaves_the_time_of_its_good_run() -> None:
    control.reconcile()
    presence.check_offline()
    assert set(PeriodicRun.objects.values_list("task", flat=True)) == {
        PeriodicTaskName.RECONCILE,
        PeriodicTaskName.CHECK_OFFLINE,
    }


def test_a_database_that_is_not_migrated_is_no_reason_to_fail(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE mqtt_periodicrun RENAME TO mqtt_periodicrun_away")
    assert client.get("/readyz").status_code in {200, 503}


@pytest.mark.parametrize(
    ("queue", "limit"),
    [("mqtt.ingest", "ingest_queue_max"), ("mqtt.logs", "logs_queue_max")],
)
def test_each_queue_is_full_at_its_own_limit(
    client: Client, monkeypatch: pytest.MonkeyPatch, queue: str, limit: str
) -> None:
    values: dict[str, Any] = {limit: 3}
    monkeypatch.setattr(observe, "config", lambda: Config(**values))
    quick_client().rpush(queue, *["task"] * 2)
    assert client.get("/readyz").json()["checks"]["queues"]["ok"]
    quick_client().rpush(queue, "task")
    assert queue in client.get("/readyz").json()["checks"]["queues"]["error"]
