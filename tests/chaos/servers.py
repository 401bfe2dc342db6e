"""A PostgreSQL and a Valkey that may be stopped, killed and started again at the same address."""

import os
import secrets
import signal
import subprocess
import tempfile
from pathlib import Path

from project.local.processes.ports import free_port
from project.local.processes.process import postgres_account
from project.local.servers import postgres
from project.local.servers.valkey import Valkey
from tests.stack import wait_for

# Commits are written before they are answered, as in production; only the machine itself is trusted
# not to fail.
OPTIONS = ("fsync=off", "full_page_writes=off", "max_wal_size=2GB", "track_commit_timestamp=on")


class Database:
    """In a folder right under /tmp: PostgreSQL's user has no way into pytest's, which every new run
    closes again.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(
            prefix="sitewire-test-", ignore_cleanup_errors=True
        )
        folder = Path(self._folder.name)
        if postgres_account() is not None:
            folder.chmod(0o711)
        self.log = folder / "postgres.log"
        self._server = postgres.prepare(folder / "postgres", free_port(), secrets.token_urlsafe(16))
        self._process: subprocess.Popen[bytes] | None = None
        self.url, self.port = self._server.url, self._server.port

    def start(self) -> None:
        self._process = self._server.start(self.log, postgres.environment({}), OPTIONS)
        wait_for(self._server.answers, 30, what=f"PostgreSQL; see {self.log}")

    def create(self) -> None:
        self._server.create_database()

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT cuts every session and ends in order; SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def end(self) -> None:
        self.stop(signal.SIGQUIT)
        self._folder.cleanup()


class Cache:
    def __init__(self, folder: Path) -> None:
        self.log = folder / "valkey.log"
        self._server = Valkey(folder / "valkey", free_port(), secrets.token_urlsafe(16))
        self._process: subprocess.Popen[bytes] | None = None
        self.url, self.port = self._server.url, self._server.port

    def start(self) -> None:
        """Always empty: nothing is kept on disk."""
        self._process = self._server.start(self.log, {"PATH": os.defpath})
        wait_for(self._server.answers, 30, what=f"Valkey; see {self.log}")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None
