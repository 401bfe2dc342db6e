"""`manage.py test` without a choice of tests leaves none out."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from project.local import testing

ROOT = Path(__file__).parents[3]
NOT_RUN = {"benchmarks"}  # prints figures; only when somebody asks


def test_every_folder_with_tests_is_in_one_of_the_runs() -> None:
    folders = {path.relative_to(ROOT).parts[1] for path in ROOT.glob("tests/*/**/test_*.py")}
    chosen = {path.name for path in map(Path, (*testing.SIDE_BY_SIDE, *testing.ALONE))}
    assert folders - NOT_RUN == chosen


@pytest.mark.parametrize("processors", [1, 2, 8])
def test_faults_are_injected_one_after_the_other(processors: int) -> None:
    first, second = testing.plan(processors)
    assert first[:2] == ["-n", str(processors)]
    assert second == list(testing.ALONE)


@pytest.mark.parametrize(
    ("arguments", "codes", "expected", "runs"),
    [([], [0, 0], 0, 2), ([], [1, 0], 1, 2), (["-x"], [1, 0], 1, 1), (["-q"], [0, 2], 2, 2)],
)
def test_the_first_failure_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    codes: list[int],
    expected: int,
    runs: int,
) -> None:
    begun: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        begun.append(command)
        return subprocess.CompletedProcess(command, codes[len(begun) - 1])

    monkeypatch.setattr(subprocess, "run", run)
    assert testing.run_all(arguments, {}) == expected
    assert len(begun) == runs
    assert all(command[3 : 3 + len(arguments)] == arguments for command in begun)
