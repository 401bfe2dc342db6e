"""`manage.py test`, inside the environment: provide what the machine lacks, then run pytest.

Without a choice of tests there are two runs: the first spreads over the processors, the second
takes one after the other the faults that are injected into whole installations, which judge how
fast these recover. A neighbour would falsify what they measure.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from project.local.install import provision

# Without cached bytecode every process that a test starts needs 1.5 s more.
DROPPED = {"DJANGO_SETTINGS_MODULE", "PYTHONDONTWRITEBYTECODE"}
SIDE_BY_SIDE = (
    "tests/e2e",  # the longest files first
    "tests/browser",
    "tests/architecture",
    "tests/integration",
    "tests/contracts",
    "tests/unit",
)
ALONE = ("tests/chaos",)
VERBOSITY = {"-q", "-qq", "-v", "-vv", "-x"}  # options that choose no tests


def main(arguments: list[str]) -> int:
    provision.provide()
    sys.stdout.flush()
    env = {name: value for name, value in os.environ.items() if name not in DROPPED}
    if not VERBOSITY.issuperset(arguments):
        os.execve(sys.executable, [sys.executable, "-m", "pytest", *arguments], env)
    return run_all(arguments, env)


def run_all(arguments: Sequence[str], env: dict[str, str]) -> int:
    """Exit code of the first run that failed; with `-x` the second is not begun then."""
    failed = 0
    for options in plan(len(os.sched_getaffinity(0))):
        command = [sys.executable, "-m", "pytest", *arguments, *options]
        code = subprocess.run(command, check=False, env=env).returncode
        failed = failed or code
        if failed and "-x" in arguments:
            break
    return failed


def plan(processors: int) -> list[list[str]]:
    """Arguments of each run of pytest, in their order."""
    spread = ["-n", str(processors), "--dist", "loadfile"]
    return [[*spread, *SIDE_BY_SIDE], list(ALONE)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
