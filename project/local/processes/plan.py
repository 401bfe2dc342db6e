"""Which processes make up Sitewire on one machine, in the order of their start, and how each shows
that it answers.
"""

import contextlib
import json
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import redis
from celery import Celery

from mqtt_app.coordination import keys
from project.local.options import ROOT, Options
from project.local.processes.ports import LOOPBACK, problem_with
from project.local.processes.process import spawn
from project.local.processes.supervisor import Service
from tasks import queues

DRAIN = 6.0  # s; MQTT workers need up to 5 to hand over
GRACE = 4.0  # s for the others; what is left of a task then is taken up again at the next start
TASK_WORKER = "tasks@sitewire"
PROBE_WORKER = "probes@sitewire"  # waits for brokers that hang, and nothing else waits for it
LINKS, PROGRAMS, BROKER, REDIS, POSTGRES = range(5)  # stages of stopping


@dataclass(frozen=True, slots=True)
class Programs:
    """Starts our own Python programs with one environment and one folder of logs."""

    env: Mapping[str, str]
    logs: Path

    def service(
        self,
        name: str,
        kind: str,
        where: str,
        command: list[str],
        ready: Callable[[Path], bool],
        *,
        stage: int = PROGRAMS,
        grace: float = GRACE,
        after_death: Callable[[int], None] = lambda _pid: None,
    ) -> Service:
        log = self.logs / f"{name}.log"
        return Service(
            name,
            kind,
            where,
            partial(self._start, command, log),
            partial(ready, log),
            partial(last_words, log),
            stage,
            grace,
            after_death=after_death,
        )

    def _start(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        return spawn([sys.executable, *command], env=self.env, log=log, cwd=ROOT)


def broker(programs: Programs, ports: list[int]) -> Service:
    command = ["-m", "project.local.demo.broker", *map(str, ports)]
    where = ", ".join(f"{LOOPBACK}:{port}" for port in ports)
    ready = lambda _log: all(problem_with(port) for port in ports)  # noqa: E731  taken: it listens
    return programs.service("demo-broker", "broker", where, command, ready, stage=BROKER, grace=1.0)


def services(
    programs: Programs, options: Options, redis_url: str, flower_login: tuple[str, str]
) -> list[Service]:
    """All that needs the migrated database."""
    return [
        _web(programs, options.port),
        *(
            _mqtt_worker(programs, f"mqtt-{number}", redis_url)
            for number in range(1, options.mqtt_workers + 1)
        ),
        _worker(programs, redis_url, "worker", TASK_WORKER, queues.SERVED_TOGETHER),
        _worker(programs, redis_url, "probe-worker", PROBE_WORKER, (queues.PROBE,)),
        _beat(programs),
        _flower(programs, options.flower_port, flower_login),
    ]


def _web(programs: Programs, port: int) -> Service:
    command = [
        "-m",
        "uvicorn",
        "project.asgi:application",
        "--host",
        LOOPBACK,
        "--port",
        str(port),
        "--no-access-log",
        "--no-proxy-headers",
        "--timeout-graceful-shutdown",
        "2",
        "--log-level",
        "warning",
    ]
    url = f"http://{LOOPBACK}:{port}/"
    return programs.service("web", "web", url, command, lambda _log: answers(f"{url}livez"))


def _mqtt_worker(programs: Programs, instance: str, redis_url: str) -> Service:
    """Ready once its lease is there. A dead one's lease is given up for it at once: we know for
    certain.
    """
    return programs.service(
        f"mqtt-worker-{instance.rpartition('-')[2]}",
        "mqtt-worker",
        f"instance {instance}",
        ["manage.py", "start_mqtt_service", "--instance", instance],
        lambda _log: lease_holder(redis_url, instance) is not None,
        stage=LINKS,
        grace=DRAIN,
        after_death=partial(release_lease, redis_url, instance),
    )


def _worker(
    programs: Programs, redis_url: str, name: str, node: str, served: Sequence[str]
) -> Service:
    command = [
        "-m",
        "celery",
        "-A",
        "project",
        "worker",
        "-Q",
        ",".join(served),
        "-c",
        "2",
        "-n",
        node,
        "--without-mingle",
        "--without-gossip",
    ]
    return programs.service(
        name,
        "worker",
        f"queues {', '.join(served)}",
        command,
        lambda _log: pings(redis_url, node),
    )


def _beat(programs: Programs) -> Service:
    scheduler = "project.scheduler:Scheduler"
    command = ["-m", "celery", "-A", "project", "beat", "--scheduler", scheduler, "--pidfile", ""]
    return programs.service(
        "beat", "beat", "schedule in the database", command, partial(says, "beat: Starting")
    )


def _flower(programs: Programs, port: int, login: tuple[str, str]) -> Service:
    """Its password comes by the variable FLOWER_BASIC_AUTH: everybody can read a command line."""
    command = [
        "-m",
        "celery",
        "-A",
        "project",
        "flower",
        f"--address={LOOPBACK}",
        f"--port={port}",
        "--logging=warning",
    ]
    url = f"http://{LOOPBACK}:{port}/"
    return programs.service("flower", "flower", url, command, lambda _log: answers(url, login))


# How each shows that it answers


def answers(url: str, login: tuple[str, str] | None = None) -> bool:
    request = urllib.request.Request(url)
    if login:
        request.add_header("Authorization", f"Basic {b64encode(':'.join(login).encode()).decode()}")
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({})
    )  # a proxy does not know our loopback
    try:
        with opener.open(request, timeout=3) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def pings(redis_url: str, node: str) -> bool:
    with (
        Celery(broker=redis_url, set_as_current=False) as app,
        contextlib.suppress(OSError, redis.RedisError),
    ):
        return bool(app.control.ping(destination=[node], timeout=0.5, limit=1))
    return False


def says(text: str, log: Path) -> bool:
    return log.exists() and text in log.read_text(errors="replace")


def last_words(log: Path) -> str:
    if log.exists():
        lines = log.read_text(errors="replace").strip().splitlines()
    else:
        lines = []
    if lines:
        return f"Last line of {log}: {lines[-1][:300]}"
    return f"{log} is empty."


def lease_holder(redis_url: str, instance: str) -> int | None:
    """Process id in the lease of an instance; None when there is no lease."""
    with redis.Redis.from_url(redis_url, socket_timeout=2) as client:
        try:
            value = client.get(keys.instance(instance))
            if isinstance(value, bytes):
                return int(json.loads(value)["pid"])
            return None
        except (redis.RedisError, ValueError, KeyError):
            return None


def release_lease(redis_url: str, instance: str, pid: int) -> None:
    if lease_holder(redis_url, instance) == pid:
        with (
            redis.Redis.from_url(redis_url, socket_timeout=2) as client,
            contextlib.suppress(redis.RedisError),
        ):
            client.delete(keys.instance(instance))
