"""One `up` at a time in a data folder. The kernel drops the lock with its process. Standard library
only.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from project.local.refusal import Refusal

NAME = "up.lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Refusal with the process id of whoever holds it."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError:
        raise Refusal(
            f"{folder} belongs to another user's Sitewire; choose another with --data-dir."
        ) from None
    try:
        _lock(descriptor, folder)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode() or "?"
        raise Refusal(
            f"Sitewire already runs in {folder} (process {holder}); stop it with Ctrl-C there, "
            "or give this one a folder of its own with --data-dir and its own ports."
        ) from None
