"""The processes of a run, written down, so that the next run can end what a `kill -9` has left.
Standard library only.

A process id alone proves nothing: the kernel gives it to somebody else later. A process is ours
when its start time is the one written down, or when its environment holds the run's random mark
(children of children, too).
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from project.local import files

NAME = "processes.json"
VARIABLE = "UP_RUN"  # the mark's name in every child's environment
PROC = Path("/proc")
STAT_STATE, STAT_START = 0, 19  # fields of /proc/PID/stat counted from behind the command's name
PATIENCE = 5.0  # s that a database gets to end in order


class ProcessRegistry:
    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self.mark = secrets.token_hex(16)
        self._entries: dict[str, list[str]] = {}  # name -> pid, start time
        self._write()

    def add(self, name: str, pid: int) -> None:
        self._entries[name] = [str(pid), birth(pid)]
        self._write()

    def close(self) -> None:
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        files.write_private(
            self._path, {"boot": boot(), "mark": self.mark, "processes": self._entries}
        )


def sweep(folder: Path) -> int:
    """Ends what the last run in this folder has left; gives how many processes that were."""
    kept = files.read_private(folder / NAME)
    if kept.get("boot") != boot():
        return 0
    recorded = {
        int(pid) for pid, started in kept["processes"].values() if birth(int(pid)) == started
    }
    found = recorded | marked(kept["mark"])
    for pid in found:
        _send(
            pid, signal.SIGQUIT if _is_postgres(pid) else signal.SIGKILL
        )  # SIGQUIT: PostgreSQL ends its children too
    deadline = time.monotonic() + PATIENCE
    while any(map(is_alive, found)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in filter(is_alive, found):
        _send(pid, signal.SIGKILL)
    (folder / NAME).unlink(missing_ok=True)
    return len(found)


def boot() -> str:
    """Changes with every start of the machine: process ids and start times begin anew then."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def birth(pid: int) -> str:
    """When the process began, in the system's own words; empty when there is none (a zombie is
    none).
    """
    if sys.platform != "linux":
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    if fields[STAT_STATE] in "ZX":
        return ""
    return fields[STAT_START]


def is_alive(pid: int) -> bool:
    return birth(pid) != ""


def marked(mark: str) -> set[int]:
    """Processes with the run's mark in their environment (Linux only), but never ourselves."""
    wanted = f"{VARIABLE}={mark}".encode()
    return {pid for pid in _all_processes() if pid != os.getpid() and wanted in _environment(pid)}


def _all_processes() -> Iterable[int]:
    if PROC.is_dir():
        return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return []


def _environment(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return []


def _is_postgres(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "comm").read_text().strip() == "postgres"
    return False


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
