"""Three MQTT workers, a task worker, beat and web, each reaching PostgreSQL and Valkey through
proxies of its own.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests

from tests.chaos.pace import Pace
from tests.chaos.proxy import FaultProxy, Mode
from tests.chaos.servers import Cache, Database
from tests.services import free_port
from tests.stack import Stack, environment, set_up, wait_for

OURS = "127.0.1."  # where MQTT workers connect from; nobody else does


class House(Stack):
    """MQTT worker n connects from 127.0.1.n, so that a broker's log names it."""

    def __init__(self, folder: Path, pace: Pace, **extra: str) -> None:
        self.pace, self.database, self.cache = pace, Database(), Cache(folder)
        self.to_redis: dict[str, FaultProxy] = {}
        self.to_database: dict[str, FaultProxy] = {}
        self.database.start()
        self.database.create()
        self.cache.start()
        tokens = set_up(environment(folder, self.database.url, self.cache.url, pace.constants))
        super().__init__(folder, self.database.url, self.cache.url, tokens, pace.constants, **extra)

    def open(self) -> None:
        self.web(free_port())
        self.worker(concurrency=2)
        for instance in self.instances:
            self.begin(instance)
        self.until_leased()
        self.beat()

    def begin(self, instance: str) -> None:
        """Start an MQTT worker and do not wait."""
        self.start(instance, "manage.py", "start_mqtt_service", "--instance", instance)

    def until_leased(self, seconds: float = 60.0) -> None:
        def missing() -> list[str]:
            return [
                name for name in self.instances if not self.redis.exists(f"mqtt:instance:{name}")
            ]

        wait_for(lambda: not missing(), seconds, what=f"a lease of each of {self.instances}")

    @property
    def instances(self) -> list[str]:
        return [f"mqtt-{number}" for number in range(1, self.pace.workers + 1)]

    def start(
        self, name: str, *command: str, inherits: Sequence[int] = (), **extra: str
    ) -> subprocess.Popen[bytes]:
        if name not in self.to_redis:
            self.to_redis[name] = FaultProxy(self.cache.port)
            self.to_database[name] = FaultProxy(self.database.port)
        urls = {
            "REDIS_URL": _through(self.redis_url, self.to_redis[name]),
            "DATABASE_URL": _through(self.database_url, self.to_database[name]),
        }
        if name.startswith("mqtt-"):
            urls["SITEWIRE_BIND_ADDRESS"] = address_of(name)
        return super().start(name, *command, inherits=inherits, **urls | extra)

    def stop(self) -> None:
        super().stop()
        for proxy in (*self.to_redis.values(), *self.to_database.values()):
            proxy.close()
        self.cache.kill()
        self.database.end()

    def ready(self) -> str:
        """What `/readyz` says."""
        return requests.get(f"{self.url}/readyz", timeout=10).text

    def reconnect(self) -> None:
        """Our own look at the database, after it was away."""
        self.db.close()
        self.db = psycopg.connect(self.database_url, autocommit=True)

    def heal(self) -> None:
        for proxy in (*self.to_redis.values(), *self.to_database.values()):
            proxy.heal()
            proxy.delay = proxy.rate = 0.0

    def part(self, mode: Mode, *names: str, redis: bool = False, database: bool = False) -> None:
        """Put what these processes (all, without names) reach Valkey or PostgreSQL through into
        this mode.
        """
        for proxies in ([self.to_redis] if redis else []) + (
            [self.to_database] if database else []
        ):
            for name in names or proxies:
                proxies[name].mode = mode

    def whole(self) -> None:
        """Everything is there and answers; what a scenario has taken away is given back."""
        self.heal()
        for instance in self.instances:
            if instance not in self.processes:
                self.begin(instance)
        if "worker" not in self.processes:
            self.worker(concurrency=2)
        if "beat" not in self.processes:
            self.beat()
        dead = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in dead:
            del self.processes[name]
        assert not dead, f"{dead} did not survive; see {self.folder}"
        self.until_leased()


def address_of(instance: str) -> str:
    return f"{OURS}{instance.partition('-')[2]}"


def _through(url: str, proxy: FaultProxy) -> str:
    parts = urlsplit(url)
    credentials, _, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{credentials}@127.0.0.1:{proxy.port}"))
