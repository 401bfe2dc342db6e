"""A private PostgreSQL: one folder, one loopback port, one password."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from project.local.processes import ports
from project.local.processes.process import Account, postgres_account, run_as, spawn
from project.local.refusal import Refusal
from project.local.servers import binaries

DATABASE = "sitewire"
SPARE_PLACES = (Path("/var/lib/sitewire"), Path("/var/tmp/sitewire"))


@dataclass(frozen=True, slots=True)
class Postgres:
    folder: Path  # holds `cluster` and `spare`; belongs to `account`
    programs: Path
    account: Account | None
    port: int
    password: str = field(repr=False)

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        return f"postgres://postgres:{self.password}@{ports.LOOPBACK}:{self.port}/{database}"

    def command(self, options: Sequence[str] = ()) -> list[str | Path]:
        settings = (
            f"listen_addresses={ports.LOOPBACK}",
            f"port={self.port}",
            # a socket's path may have 107 bytes only; the port needs none
            "unix_socket_directories=",
            "timezone=UTC",
            "log_timezone=UTC",
            "max_connections=200",
            *options,
        )
        return [
            self.programs / "postgres",
            "-D",
            self.cluster,
            *(part for setting in settings for part in ("-c", setting)),
        ]

    def start(
        self, log: Path, env: dict[str, str], options: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """A fast shutdown (SIGINT) follows when we die."""
        return spawn(
            self.command(options),
            env=env,
            log=log,
            cwd=self.folder,
            account=self.account,
            at_our_death=signal.SIGINT,
        )

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url_of("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as admin:
            if not admin.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)
            ).fetchone():
                admin.execute(f"CREATE DATABASE {DATABASE}".encode())


def prepare(folder: Path, port: int, password: str) -> Postgres:
    """The cluster in `folder`, made on the first call. A half made one, of an interrupted start, is
    made anew.
    """
    account = owner(folder)
    own(folder, account)
    server = Postgres(folder, binaries.postgres_programs(folder, account), account, port, password)
    if not (server.cluster / "PG_VERSION").exists():
        _initialise(server)
    return server


def environment(extra: dict[str, str]) -> dict[str, str]:
    """A server must not see PGDATA, PGPORT and the like of its user."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **extra}


def usable_folder(wanted: Path) -> Path:
    """`wanted`, or, where PostgreSQL's user cannot reach that, a folder of the system which
    `wanted` then links to.
    """
    account = owner(wanted)
    if account is None or wanted.is_symlink():
        return wanted.resolve()
    own(wanted, account)
    if _reaches(wanted, account) or (wanted / "cluster").exists():
        return wanted
    wanted.rmdir()
    spare = _spare_folder(account)
    wanted.symlink_to(spare)
    return spare


def owner(folder: Path) -> Account | None:
    """Whom PostgreSQL runs as here: the owner of an earlier cluster when we are root, else the
    usual account.
    """
    cluster = folder / "cluster"
    if os.geteuid() == 0 and cluster.exists() and cluster.stat().st_uid != 0:
        found = cluster.stat()
        return Account(found.st_uid, found.st_gid)
    return postgres_account()


def own(folder: Path, account: Account | None) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def _spare_folder(account: Account) -> Path:
    name = os.urandom(6).hex()
    for place in SPARE_PLACES:
        try:
            place.mkdir(mode=0o755, parents=True, exist_ok=True)
            own(place / name, account)
        except OSError:
            continue
        if _reaches(place / name, account):
            return place / name
    tried = " nor ".join(str(place) for place in SPARE_PLACES)
    raise Refusal(
        f"Neither the data folder nor {tried} can be reached by the user `nobody`, whom PostgreSQL runs as; "
        "choose another with --data-dir, or start this as an ordinary user."
    )


def _reaches(folder: Path, account: Account) -> bool:
    return run_as(["/bin/sh", "-c", 'test -w "$0" && cd "$0"', folder], account)[0] == 0


def _initialise(server: Postgres) -> None:
    fresh = server.folder / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(server.cluster, ignore_errors=True)
    secret = server.folder / "password"
    secret.write_text(server.password)
    if server.account is not None:
        os.chown(secret, server.account.uid, server.account.gid)
    secret.chmod(0o600)
    command: list[str | Path] = [
        server.programs / "initdb",
        "-D",
        fresh,
        "-U",
        "postgres",
        "-A",
        "scram-sha-256",
        "--pwfile",
        secret,
        "-E",
        "UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-sync",
        "--no-instructions",
    ]
    code, output = run_as(command, server.account, env=environment({}), cwd=server.folder)
    secret.unlink()
    if code != 0:
        last = output.strip().splitlines()[-1:] or [f"exit code {code}"]
        raise Refusal(f"PostgreSQL could not make its folder {fresh}: {last[0].strip()}")
    fresh.rename(server.cluster)
