"""`manage.py up`, as a user starts it: in a copy of the tree, with the environment that is there
already.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import requests

from project.local.processes.ports import free_ports
from project.local.processes.registry import is_alive
from project.local.processes.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
KINDS = {"postgres", "redis", "web", "mqtt-worker", "worker", "beat", "flower"}
KEYS = {
    "web",
    "flower",
    "flower_user",
    "flower_password",
    "username",
    "password",
    "token",
    "database_url",
    "redis_url",
    "log_dir",
    "processes",
}
pytestmark = pytest.mark.e2e
OURS = {
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "DATA_DIR",
    "LOG_DIR",
    "DJANGO_SETTINGS_MODULE",
}


class Up:
    """One `manage.py up --no-demo` on free ports."""

    def __init__(self, tree: Path, data: Path, *flags: str, **extra: str) -> None:
        self.data, port, flower = data, *free_ports(2)
        command = [
            sys.executable,
            "manage.py",
            "up",
            "--port",
            str(port),
            "--flower-port",
            str(flower),
            *flags,
        ]
        self.process = subprocess.Popen(
            [*command, "--data-dir", str(data)],
            cwd=tree,
            env=environment() | extra,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def ready(self) -> dict[str, Any]:
        path = self.data / "up.json"
        assert wait_until(lambda: path.exists() or self.process.poll() is not None, 90)
        assert self.process.poll() is None, self.process.communicate()[0]
        assert wait_until(path.exists, 60)
        told: dict[str, Any] = json.loads(path.read_text())
        return told

    def end(self, number: int = signal.SIGTERM) -> str:
        self.process.send_signal(number)
        return self.process.communicate(timeout=20)[0]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OURS}


def pids(told: dict[str, Any]) -> list[int]:
    return [process["pid"] for process in told["processes"]]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    for name in ("manage.py", "project", "mqtt_app", "tasks", "requirements"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def up(tree: Path, data: Path) -> Iterator[Up]:
    running = Up(tree, data, "--no-demo")
    yield running
    if running.process.poll() is None:
        running.end(signal.SIGKILL)


def test_everything_answers_says_where_it_is_and_leaves_nothing_behind(up: Up, data: Path) -> None:
    told = up.ready()
    assert set(told) == KEYS
    assert (data / "up.json").stat().st_mode & 0o777 == 0o600
    assert {process["kind"] for process in told["processes"]} == KINDS
    token = {"Authorization": f"Token {told['token']}"}
    assert (
        requests.get(f"{told['web']}/api/v1/mqtt/sites/", headers=token, timeout=10).status_code
        == 200
    )
    assert requests.get(told["flower"], timeout=10).status_code == 401
    login = (told["flower_user"], told["flower_password"])
    assert requests.get(told["flower"], auth=login, timeout=10).status_code == 200
    with (
        psycopg.connect(told["database_url"]) as database,
        redis.Redis.from_url(told["redis_url"]) as server,
    ):
        assert database.execute(
            "SELECT is_superuser FROM auth_user WHERE username = 'admin'"
        ).fetchone() == (True,)
        assert server.ping()
    began = time.monotonic()
    output = up.end()
    assert time.monotonic() - began < 15
    assert "Traceback" not in output
    assert not any(map(is_alive, pids(told)))
    assert not (data / "up.json").exists()


def test_a_second_one_in_the_same_folder_is_refused_and_a_dead_process_is_started_again(
    up: Up, tree: Path, data: Path
) -> None:
    told = up.ready()
    second = Up(tree, data, "--no-demo")
    output = second.process.communicate(timeout=30)[0]
    assert second.process.returncode != 0
    assert "already runs" in output
    assert output.strip().count("\n") == 0
    beat = next(process["pid"] for process in told["processes"] if process["kind"] == "beat")
    os.kill(beat, signal.SIGKILL)
    assert wait_until(lambda: beat not in pids(up.ready()), 15)
    assert "beat" in up.end(signal.SIGINT)


def test_after_a_kill_the_next_start_finds_a_clean_machine(up: Up, tree: Path, data: Path) -> None:
    told = up.ready()
    up.end(signal.SIGKILL)
    again = Up(tree, data, "--no-demo")
    assert wait_until(lambda: again.ready() != told, 60)
    fresh = again.ready()
    assert not any(map(is_alive, set(pids(told)) - set(pids(fresh))))
    again.end()
    assert not any(map(is_alive, pids(fresh)))


def test_a_stop_while_it_starts_leaves_nothing_behind(tree: Path, data: Path) -> None:
    starting = Up(tree, data, "--no-demo")
    assert wait_until((data / "processes.json").exists, 30)
    time.sleep(1)
    entries = json.loads((data / "processes.json").read_text())["processes"]
    starting.process.send_signal(signal.SIGINT)
    output = starting.end(signal.SIGINT)
    assert "Traceback" not in output
    assert not any(is_alive(int(pid)) for pid, _ in entries.values())


def test_given_servers_are_used(tree: Path, tmp_path: Path) -> None:
    name, server_url, valkey_url = (
        "given_to_up",
        os.environ["DATABASE_URL"],
        os.environ["REDIS_URL"],
    )
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    url = f"{server_url.rpartition('/')[0]}/{name}"
    given = Up(tree, tmp_path, "--no-demo", DATABASE_URL=url, REDIS_URL=valkey_url)
    told = given.ready()
    assert not {"postgres", "redis"} & {process["kind"] for process in told["processes"]}
    assert (told["database_url"], told["redis_url"]) == (url, valkey_url)
    given.end()


@pytest.mark.parametrize(
    "flags", [["--port", "0"], ["--port", "x"], ["--bogus"], ["--mqtt-workers", "0"]]
)
def test_a_bad_flag_is_one_sentence_and_changes_nothing(
    tree: Path, tmp_path: Path, flags: list[str]
) -> None:
    command = [sys.executable, "manage.py", "up", *flags, "--data-dir", str(tmp_path / "none")]
    done = subprocess.run(
        command,
        cwd=tree,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.strip().count("\n") == 0
    assert not (tmp_path / "none").exists()
