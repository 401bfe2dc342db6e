"""A copy of the checkout in which one fault after the other is planted, and the tests that are run
on each.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from tests.faults.nearness import FAR, Nearness
from tests.faults.planting import Fault
from tests.services import start_postgres
from tests.stack import with_database

UNIT = ("tests/unit",)
ALL = ("tests/unit", "tests/contracts", "tests/integration")
NEAR = 1  # imports away from a fault: the tests that are run first
SMOKE = "tests/integration/commands/test_scheduler.py"  # any test that has a database made
COMMON = "not chaos and not benchmark"  # which a file that is named would bring
OPTIONS = (
    "-x",
    "-q",
    "--no-header",
    "--reuse-db",
    "-p",
    "no:cacheprovider",
    "-p",
    "tests.faults.first_failure",
    "-m",
    COMMON,
)
LONGEST = 1_500.0  # s for one run of the tests; a fault that hangs them is noticed, too
PRISTINE = "faults_pristine"


class Trial:
    """`is_noticed` by any test below `folders`, nearest first. One server and one migrated database
    serve all runs.
    """

    def __init__(
        self, copy: Path, folders: Sequence[str], servers: dict[str, str], within: int = FAR
    ) -> None:
        """`within`: leave out tests that are more imports away; what is noticed by fewer is noticed
        by all.
        """
        self._copy = copy
        self._folders = folders
        self._within = within
        self._servers = servers
        self._nearness = Nearness(copy)
        self._has_database = folders != UNIT
        if self._has_database:
            self._make_pristine()

    def passes_without_fault(self) -> bool:
        return self._passes(list(self._folders)) == ""

    def is_noticed(self, path: Path, fault: Fault) -> str:
        """The test that failed, "" when all passed."""
        original = (self._copy / path).read_text()
        (self._copy / path).write_text(fault.source)
        try:
            return next(filter(None, map(self._passes, self._stages(path))), "")
        finally:
            (self._copy / path).write_text(original)

    def _stages(self, path: Path) -> Iterator[list[str]]:
        """Unit tests cost seconds, so all of them come before the first that needs a database.

        A unit test notices only what it imports; others may reach a file by its name in a string,
        and come last.
        """
        distances = self._nearness.distances(path)
        for group, farthest in ((UNIT, FAR - 1), (ALL[1:], FAR)):
            folders = [folder for folder in group if folder in self._folders]
            files = [
                file for file in distances if any(file.is_relative_to(folder) for folder in folders)
            ]
            ordered = sorted(files, key=lambda file: (distances[file], str(file)))
            near = [str(file) for file in ordered if distances[file] <= NEAR]
            rest = [
                str(file)
                for file in ordered
                if NEAR < distances[file] <= min(farthest, self._within)
            ]
            yield from (stage for stage in (near, rest) if stage)

    def _passes(self, tests: Sequence[str]) -> str:
        if self._has_database:
            self._renew_database()
        command = [sys.executable, "-m", "pytest", *OPTIONS]
        status, output = _run([*command, *tests], self._copy, self._env)
        if status == 0:
            return ""
        failed = [
            line for line in output.splitlines() if line.startswith(("FAILED tests", "ERROR tests"))
        ]
        return failed[0][:160] if failed else f"the run ended with {status}"

    @property
    def _env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
        return (
            kept | self._servers | {"PYTHONPATH": str(self._copy), "PYTHONDONTWRITEBYTECODE": "1"}
        )

    def _make_pristine(self) -> None:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--reuse-db", SMOKE]
        status, output = _run(command, self._copy, self._env)
        if status:
            raise SystemExit(f"The tests fail without any fault:\n{output[-2_000:]}")
        self._administer(f"ALTER DATABASE {self._database} RENAME TO {PRISTINE}")

    def _renew_database(self) -> None:
        self._administer(f"DROP DATABASE IF EXISTS {self._database} WITH (FORCE)")
        self._administer(f"CREATE DATABASE {self._database} TEMPLATE {PRISTINE}")

    @property
    def _database(self) -> str:
        return "test_" + self._servers["TEST_DATABASE_URL"].rpartition("/")[2]

    def _administer(self, statement: str) -> None:
        url = with_database(self._servers["TEST_DATABASE_URL"], "postgres")
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(statement)


@contextlib.contextmanager
def servers() -> Iterator[dict[str, str]]:
    """The variables by which `tests.services` takes these instead of starting its own."""
    with start_postgres() as database_url:
        yield {"TEST_DATABASE_URL": database_url}


def _run(command: Sequence[str], folder: Path, env: dict[str, str]) -> tuple[int, str]:
    """Exit status and output of the run; everything that it started ends with it."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        text=True,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        output, _ = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        output = "the run did not come to an end"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait(), output
