"""From a bare Python to the environment that can run the command. Standard library only until the
very end.
"""

import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from project.local import options, running
from project.local.deploy import init
from project.local.install import environment, preflight
from project.local.options import ROOT
from project.local.progress import say
from project.local.refusal import Refusal
from project.version import VERSION

USAGE = """\
python3 manage.py up      runs all of Sitewire on this machine, until Ctrl-C
python3 manage.py test    runs its tests; arguments go to pytest
python3 manage.py init    makes the secrets and settings that docker-compose.yml needs (.env); --help says more
python3 manage.py benchmark KIND   measures it on this machine; --help lists the kinds
python3 manage.py help    lists Django's commands (once the environment is there)

All others work on the Sitewire that runs in var/, or in DIR with --data-dir DIR, or on that of DATABASE_URL."""
HELP = {"", "help", "--help", "-h"}
OURS = ("up", "test", "init", "benchmark")
ALONE = {"parse"}  # commands that read nothing of a Sitewire, and work where none runs
UNATTACHED = HELP  # commands that need no Sitewire
ASKS_VERSION = {"version", "--version"}


def main(argv: list[str]) -> int:
    """Replaces the process where another Python is needed; otherwise gives its exit code."""
    try:
        rest, data_dir = options.take_data_dir(argv)
        command, arguments = (rest[1], rest[2:]) if len(rest) > 1 else ("", [])
        if command == "up" and data_dir is not None:
            arguments += ["--data-dir", str(data_dir)]
        return _dispatch(command, arguments, argv, data_dir)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def _dispatch(command: str, arguments: list[str], argv: list[str], data_dir: Path | None) -> int:
    if command == "up":
        return _up(arguments)
    if command == "init":
        return init.main(arguments)
    if command in ASKS_VERSION:
        say(f"Sitewire {VERSION}")
        return 0
    if command in {"test", "benchmark"} and data_dir is not None:
        say(f"`{command}` starts servers of its own; --data-dir {data_dir} is not touched.")
    if command == "test":
        return _with_test_environment("project.local.testing", arguments)
    if command == "benchmark":
        return _with_test_environment("tests.benchmarks", arguments)
    return _django(command, arguments, argv, data_dir)


def _up(arguments: list[str]) -> int:
    chosen = options.parse(arguments)
    preflight.check_machine()
    preflight.check_up(chosen)
    _ensure("local")
    signal.pthread_sigmask(
        signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    )  # until it has its handlers
    return _become("project.local.up", [*arguments, "--data-dir", str(chosen.data_dir)])


def _with_test_environment(module: str, arguments: list[str]) -> int:
    preflight.check_machine()
    _ensure("test")
    return _become(module, arguments)


def _ensure(level: str) -> None:
    """A SIGTERM during the install ends it as Ctrl-C does, with the installer's processes."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    environment.ensure(level)
    signal.signal(signal.SIGTERM, before)


def _become(module: str, arguments: list[str]) -> int:
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execv(environment.PYTHON, [str(environment.PYTHON), "-m", module, *arguments])


def _django(command: str, arguments: list[str], argv: list[str], data_dir: Path | None) -> int:
    """Every other command is Django's. An interpreter that has Django (an image, another
    environment) just runs it.
    """
    inside = Path(sys.prefix).resolve() == environment.FOLDER.resolve()
    if not inside and environment.PYTHON.exists():
        sys.stdout.flush()
        os.execv(environment.PYTHON, [str(environment.PYTHON), *argv])
    if command in HELP and not arguments:
        say(USAGE)
    if importlib.util.find_spec("django") is None:
        if command in HELP:
            return 0
        raise Refusal(
            f"`{command}` needs the environment, which is not there yet; `python3 manage.py up` makes it "
            "(or: python3 -m venv .venv && "
            ".venv/bin/pip install -r requirements/local.txt -c requirements/constraints.txt)."
        )
    if command in HELP and arguments and arguments[0] in OURS:
        return _dispatch(arguments[0], ["--help"], argv, data_dir)
    attached = command not in UNATTACHED and _attach(command, data_dir)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", running.LOCAL_SETTINGS)
    return _run([argv[0], command, *arguments] if command else argv[:1], attached=attached)


def _attach(command: str, data_dir: Path | None) -> bool:
    """False for a command that goes on without a Sitewire, because none is there."""
    try:
        running.attach(data_dir)
    except Refusal:
        if command not in ALONE:
            raise
        running.use_placeholders()
        return False
    return True


def _run(argv: list[str], *, attached: bool) -> int:
    commands = importlib.import_module("project.local.commands")  # imports Django
    return int(commands.run(argv, attached=attached))
