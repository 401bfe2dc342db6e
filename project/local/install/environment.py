"""`.venv`: made, filled, and known to be complete by a stamp. Standard library only."""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from project.local.install import installer
from project.local.install.installer import Tools, Way
from project.local.options import ROOT
from project.local.progress import Line
from project.local.refusal import Refusal

FOLDER = ROOT / ".venv"
PYTHON = FOLDER / "bin" / "python"
STAMP = FOLDER / "sitewire-stamp.json"
MARK = (
    FOLDER / "sitewire-installing"
)  # there while packages are copied: an interrupted install is not repaired but redone
LOG = FOLDER / "install.log"
FILES = {
    "local": ("base", "local", "constraints"),
    "test": ("base", "local", "test", "constraints"),
}


def ensure(level: str) -> None:
    """`.venv` holds what requirements/LEVEL.txt names. Quick when it already does."""
    if is_complete(level):
        return
    with _alone():
        if not is_complete(level):
            _make(level)


def is_complete(level: str) -> bool:
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    return not MARK.exists() and PYTHON.exists() and stamp.get(level) == digest(level)


def digest(level: str) -> str:
    """Changes with the requirements and with the Python that runs this."""
    content = hashlib.sha256(".".join(map(str, sys.version_info[:3])).encode())
    for name in FILES[level]:
        content.update((ROOT / "requirements" / f"{name}.txt").read_bytes())
    return content.hexdigest()


def tools() -> Tools:
    def has(module: str) -> bool:
        return importlib.util.find_spec(module) is not None

    return Tools(
        uv=shutil.which("uv"), venv=has("venv"), ensurepip=has("ensurepip"), pip=has("pip")
    )


def _make(level: str) -> None:
    ways = installer.ways(tools(), sys.executable, FOLDER)
    if not ways:
        raise Refusal(
            "This Python cannot make environments (its venv or pip module is missing); install them first, "
            "on Debian and Ubuntu with: apt install python3-venv"
        )
    if not os.access(ROOT, os.W_OK) and not FOLDER.exists():
        raise Refusal(
            f"The environment cannot be made because {ROOT} may not be written to; clone into a folder of yours."
        )
    started = time.monotonic()
    with Line("Installing the packages into .venv") as line:
        failures = []
        for way in ways:
            failure = _try(way, level, line)
            if not failure:
                line.end(
                    f"Installed the packages into .venv with {way.name} ({time.monotonic() - started:.0f} s)."
                )
                return
            failures.append(failure)
    raise Refusal(
        f"The packages could not be installed: {failures[-1]} (The whole output is in {LOG}.)"
    )


def _try(way: Way, level: str, line: Line) -> str:
    """Why it failed; empty when it worked."""
    try:
        if MARK.exists() or not _works(way):
            _remove()
            failure = _run(way.create, line, log=None)
            if failure:
                return failure
        STAMP.unlink(missing_ok=True)
        MARK.touch()
    except OSError as error:
        return f"{error.filename or FOLDER}: {error.strerror}."
    failure = _run([*way.install, *installer.requirements(ROOT, level)], line, log=LOG)
    if not failure:
        if level == "test":
            levels: tuple[str, ...] = ("local", "test")
        else:
            levels = ("local",)
        STAMP.write_text(json.dumps({name: digest(name) for name in levels}))
        MARK.unlink()
    return failure


def _works(way: Way) -> bool:
    """The environment's Python starts, is the version that runs this, and has the means to be
    installed into.
    """
    question = [str(PYTHON), "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        answer = subprocess.run(
            question, capture_output=True, text=True, timeout=30, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    has_pip = any(FOLDER.glob("lib/python*/site-packages/pip/__main__.py"))
    return answer.split() == [str(part) for part in sys.version_info[:2]] and (
        has_pip or not way.needs_pip
    )


def _remove() -> None:
    if FOLDER.is_symlink():
        FOLDER.unlink()
    elif FOLDER.exists():
        shutil.rmtree(FOLDER)


def _run(command: list[str], line: Line, log: Path | None) -> str:
    """Runs quietly, in a group of its own that ends with us; the reason when it fails."""
    said: list[str] = []
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=installer.environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        for text in process.stdout:
            said.append(text)
            line.step(text)
        code = process.wait()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if log is not None and log.parent.exists():
            log.write_text("".join(said))
    if code == 0:
        return ""
    return installer.last_words(said)


@contextmanager
def _alone() -> Iterator[None]:
    """Two commands started at once must not install into each other. The lock dies with its
    process.
    """
    descriptor = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
