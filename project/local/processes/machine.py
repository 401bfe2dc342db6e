"""One Sitewire on this machine: its folder, its servers, its programs."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from project.local import files, report, running
from project.local.install import secrets_store
from project.local.install.prepare import REQUEST
from project.local.options import ROOT, Options
from project.local.processes import plan, ports, registry
from project.local.processes.process import session
from project.local.processes.supervisor import ProcessSupervisor, Service
from project.local.progress import say
from project.local.refusal import Refusal
from project.local.servers import embedded, postgres
from project.local.servers.postgres import Postgres
from project.local.servers.valkey import Valkey

FLOWER_USER = "admin"
DEMO_SITES = 3


class Local:
    def __init__(
        self, options: Options, check: Callable[[], None], hurried: Callable[[], bool]
    ) -> None:
        self._options, self._check = options, check
        self._folder = options.data_dir
        self._logs = options.data_dir / "log"
        self._ledger = registry.ProcessRegistry(options.data_dir)
        self._supervisor = ProcessSupervisor(self._ledger.add, check, hurried)
        self._secrets = secrets_store.load(options.data_dir)
        self._env: dict[str, str] = {}
        self._rows: list[report.ReportRow] = []
        self._account: dict[str, str] = {}

    def start(self) -> None:
        say(f"Starting Sitewire in {self._folder} ...")
        self._logs.mkdir(mode=0o700, exist_ok=True)
        report.rotate(self._logs)
        own, database_url, redis_url = self._servers()
        self._env = self._environment(database_url, redis_url)
        programs = plan.Programs(self._env, self._logs)
        if self._options.demo:
            demo = self._ports("demo", DEMO_SITES)
        else:
            demo = []
        self._start([*own, *([plan.broker(programs, demo)] if demo else [])])
        self._prepare(demo)
        login = (FLOWER_USER, str(self._secrets["flower_password"]))
        self._start(plan.services(programs, self._options, redis_url, login))
        running.publish_environment(self._folder, self._env)
        self._publish()

    def tick(self) -> None:
        if self._supervisor.tick():
            self._publish()

    def stop(self) -> None:
        running.withdraw(self._folder)
        self._supervisor.stop()
        self._ledger.close()

    def table(self, seconds: float) -> str:
        login = report.Login(
            self._account["username"],
            str(self._secrets["admin_password"]),
            FLOWER_USER,
            str(self._secrets["flower_password"]),
        )
        return report.table(self._rows, seconds, login, self._options, self._logs)

    def _servers(self) -> tuple[list[Service], str, str]:
        """Services of the servers that are ours, and both URLs."""
        env = {registry.VARIABLE: self._ledger.mark}
        own: list[Service] = []
        database_url, redis_url = (
            os.environ.get("DATABASE_URL", ""),
            os.environ.get("REDIS_URL", ""),
        )
        if database_url:
            self._rows.append(embedded.check_database(database_url))
        if redis_url:
            self._rows.append(embedded.check_redis(redis_url))
        if not database_url:
            server = self._postgres()
            own.append(embedded.postgres_service(server, self._logs, postgres.environment(env)))
            database_url = server.url
        if not redis_url:
            valkey = Valkey(
                self._folder / "valkey",
                self._ports("redis")[0],
                str(self._secrets["redis_password"]),
            )
            own.append(embedded.valkey_service(valkey, self._logs, env))
            redis_url = valkey.url
        return own, database_url, redis_url

    def _postgres(self) -> Postgres:
        folder = postgres.usable_folder(self._folder / "postgres")
        embedded.remove_stale_lock(folder / "cluster")
        return postgres.prepare(
            folder, self._ports("postgres")[0], str(self._secrets["postgres_password"])
        )

    def _ports(self, name: str, count: int = 1) -> list[int]:
        """The same as last time where they are still free."""
        kept: dict[str, list[int]] = self._secrets["ports"]
        chosen = [ports.kept_or_free(port) for port in (kept.get(name) or ports.free_ports(count))]
        kept[name] = chosen
        secrets_store.save(self._folder, self._secrets)
        return chosen

    def _environment(self, database_url: str, redis_url: str) -> dict[str, str]:
        ours = {
            "DJANGO_SETTINGS_MODULE": "project.settings.local",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "DATA_DIR": str(self._folder),
            "LOG_DIR": str(self._logs),
            "FLOWER_BASIC_AUTH": f"{FLOWER_USER}:{self._secrets['flower_password']}",
            "PYTHONUNBUFFERED": "1",
            "SITEWIRE_OWN_SERVICES": self._own_services(),
            # they ran with the migrations; each worker would load the whole web for them
            "CELERY_SKIP_CHECKS": "1",
            registry.VARIABLE: self._ledger.mark,
        }
        theirs = {
            "SECRET_KEY": os.environ.get("SECRET_KEY") or str(self._secrets["secret_key"]),
            "FIELD_ENCRYPTION_KEYS": os.environ.get("FIELD_ENCRYPTION_KEYS")
            or str(self._secrets["field_encryption_keys"]),
        }
        # Without cached bytecode each start compiles 700 files in each of seven processes: 10 s of
        # a 2-core machine.
        given = {
            name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
        }
        return {**given, **theirs, **ours}

    def _own_services(self) -> str:
        """No broker is dialled there."""
        own = [
            f"{ports.LOOPBACK}:{port}" for port in (self._options.port, self._options.flower_port)
        ]
        return ",".join([*own, *filter(None, [os.environ.get("SITEWIRE_OWN_SERVICES")])])

    def _start(self, services: list[Service]) -> None:
        self._supervisor.start(services)
        self._supervisor.wait_ready()
        seconds = self._supervisor.seconds()
        self._rows += [
            report.ReportRow(service.name, service.where, seconds[service.name])
            for service in services
        ]

    def _prepare(self, demo_ports: list[int]) -> None:
        """Migrations and first rows, in a process of their own."""
        request = {
            "password": self._secrets["admin_password"],
            "own_database": "DATABASE_URL" not in os.environ,
            "old_token": self._secrets["token_digest"],
            "demo_ports": demo_ports,
        }
        began = time.monotonic()
        env = {**self._env, REQUEST: json.dumps(request)}
        self._account = self._ask([sys.executable, "-m", "project.local.install.prepare"], env)
        self._secrets["token_digest"] = self._account["digest"]
        secrets_store.save(self._folder, self._secrets)
        self._rows.append(
            report.ReportRow(
                "migrations",
                "tables, administrator" + (", demo sites" if demo_ports else ""),
                time.monotonic() - began,
            )
        )

    def _ask(self, command: list[str], env: dict[str, str]) -> dict[str, str]:
        log = self._logs / "prepare.log"
        with (
            log.open("ab") as errors,
            session(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors) as process,
        ):
            self._ledger.add("prepare", process.pid)
            while process.poll() is None:
                self._check()
                time.sleep(0.05)
            if process.stdout:
                output = process.stdout.read().decode()
            else:
                output = ""
        answer: dict[str, str] = {}
        with contextlib.suppress(ValueError):
            answer = json.loads(output.strip().rpartition("\n")[2])
        if process.returncode != 0 or not answer:
            raise Refusal(
                answer.get("problem")
                or f"The database could not be prepared. {plan.last_words(log)}"
            )
        return answer

    def _publish(self) -> None:
        content: dict[str, Any] = {
            "web": f"http://{ports.LOOPBACK}:{self._options.port}",
            "flower": f"http://{ports.LOOPBACK}:{self._options.flower_port}",
            "flower_user": FLOWER_USER,
            "flower_password": self._secrets["flower_password"],
            "username": self._account["username"],
            "password": self._secrets["admin_password"],
            "token": self._account["token"],
            "database_url": self._env["DATABASE_URL"],
            "redis_url": self._env["REDIS_URL"],
            "log_dir": str(self._logs),
            "processes": self._supervisor.processes(),
        }
        files.write_private(self._folder / running.UP, content)
