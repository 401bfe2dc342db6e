"""What each container asks itself: healthy while it works, and a sentence when it does not."""

import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from mqtt_app.coordination.leases import Lease, LeaseStore
from mqtt_app.domain.health.vitals import Vitals
from project.healthcheck import process as health_check
from project.local.processes.ports import free_port
from project.local.processes.waiting import wait_until
from tests.integration.deployment.production import environment, run
from tests.stack import ROOT


def worker_health(kind: str, name: str, **changes: str) -> tuple[int, str]:
    done = run("-m", "project.healthcheck.worker", kind, name, env=environment(**changes))
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def leases() -> Iterator[LeaseStore]:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
        yield LeaseStore(client, 60.0)
        client.flushdb()


def test_an_mqtt_worker_is_healthy_while_it_holds_its_lease(leases: LeaseStore) -> None:
    assert worker_health("mqtt-worker", "mqtt-1") == (1, "mqtt-1 has no lease\n")
    leases.acquire(Lease("mqtt-1", "a", capacity=10, vitals=Vitals()))
    assert worker_health("mqtt-worker", "mqtt-1") == (0, "healthy\n")


def test_an_mqtt_worker_that_does_not_get_on_says_why(leases: LeaseStore) -> None:
    leases.acquire(Lease("mqtt-1", "a", capacity=10, vitals=Vitals(last_turn=11.0)))
    code, said = worker_health("mqtt-worker", "mqtt-1")
    assert code == 1
    assert "has not turned for 11 s" in said


def test_a_setting_moves_the_limit_of_health_with_it(leases: LeaseStore) -> None:
    leases.acquire(Lease("mqtt-1", "a", capacity=10, vitals=Vitals(last_look=31.0)))
    assert worker_health("mqtt-worker", "mqtt-1")[0] == 1
    assert worker_health("mqtt-worker", "mqtt-1", SITEWIRE_SCAN_INTERVAL="4")[0] == 0


@pytest.mark.parametrize(("kind", "name"), [("mqtt-worker", "mqtt-1"), ("worker", "control")])
def test_without_redis_a_worker_is_not_healthy(kind: str, name: str) -> None:
    code, said = worker_health(kind, name, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert code == 1
    assert said.startswith("Redis")


def test_a_task_worker_is_healthy_while_it_answers() -> None:
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "project",
        "worker",
        "-Q",
        "mqtt.logs",
        "-c",
        "1",
        "-n",
        "logs@%h",
    ]
    assert worker_health("worker", "logs") == (1, f"logs@{socket.gethostname()} does not answer\n")
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert wait_until(lambda: worker_health("worker", "logs")[0] == 0, 60)
        finally:
            process.terminate()


def test_beat_is_healthy_while_it_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "beat"
    monkeypatch.setenv("BEAT_HEARTBEAT", str(file))
    assert "not turned yet" in health_check.beat()
    file.touch()
    assert health_check.beat() == ""
    past = time.time() - health_check.BEAT_TURN - 1
    os.utime(file, (past, past))
    assert "has not turned for 61 s" in health_check.beat()


def test_beat_itself_keeps_the_file_fresh(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    command = [sys.executable, "-m", "celery", "-A", "project", "beat", "--pidfile", ""]
    env = environment(BEAT_HEARTBEAT=str(file))
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            assert wait_until(file.exists, 60)
            first = file.stat().st_mtime
            assert wait_until(lambda: file.stat().st_mtime > first, 30)
        finally:
            process.terminate()


@pytest.fixture
def server() -> Iterator[tuple[str, list[int]]]:
    answers = [200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers[0])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}/", answers
        found.shutdown()
        thread.join()


def test_a_web_server_is_healthy_when_it_answers_well(server: tuple[str, list[int]]) -> None:
    url, answers = server
    assert health_check._answers(url) == ""
    answers[0] = 503
    assert "503" in health_check._answers(url)
    assert "refused" in health_check._answers(f"http://127.0.0.1:{free_port()}/")


def test_the_cheap_checks_need_no_package() -> None:
    for kind in ("web", "flower", "beat"):
        done = run(
            "-S", "-m", "project.healthcheck.process", kind, env={"BEAT_HEARTBEAT": "/no/such/file"}
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["project.healthcheck.process", "project.healthcheck.worker"])
def test_an_unknown_kind_is_told_the_known_ones(module: str) -> None:
    done = run("-m", module, "nonsense", env=environment())
    assert done.returncode == 2
    assert done.stdout.startswith("Known: ")
