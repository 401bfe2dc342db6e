"""Sitewire's real processes on free ports, with a database and a Valkey of their own, driven as a
user would.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
import requests
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = f"sitewire_stack_template_{os.getpid()}"
QUEUES = "mqtt.control,mqtt.ingest,mqtt.presence,mqtt.logs,mqtt.rollups,mqtt.probe"

QUICK = {
    # The production constants divided by five: the same relations, shorter waits.
    "SITEWIRE_LEASE_TTL": "3",
    "SITEWIRE_LEASE_RENEW": "0.6",
    "SITEWIRE_LEASE_ACT": "2",
    "SITEWIRE_SCAN_INTERVAL": "0.6",
    "SITEWIRE_DRAIN_TIMEOUT": "1",
    "SITEWIRE_FORCE_AFTER": "3",
    "SITEWIRE_BACKOFF_BASE": "0.2",
    "SITEWIRE_BACKOFF_CAP": "2",
    "SITEWIRE_REFUSED_BASE": "2",
    "SITEWIRE_REFUSED_CAP": "4",
    "SITEWIRE_RECEIPT_TIMEOUT": "6",
    "SITEWIRE_RESTART_GRACE": "2",
    "SITEWIRE_CONNECT_TIMEOUT": "3",
    "SITEWIRE_CONNACK_TIMEOUT": "3",
    "SITEWIRE_EVIDENCE_INTERVAL": "0.5",
}

_SET_UP = """
import django; django.setup()
from django.core.management import call_command
from django.contrib.auth import get_user_model
from mqtt_app.models import ApiToken
call_command("migrate", verbosity=0)
User = get_user_model()
admin = User.objects.create_superuser("admin", password="admin-password")
member = User.objects.create_user("member", password="member-password")
print(ApiToken.objects.create(admin)[1], ApiToken.objects.create(member)[1])
"""


def wait_for(
    condition: Callable[[], Any], seconds: float = 30.0, every: float = 0.1, what: str = ""
) -> Any:
    """The first truthy answer; AssertionError with the last answer when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, (
            f"not within {seconds:.0f} s: {what or condition} (last answer {answer!r})"
        )
        time.sleep(every)


class Stack:
    """`start(...)` what a test needs; everything is killed at the end."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        redis_url: str,
        tokens: tuple[str, str],
        constants: Mapping[str, str] = QUICK,
        **extra: str,
    ) -> None:
        self.folder, self.database_url, self.redis_url = folder, database_url, redis_url
        self.token, self.member_token = tokens
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.env = environment(folder, database_url, redis_url, constants) | extra
        self.redis = redis.Redis.from_url(redis_url)
        self.db = psycopg.connect(database_url, autocommit=True)
        self.url = ""

    # Processes

    def start(
        self, name: str, *command: str, inherits: Sequence[int] = (), **extra: str
    ) -> subprocess.Popen[bytes]:
        """`inherits`: open descriptors that the process gets as they are."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.env | extra,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=inherits,
            )
        self.processes[name] = process
        return process

    def web(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.start(
            "web",
            "-m",
            "uvicorn",
            "project.asgi:application",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-proxy-headers",
        )
        wait_for(lambda: self._answers("/livez"), what="the web process")

    def worker(self, name: str = "worker", queues: str = QUEUES, concurrency: int = 1) -> None:
        self.start(
            name,
            "-m",
            "celery",
            "-A",
            "project",
            "worker",
            "-Q",
            queues,
            "-c",
            str(concurrency),
            "-n",
            f"{name}@localhost",
            "--without-mingle",
            "--without-gossip",
        )
        wait_for(
            lambda: b"ready." in self.log(name),
            60,
            what=f"the task worker {name}; see {self.folder}/{name}.log",
        )

    def mqtt(self, instance: str = "mqtt-1", **extra: str) -> None:
        name = instance
        self.start(
            name, "manage.py", "start_mqtt_service", "--instance", instance, inherits=(), **extra
        )
        wait_for(
            lambda: self.redis.exists(f"mqtt:instance:{instance}"), what=f"the lease of {instance}"
        )

    def beat(self) -> None:
        self.start("beat", "-m", "celery", "-A", "project", "beat", "-s", str(self.folder / "beat"))

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        process.wait(30)

    def stop(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        self.redis.close()
        self.db.close()

    def log(self, name: str) -> bytes:
        path = self.folder / f"{name}.log"
        return path.read_bytes() if path.exists() else b""

    # The API

    def _answers(self, path: str) -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(self.url + path, timeout=5).status_code == 200
        return False

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> requests.Response:
        headers = {"Authorization": f"Token {token or self.token}"}
        return requests.request(
            method, f"{self.url}/api/v1/mqtt/{path}", json=body, headers=headers, timeout=20
        )

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def site(
        self, name: str, port: int, filters: tuple[str, ...] = ("#",), **connection: Any
    ) -> int:
        """A site with a connection to a broker on this machine and its topics; not started."""
        created = self.call("POST", "sites/", {"name": name})
        assert created.status_code == 201, created.text
        site_id: int = created.json()["id"]
        values = {"broker_host": "127.0.0.1", "broker_port": port} | connection
        answer = self.call("PUT", f"sites/{site_id}/connection/", values)
        assert answer.status_code in {200, 201}, answer.text
        for topic_filter in filters:
            answer = self.call(
                "POST", f"sites/{site_id}/topics/", {"filter": topic_filter, "qos": 1}
            )
            assert answer.status_code == 201, answer.text
        return site_id

    def switch(self, site_id: int, to: str) -> dict[str, Any]:
        answer = self.call("POST", f"sites/{site_id}/{to}/")
        assert answer.status_code == 202, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def status(self, site_id: int) -> str:
        return str(self.get(f"sites/{site_id}/connection/")["status"])

    def until(self, site_id: int, status: str, seconds: float = 30.0) -> None:
        wait_for(
            lambda: self.status(site_id) == status,
            seconds,
            what=f"site {site_id} {status}; is {self.status(site_id)}",
        )

    # The database

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.db.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        found = self.rows(query, *values)
        return found[0][0] if found else None


def environment(
    folder: Path, database_url: str, redis_url: str, constants: Mapping[str, str] = QUICK
) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SITEWIRE_")}
    return (
        kept
        | dict(constants)
        | {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "DATA_DIR": str(folder),
            "LOG_DIR": str(folder),
            "DATABASE_POOL_SIZE": "10",
            "DJANGO_SETTINGS_MODULE": "project.settings.test",
            "PYTHONUNBUFFERED": "1",
        }
    )


def with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def make_template(server_url: str, folder: Path, redis_url: str) -> tuple[str, str]:
    """Migrate once into a template database; gives the tokens of its superuser and its plain
    member.
    """
    with psycopg.connect(with_database(server_url, "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    return set_up(environment(folder, with_database(server_url, TEMPLATE), redis_url))


def set_up(env: dict[str, str]) -> tuple[str, str]:
    """Migrate an empty database; gives the tokens of its superuser and its plain member."""
    command = [sys.executable, "-c", _SET_UP]
    run = subprocess.run(
        command, check=False, cwd=ROOT, env=env, capture_output=True, text=True, timeout=90
    )
    assert run.returncode == 0, run.stderr
    admin_token, member_token = run.stdout.split()
    return admin_token, member_token


@contextlib.contextmanager
def fresh_database(server_url: str, name: str) -> Iterator[str]:
    with psycopg.connect(with_database(server_url, "postgres"), autocommit=True) as admin:
        identifier = sql.Identifier(name)
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(identifier, sql.Identifier(TEMPLATE))
        )
        yield with_database(server_url, name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())
