"""/livez, /readyz and /metrics."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from mqtt_app.api import health
from mqtt_app.conf import Config
from mqtt_app.coordination.client import quick_client
from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.coordination.outbox import count_given_up
from mqtt_app.domain.health.findings import Finding, Severity
from mqtt_app.domain.health.judgement import judge
from mqtt_app.domain.health.periodic import PeriodicTaskName
from mqtt_app.domain.health.vitals import Vitals
from mqtt_app.models import MqttConnection, ParserHealth, Site, SiteBooks
from mqtt_app.selectors.health import observe
from mqtt_app.selectors.status import system
from mqtt_app.selectors.status.system import pulse
from mqtt_app.services.upkeep import periodic_runs
from tasks.schedule import sync_schedule
from tests.integration.api.client import Caller, member_of, superuser


@pytest.fixture(autouse=True)
def _empty_redis() -> Iterator[None]:
    quick_client().flushdb()
    yield
    quick_client().flushdb()


@pytest.fixture
def dead_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = redis.Redis(port=1, socket_connect_timeout=0.2, socket_timeout=0.2)
    monkeypatch.setattr(system, "quick_client", lambda: dead)


def test_livez_answers_without_asking_the_database(client: Client) -> None:
    assert client.get("/livez").json() == {"status": "ok"}


@pytest.mark.django_db
def test_a_web_process_without_workers_is_ready_and_warns(client: Client) -> None:
    answer = client.get("/readyz")
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "ready")
    assert any("No MQTT worker" in warning for warning in body["warnings"])
    assert body["checks"]["migrations"]["ok"] is True


@pytest.mark.django_db
def test_with_a_worker_and_a_recent_reconcile_there_is_nothing_to_warn_of(client: Client) -> None:
    sync_schedule()
    leased()
    for task in PeriodicTaskName:
        periodic_runs.record(task, timezone.now())
    body = client.get("/readyz").json()
    assert body["warnings"] == []
    assert body["checks"]["mqtt_workers"]["lease_ages"].keys() == {"mqtt-1"}


def leased(**vitals: Any) -> None:
    LeaseStore(quick_client(), 15).acquire(
        Lease(instance_id="mqtt-1", incarnation="i", capacity=10, vitals=Vitals(**vitals))
    )


@pytest.mark.django_db
def test_a_worker_that_lives_and_does_not_get_on_is_not_ready(client: Client) -> None:
    leased(batches=3, oldest_batch=99.0)
    check = client.get("/readyz").json()["checks"]["mqtt_workers"]
    assert (check["ok"], check["workers"]["mqtt-1"]["ready"]) == (False, False)
    assert "mqtt-1 lives and is not ready: a batch waits for 99 s" in check["error"]
    assert client.get("/readyz?instance=mqtt-1").status_code == 503
    assert (
        'sitewire_mqtt_worker_ready{instance="mqtt-1"} 0.0'
        in client.get("/metrics").content.decode()
    )


@pytest.mark.django_db
def test_one_worker_can_be_asked_about(client: Client) -> None:
    leased()
    assert client.get("/readyz?instance=mqtt-1").status_code == 200
    assert (
        client.get("/readyz?instance=mqtt-2").json()["error"] == "no such MQTT worker has a lease"
    )


@pytest.mark.django_db
def test_connections_that_nobody_owns_are_counted(client: Client) -> None:
    leased()
    for owner in ("mqtt-1", "mqtt-gone", ""):
        site = Site.objects.create(name=f"of {owner}")
        MqttConnection.objects.create(
            site=site, broker_host="b.example", is_active=True, owner=owner
        )
    assert client.get("/readyz").json()["checks"]["orphans"]["count"] == 2
    assert "sitewire_orphaned_connections 2.0" in client.get("/metrics").content.decode()


@pytest.fixture
def full_redis() -> Iterator[None]:
    """With a worker that had its lease before."""
    leased()
    quick_client().config_set("maxmemory", "1")
    yield
    quick_client().config_set("maxmemory", "0")


@pytest.mark.django_db
def test_a_redis_without_memory_is_an_alarm_and_the_workers_stay_in_sight(
    client: Client, full_redis: None
) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert (
        "takes no writes: command not allowed when used memory"
        in answer.json()["checks"]["redis"]["error"]
    )
    assert answer.json()["checks"]["mqtt_workers"]["count"] == 1
    assert "sitewire_redis_writable 0.0" in client.get("/metrics").content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("dead_redis")
def test_without_redis_it_is_not_ready_and_says_why(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"] == {
        "ok": False,
        "error": "Redis does not answer. Links stay up and nothing is lost; is it running, and reachable?",
    }


@pytest.mark.django_db
def test_without_a_database_it_is_not_ready_and_says_why(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DatabaseError("password of the database in here")

    monkeypatch.setattr(system, "MigrationExecutor", refuse)
    monkeypatch.setattr(observe, "database_answers", lambda: False)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "does not answer" in answer.json()["checks"]["migrations"]["error"]
    assert b"password" not in answer.content


@pytest.mark.django_db
def test_metrics_count_what_there_is(client: Client) -> None:
    site = Site.objects.create(name="Plant")
    MqttConnection.objects.create(
        site=site, broker_host="b.example", is_active=True, status="connected"
    )
    SiteBooks.objects.create(
        site=site, received=9, stored=4, kept=2, dropped={"too_large": 3}, readings=9
    )
    ParserHealth.objects.create(site=site, parser_name="json", paused_since=timezone.now())
    quick_client().rpush("mqtt.ingest", "task")
    text = client.get("/metrics").content.decode()
    assert 'sitewire_connections{status="connected",wanted="true"} 1.0' in text
    assert 'sitewire_messages_total{outcome="stored"} 4.0' in text
    assert 'sitewire_messages_total{outcome="dropped:too_large"} 3.0' in text
    assert "sitewire_messages_kept 2.0" in text
    assert 'sitewire_parsers_paused{parser="json"} 1.0' in text
    assert 'sitewire_queue_depth{queue="mqtt.ingest"} 1.0' in text


@pytest.mark.django_db
def test_metrics_name_what_buffers_hold_and_gave_up(client: Client) -> None:
    leased(log_rows=3, events=4)
    count_given_up("log rows", 5)
    count_given_up("log rows", 2)
    page = client.get("/metrics").content.decode()
    assert 'sitewire_mqtt_worker_log_rows_waiting{instance="mqtt-1"} 3.0' in page
    assert 'sitewire_mqtt_worker_events_waiting{instance="mqtt-1"} 4.0' in page
    assert 'sitewire_given_up_total{what="log rows"} 7.0' in page
    assert 'sitewire_given_up_total{what="events for browsers"} 0.0' in page


@pytest.mark.django_db
@pytest.mark.usefixtures("dead_redis")
def test_metrics_without_redis_say_so_and_show_the_rest(client: Client) -> None:
    text = client.get("/metrics").content.decode()
    assert 'sitewire_up{part="redis"} 0.0' in text
    assert "sitewire_connections" in text


@pytest.mark.django_db
def test_metrics_from_elsewhere_need_a_superuser() -> None:
    root, member = Caller(superuser()), Caller(member_of(Site.objects.create(name="A")))
    answers = [
        caller.client.get("/metrics", REMOTE_ADDR="203.0.113.5").status_code
        for caller in (root, member, Caller())
    ]
    assert answers == [200, 401, 401]


@pytest.mark.django_db
def test_a_proxy_on_this_machine_does_not_make_its_callers_local(client: Client) -> None:
    assert client.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"}).status_code == 401


STRANGERS: dict[str, Any] = {"REMOTE_ADDR": "203.0.113.5"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/readyz", "/readyz?instance=mqtt-1"])
def test_a_stranger_hears_the_verdict_alone(path: str) -> None:
    leased(batches=3, oldest_batch=1.0)
    answer = Caller().client.get(path, **STRANGERS)
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    member = Caller(member_of(Site.objects.create(name="A")))
    assert member.client.get(path, **STRANGERS).json() == {"ready": True}
    assert "status" in Caller(superuser()).client.get(path, **STRANGERS).json()


@pytest.mark.django_db
@pytest.mark.usefixtures("dead_redis")
def test_a_stranger_hears_that_it_is_not_ready_and_not_why() -> None:
    for path in ("/readyz", "/readyz?instance=mqtt-1"):
        answer = Caller().client.get(path, **STRANGERS)
        assert (answer.status_code, answer.json()) == (503, {"ready": False})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("peer", "sees"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("11.1.2.3", False), ("", False)],
)
def test_networks_can_be_allowed_to_see_the_details(
    peer: str, sees: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "config", lambda: Config(health_allow=("10.0.0.0/8",)))
    assert ("checks" in Caller().client.get("/readyz", REMOTE_ADDR=peer).json()) is sees
    assert (Caller().client.get("/metrics", REMOTE_ADDR=peer).status_code == 200) is sees
    behind = Caller().client.get("/readyz", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR="203.0.113.5")
    assert behind.json().keys() == {"ready"}


def storing() -> list[Finding]:
    findings = judge(observe.observe(pulse()))
    return [finding for finding in findings if finding.check == "storing"]


@pytest.mark.django_db
def test_messages_that_are_not_stored_are_told_by_readyz_metrics_and_the_alarms(
    client: Client,
) -> None:
    leased(
        batches=1, links_not_stored=3, oldest_not_stored=12.0, waits_for="task_worker", suspects=2
    )
    check = client.get("/readyz").json()["checks"]["storing"]
    assert (check["ok"], check["links"]) == (False, 3)
    assert (
        "mqtt-1: the messages of 3 links are not stored (the oldest for 12 s): they wait for a task worker"
        in (check["error"])
    )
    shown = client.get("/metrics").content.decode()
    assert 'sitewire_mqtt_worker_links_not_stored{instance="mqtt-1"} 3.0' in shown
    assert 'sitewire_mqtt_worker_oldest_not_stored_age_seconds{instance="mqtt-1"} 12.0' in shown
    assert 'sitewire_mqtt_worker_suspect_links{instance="mqtt-1"} 2.0' in shown
    assert [(finding.severity, bool(finding.remedy)) for finding in storing()] == [
        (Severity.ERROR, True)
    ]


@pytest.mark.django_db
def test_messages_that_wait_for_a_moment_are_nothing_to_report(client: Client) -> None:
    leased(batches=1, links_not_stored=3, oldest_not_stored=5.0, waits_for="task_worker")
    assert client.get("/readyz").json()["checks"]["storing"]["ok"]
    assert [finding.severity for finding in storing()] == [Severity.OK]
