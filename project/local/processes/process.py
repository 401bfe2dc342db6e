"""Starting a child that cannot outlive us, in a session of its own so that a terminal's Ctrl-C
reaches only us.
"""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from project.local.refusal import Refusal

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a child runs as, when that is not whom we run as."""

    uid: int
    gid: int


def postgres_account() -> Account | None:
    """PostgreSQL refuses to run as root, so root runs it as `nobody`. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(65534, 65534)
    return Account(nobody.pw_uid, nobody.pw_gid)


NO_OTHER_USER = (
    "PostgreSQL must not run as root and this root may not become another user ({reason}); "
    "start this as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours."
)


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    at_our_death: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Output goes to `log`. `at_our_death` is what Linux sends the child when this process ends,
    however it ends.

    Call it from the main thread: Linux watches the thread that started the child.
    """
    output = subprocess.DEVNULL
    if log is not None:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        child: subprocess.Popen[bytes] = subprocess.Popen(
            [str(part) for part in command],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid(), at_our_death),  # noqa: PLW1509  one system call, no lock
            **_as(account),
        )
        return child
    except PermissionError as error:
        if account is None:
            raise
        raise Refusal(NO_OTHER_USER.format(reason=error.strerror)) from None
    finally:
        if output != subprocess.DEVNULL:
            os.close(output)


def run_as(
    command: Sequence[str | Path], account: Account | None, **options: object
) -> tuple[int, str]:
    """(exit code, output) of a short command; (126, reason) when it cannot even be started."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
            start_new_session=True,
            **_as(account),
            **options,  # type: ignore[call-overload]
        )
    except OSError as error:
        return 126, str(error)
    return done.returncode, done.stdout


def _as(account: Account | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _die_with(parent: int, number: signal.Signals) -> Callable[[], None] | None:
    """Runs in the child between fork and exec, after the change of user (which would clear the
    setting).
    """
    if _LIBC is None:
        return None
    prctl = _LIBC.prctl

    def set_up() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # we died before the call: nothing will be sent any more
            os._exit(1)

    return set_up


@contextlib.contextmanager
def session(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A short-lived child with its children; whatever of them is left at the end is killed."""
    parts = [str(part) for part in command]
    death = _die_with(os.getpid(), signal.SIGKILL)
    process = subprocess.Popen(
        parts,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=death,  # noqa: PLW1509
        **options,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
