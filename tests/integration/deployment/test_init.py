"""`manage.py init` as a user runs it: on a bare Python, without an environment and without a
terminal.
"""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from project.local.deploy.env_file import parse
from tests.integration.deployment.production import environment, run
from tests.stack import ROOT

PYTHON = Path(sys.base_prefix) / "bin/python3"
SECRETS = {
    "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "FLOWER_BASIC_AUTH",
    "ADMIN_PASSWORD",
    "FLOWER_DATABASE_PASSWORD",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone without .venv."""
    shutil.copy(ROOT / "manage.py", tmp_path)
    shutil.copytree(
        ROOT / "project", tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def init(tree: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [PYTHON, "-S", "manage.py", "init", *arguments],
        cwd=tree,
        env={"PATH": os.defpath},
        text=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def made(tree: Path) -> dict[str, str]:
    return parse((tree / ".env").read_text())


def test_it_makes_a_file_for_its_owner_only_and_says_what_is_next(tree: Path) -> None:
    said = init(tree)
    assert stat.S_IMODE((tree / ".env").stat().st_mode) == 0o600
    assert "docker compose up -d" in said
    assert "http://localhost:8000/" in said
    assert made(tree)["ADMIN_PASSWORD"] in said
    assert not (tree / ".venv").exists()


def test_two_installations_share_no_secret(
    tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    init(tree)
    other = tmp_path_factory.mktemp("other") / ".env"
    init(tree, "--file", str(other))
    first, second = made(tree), parse(other.read_text())
    assert not SECRETS - first.keys()
    assert [name for name in SECRETS if first[name] == second[name]] == []


@pytest.mark.parametrize(
    "flags", [[], ["--https", "--host", "sitewire.example.com"], ["--host", "10.0.0.5", "--https"]]
)
def test_production_starts_with_what_it_makes(tree: Path, flags: list[str]) -> None:
    init(tree, *flags)
    done = run(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING", env=environment(**made(tree))
    )
    assert done.returncode == 0, done.stderr


def test_a_second_time_it_changes_nothing(tree: Path) -> None:
    init(tree, "--https", "--host", "sitewire.example.com")
    before = (tree / ".env").read_text()
    assert "nothing was changed" in init(tree)
    assert (tree / ".env").read_text() == before


def test_what_is_there_stays_and_what_is_missing_is_added(tree: Path) -> None:
    mine = f"# mine\nSECRET_KEY={'my-own' * 10}\nSITEWIRE_MAX_TOPICS=7\nREDIS_PASSWORD=\n"
    (tree / ".env").write_text(mine)
    init(tree)
    after = made(tree)
    assert after["SECRET_KEY"] == "my-own" * 10
    assert after["SITEWIRE_MAX_TOPICS"] == "7"
    assert all(after[name] for name in SECRETS)
    assert (tree / ".env").read_text().startswith("# mine\n")


def test_a_file_that_others_may_read_is_closed_to_them(tree: Path) -> None:
    (tree / ".env").write_text("SECRET_KEY=x\n")
    (tree / ".env").chmod(0o644)
    assert "closed to them" in init(tree)
    assert stat.S_IMODE((tree / ".env").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "flags", [["--host", "other.example.com"], ["--https"], ["--bind", "0.0.0.0"]]
)
def test_other_access_is_refused_until_it_may_replace_and_no_secret_changes_with_it(
    tree: Path, flags: list[str]
) -> None:
    init(tree)
    before = made(tree)
    assert "--replace" in init(tree, *flags, code=1)
    assert made(tree) == before
    init(tree, *flags, "--replace")
    assert made(tree) != before
    assert {name: made(tree)[name] for name in SECRETS} == {name: before[name] for name in SECRETS}


def test_https_can_be_left_again(tree: Path) -> None:
    init(tree)
    before = made(tree)
    init(tree, "--https", "--host", "localhost", "--replace")
    assert made(tree)["COMPOSE_PROFILES"] == "https"
    init(tree, "--no-https", "--host", "localhost", "--replace")
    assert made(tree) == before


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--host", "*"], "not a host name"),
        (["--host", "https://a.b"], "not a host name"),
        (["--bind", "eth0"], "not an address"),
        (["--hots", "a.b"], "--help"),
        (["--rotate", "everything"], "--help"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    tree: Path, flags: list[str], said: str
) -> None:
    assert said in init(tree, *flags, code=2)
    assert not (tree / ".env").exists()


def test_a_place_that_cannot_be_written_is_one_sentence(tree: Path) -> None:
    assert "choose another with --file" in init(tree, "--file", "/proc/sitewire.env", code=1)
    assert "cannot be read" in init(tree, "--file", "/proc", code=1)


def test_in_an_image_it_writes_to_standard_output_alone(tree: Path) -> None:
    done = subprocess.run(
        [PYTHON, "manage.py", "init", "--file", "-"],
        cwd=tree,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert parse(done.stdout).keys() >= SECRETS
    assert "docker compose" in done.stderr
    assert not (tree / ".env").exists()


@pytest.mark.parametrize("kind", ["secret", "field"])
def test_there_is_no_old_key_to_drop_at_first(tree: Path, kind: str) -> None:
    init(tree)
    assert "no old" in init(tree, "--drop-old", kind, code=1)


@pytest.mark.parametrize("kind", ["secret", "field"])
def test_there_is_nothing_to_rotate_without_a_file(tree: Path, kind: str) -> None:
    assert "init" in init(tree, "--rotate", kind, code=1)
    assert not (tree / ".env").exists()
