"""requirements/base.lock is what the image installs: all that base.txt pulls in, in exact versions,
with hashes.
"""

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).resolve().parents[2] / "requirements"
LOCK = (FOLDER / "base.lock").read_text()
RENEW = "renew it with the command in its first lines (uv: https://docs.astral.sh/uv/)"


def pins(text: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def requirements() -> list[Requirement]:
    lines = [
        line.partition("#")[0].strip() for line in (FOLDER / "base.txt").read_text().splitlines()
    ]
    return [Requirement(line) for line in lines if line]


LOCKED = pins(LOCK)


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_the_lock_satisfies_base_txt(requirement: Requirement) -> None:
    version = LOCKED.get(canonicalize_name(requirement.name))
    assert version is not None, RENEW
    assert requirement.specifier.contains(version), RENEW


def test_the_lock_has_the_versions_that_the_tests_run_with() -> None:
    constraints = pins((FOLDER / "constraints.txt").read_text())
    other = {
        name: version
        for name, version in LOCKED.items()
        if constraints.get(name, version) != version
    }
    assert other == {}, RENEW


def test_the_lock_is_complete_and_holds_nothing_else() -> None:
    wanted: dict[str, set[str]] = {}
    todo: list[tuple[str, set[str]]] = [
        (canonicalize_name(requirement.name), requirement.extras) for requirement in requirements()
    ]
    while todo:
        name, extras = todo.pop()
        if name in wanted and extras <= wanted[name]:
            continue
        wanted[name] = wanted.get(name, set()) | extras
        todo += dependencies(name, wanted[name])
    assert wanted.keys() - LOCKED.keys() == set(), RENEW
    elsewhere = {
        canonicalize_name(name) for name in re.findall(r"^(\S+)==\S+ ;", LOCK, re.MULTILINE)
    }
    assert LOCKED.keys() - wanted.keys() <= elsewhere, RENEW


def dependencies(name: str, extras: set[str]) -> list[tuple[str, set[str]]]:
    """What an installed package needs on this machine, with these extras of it."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        # missing here, so it is missing for all tests; the first test says what the lock lacks
        return []
    found = [Requirement(line) for line in lines]
    return [
        (canonicalize_name(package.name), set(package.extras))
        for package in found
        if package.marker is None
        or any(package.marker.evaluate({"extra": extra}) for extra in (*extras, ""))
    ]


def test_every_package_has_a_hash_and_nothing_comes_from_elsewhere() -> None:
    blocks = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(LOCKED)
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert not re.search(r"https?://|--index|--find-links|--trusted|file:| @ ", LOCK)
