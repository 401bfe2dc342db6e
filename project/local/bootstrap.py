"""From a bare Python to the environment that can run the command. Standard library only until the very end."""

import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from project.local import environment, init, options, preflight, running
from project.local.options import ROOT
from project.local.progress import say
from project.local.refusal import Refusal

USAGE = """\
python3 manage.py up      runs all of Sitewire on this machine, until Ctrl-C
python3 manage.py test    runs its tests; arguments go to pytest
python3 manage.py init    makes the secrets and settings that docker-compose.yml needs (.env); --help says more
python3 manage.py benchmark KIND   measures it on this machine; --help lists the kinds
python3 manage.py help    lists Django's commands (once the environment is there)"""


def main(argv: list[str]) -> int:
    """Replaces the process where another Python is needed; otherwise gives its exit code."""
    command, arguments = (argv[1], argv[2:]) if len(argv) > 1 else ("", [])
    try:
        return _dispatch(command, arguments, argv)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def _dispatch(command: str, arguments: list[str], argv: list[str]) -> int:
    if command == "up":
        return _up(arguments)
    if command == "init":
        return init.main(arguments)
    if command == "test":
        return _with_test_environment("project.local.testing", arguments)
    if command == "benchmark":
        return _with_test_environment("tests.benchmarks", arguments)
    return _django(argv)


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


def _django(argv: list[str]) -> int:
    """Every other command is Django's. An interpreter that has Django (an image, another environment) just runs it."""
    inside = Path(sys.prefix).resolve() == environment.FOLDER.resolve()
    if not inside and environment.PYTHON.exists():
        os.execv(environment.PYTHON, [str(environment.PYTHON), *argv])
    if importlib.util.find_spec("django") is None:
        if len(argv) < 2 or argv[1] in {"help", "--help", "-h"}:
            say(USAGE)
            return 0
        raise Refusal(
            f"`{argv[1]}` needs the environment, which is not there yet; `python3 manage.py up` makes it "
            "(or: python3 -m venv .venv && "
            ".venv/bin/pip install -r requirements/local.txt -c requirements/constraints.txt)."
        )
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings.local")
    running.lend_environment()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(argv)
    except ImproperlyConfigured as error:
        raise Refusal(str(error)) from None
    return 0
