"""One judgement of the installation: each fault alone gives its finding, and no other."""

from typing import Any

import pytest

from mqtt_app.domain.health.findings import Check, Severity
from mqtt_app.domain.health.judgement import Installation, QueueState, WorkerState, judge, unready
from mqtt_app.domain.health.periodic import Periodic, PeriodicTaskName
from mqtt_app.domain.health.queues import INGEST, LOGS, PERIODIC_MAX, PRESENCE, limit
from mqtt_app.domain.health.vitals import Vitals

RECONCILE = Periodic(
    PeriodicTaskName.RECONCILE, "Reconcile", period=30.0, meant=30.0, last_run_age=5.0, waited=5.0
)


def installation(**seen: Any) -> Installation:
    healthy: dict[str, Any] = {
        "redis_reachable": True,
        "database_reachable": True,
        "workers": (WorkerState("mqtt-1", 1.0, 3, 10, Vitals()),),
        "queues": (QueueState(INGEST, 1, 10),),
        "periodic_tasks": (RECONCILE,),
    }
    return Installation(**(healthy | seen))


def wrong(**seen: Any) -> list[tuple[str, Severity]]:
    return [
        (finding.check, finding.severity)
        for finding in judge(installation(**seen))
        if finding.severity is not Severity.OK
    ]


def test_a_healthy_installation_has_a_good_finding_for_each_check() -> None:
    findings = judge(installation())
    assert {finding.check for finding in findings} == set(Check)
    assert {finding.severity for finding in findings} == {Severity.OK}


def worker(**vitals: Any) -> tuple[WorkerState, ...]:
    return (WorkerState("mqtt-1", 1.0, 3, 10, Vitals(**vitals)),)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"database_reachable": False}, [(Check.DATABASE, Severity.ERROR)]),
        ({"pending_migrations": ("mqtt.0001",)}, [(Check.MIGRATIONS, Severity.ERROR)]),
        ({"pending_migrations": None}, [(Check.MIGRATIONS, Severity.ERROR)]),
        ({"redis_reachable": False}, [(Check.REDIS, Severity.ERROR)]),
        ({"redis_refusal": "OOM"}, [(Check.REDIS, Severity.ERROR)]),
        ({"workers": ()}, [(Check.MQTT_WORKERS, Severity.ERROR)]),
        ({"workers": worker(last_turn=11.0)}, [(Check.MQTT_WORKERS, Severity.ERROR)]),
        ({"workers": worker(last_turn=10.0)}, []),
        (
            {"workers": worker(links_not_stored=1, oldest_not_stored=8.0)},
            [(Check.STORING, Severity.ERROR)],
        ),
        ({"workers": worker(links_not_stored=1, oldest_not_stored=7.9)}, []),
        ({"orphans": 1}, [(Check.ORPHANS, Severity.WARNING)]),
        ({"orphans": None}, [(Check.ORPHANS, Severity.WARNING)]),
        ({"queues": (QueueState(INGEST, 9, 10),)}, []),
        ({"queues": (QueueState(INGEST, 10, 10),)}, [(Check.QUEUES, Severity.WARNING)]),
        ({"queues": (QueueState(INGEST, 0, 10, ()),)}, [(Check.QUEUES, Severity.ERROR)]),
        ({"queues": (QueueState(INGEST, 0, 10, ("w",)),)}, []),
        ({"queues": None}, [(Check.QUEUES, Severity.WARNING)]),
        ({"periodic_tasks": None}, [(Check.PERIODIC_TASKS, Severity.WARNING)]),
    ],
    ids=repr,
)
def test_each_fault_is_one_finding(
    seen: dict[str, Any], expected: list[tuple[Check, Severity]]
) -> None:
    assert wrong(**seen) == expected


def test_a_redis_without_memory_is_no_proof_that_workers_are_dead() -> None:
    findings = judge(installation(redis_refusal="OOM", workers=()))
    assert (Check.MQTT_WORKERS, Severity.WARNING) in [
        (finding.check, finding.severity) for finding in findings
    ]


def test_only_workers_that_do_not_get_on_are_unready() -> None:
    stuck = WorkerState("mqtt-2", 1.0, 3, 10, Vitals(last_turn=99.0))
    silent = WorkerState("mqtt-3", 1.0, 3, 10)
    assert list(unready(installation(workers=(*worker(), stuck, silent)))) == ["mqtt-2"]


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"waited": 100.0}, Severity.OK),
        ({"waited": 100.1}, Severity.ERROR),
        ({"is_sent": False}, Severity.ERROR),
        ({"period": None}, Severity.WARNING),
        ({"period": 120.0}, Severity.OK),
        ({"period": 121.0}, Severity.WARNING),
        ({"period": 7_200.0, "waited": 3_600.0}, Severity.WARNING),
        ({"last_run_age": None, "waited": 0.0}, Severity.OK),
    ],
    ids=repr,
)
def test_a_periodic_task_is_judged_by_its_own_schedule(
    changes: dict[str, Any], severity: Severity
) -> None:
    fields = {name: getattr(RECONCILE, name) for name in RECONCILE.__struct_fields__}
    task = Periodic(**(fields | changes))
    findings = judge(installation(periodic_tasks=(task,)))
    assert [f.severity for f in findings if f.check == Check.PERIODIC_TASKS] == [severity]


def test_every_finding_that_needs_somebody_says_what_to_do() -> None:
    seen = installation(
        redis_refusal="OOM",
        orphans=3,
        workers=worker(links_not_stored=1, oldest_not_stored=9.0, waits_for="queue"),
    )
    for finding in judge(seen):
        assert finding.severity is Severity.OK or finding.remedy or "ready" in finding.finding


@pytest.mark.parametrize(("queue", "most"), [(INGEST, 7), (LOGS, 9), (PRESENCE, PERIODIC_MAX)])
def test_each_queue_has_its_own_limit(queue: str, most: int) -> None:
    assert limit(queue, ingest_max=7, logs_max=9) == most
