"""PostgreSQL and Redis of this run: ours as services, or the user's, checked before anything else
starts.
"""

import contextlib
import signal
import time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from project.local.processes import plan, ports
from project.local.processes.supervisor import Service
from project.local.refusal import Refusal
from project.local.report import ReportRow
from project.local.servers.postgres import Postgres
from project.local.servers.valkey import Valkey

OLDEST_POSTGRES = 140_000  # as server_version_num counts
FAST_SHUTDOWN = 3.0  # s


def postgres_service(server: Postgres, logs: Path, env: dict[str, str]) -> Service:
    log = logs / "postgres.log"

    def ready() -> bool:
        if not server.answers():
            return False
        server.create_database()
        return True

    return Service(
        "postgres",
        "postgres",
        f"{ports.LOOPBACK}:{server.port}, files in {server.cluster}",
        partial(server.start, log, env),
        ready,
        partial(plan.last_words, log),
        plan.POSTGRES,
        FAST_SHUTDOWN,
        stop_signal=signal.SIGINT,
    )


def valkey_service(server: Valkey, logs: Path, env: dict[str, str]) -> Service:
    log = logs / "redis.log"
    return Service(
        "redis",
        "redis",
        f"{ports.LOOPBACK}:{server.port} (Valkey)",
        partial(server.start, log, env),
        server.answers,
        partial(plan.last_words, log),
        plan.REDIS,
        1.0,
    )


def check_database(url: str) -> ReportRow:
    began = time.monotonic()
    if urlsplit(url).scheme not in {"postgres", "postgresql"}:
        raise Refusal("DATABASE_URL must look like postgres://user:password@host:5432/name.")
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version
    except psycopg.Error as error:
        words = " ".join(str(error).split())
        raise Refusal(
            f"The database of DATABASE_URL does not answer: {words} (Unset it to have one started here.)"
        ) from None
    if version < OLDEST_POSTGRES:
        raise Refusal(
            f"The database of DATABASE_URL is PostgreSQL {version // 10_000}; 14 or newer is needed."
        )
    return ReportRow("postgres", f"DATABASE_URL at {_place(url)}", time.monotonic() - began)


def check_redis(url: str) -> ReportRow:
    began = time.monotonic()
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
            client.ping()
    except ValueError:
        raise Refusal("REDIS_URL must look like redis://:password@host:6379/0.") from None
    except redis.RedisError as error:
        raise Refusal(
            f"The server of REDIS_URL does not answer: {error} (Unset it to have one started here.)"
        ) from None
    return ReportRow("redis", f"REDIS_URL at {_place(url)}", time.monotonic() - began)


def remove_stale_lock(cluster: Path) -> None:
    """After a crash of the machine the number in postmaster.pid may belong to another program of
    the same user.

    Leftovers of our own runs are gone when this is called, and nobody else runs in our folder.
    """
    lock = cluster / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(lock.read_text().splitlines()[0])
        command = Path(f"/proc/{pid}/comm")
        if Path("/proc/self").exists() and not (
            command.exists() and command.read_text().strip() == "postgres"
        ):
            lock.unlink()


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or 'a socket'}{f':{parts.port}' if parts.port else ''}"
