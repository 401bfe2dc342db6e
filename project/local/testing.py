"""`manage.py test`, inside the environment: provide what the machine lacks, then run pytest.

Without a choice of tests there are two runs. The first spreads over the processors what works on
rows of its own. The second takes one after the other the tests that start whole installations and
judge how fast these react: a neighbour would falsify what they measure.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from project.local.install import provision

# Without cached bytecode every process that a test starts needs 1.5 s more.
DROPPED = {"DJANGO_SETTINGS_MODULE", "PYTHONDONTWRITEBYTECODE"}
SIDE_BY_SIDE = ("tests/architecture", "tests/contracts", "tests/integration", "tests/unit")
ALONE = ("tests/browser", "tests/chaos", "tests/e2e")
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
