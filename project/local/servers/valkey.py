"""A private Valkey: one loopback port, one password, nothing kept on disk (what must survive lives
in PostgreSQL).
"""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import redis

from project.local.processes import ports
from project.local.processes.process import spawn
from project.local.servers import binaries

CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir {folder}
save ""
appendonly no
maxmemory-policy noeviction
daemonize no
"""


@dataclass(frozen=True, slots=True)
class Valkey:
    folder: Path
    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{ports.LOOPBACK}:{self.port}/0"

    def start(self, log: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
        """The password stands in a file of mode 0600: a command line is seen by everybody."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / "valkey.conf"
        path.touch(mode=0o600)
        path.write_text(
            CONFIGURATION.format(
                host=ports.LOOPBACK,
                port=self.port,
                password=self.password,
                folder=_quoted(self.folder),
            )
        )
        return spawn([binaries.valkey_server(), path], env=env, log=log, cwd=self.folder)

    def answers(self) -> bool:
        return answers(self.url)


def answers(url: str) -> bool:
    """True once the server takes commands; a server that is still loading or refuses us does not."""
    with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
