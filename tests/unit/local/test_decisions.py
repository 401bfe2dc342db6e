"""What the runner decides, without a process."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from project.local import options
from project.local.install import installer, preflight
from project.local.install.installer import Tools
from project.local.install.preflight import Machine
from project.local.processes import backoff
from project.local.refusal import Refusal

DEBIAN = Machine("linux", "x86_64", "cpython-311-x86_64-linux-gnu x86_64-pc-linux-gnu", "2.36")


@given(st.integers(1, 10_000))
def test_the_wait_grows_with_the_deaths_and_has_an_end(deaths: int) -> None:
    assert backoff.delay(deaths) <= backoff.delay(deaths + 1) <= backoff.LONGEST


def test_old_deaths_are_forgotten() -> None:
    assert backoff.recent([0.0, 50.0, 99.0], now=100.0) == [50.0, 99.0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"system": "win32"}, "Windows"),
        ({"abi": "cpython-311-x86_64-linux-musl None", "glibc": ""}, "musl"),
        ({"processor": "riscv64"}, "riscv64"),
        ({"glibc": "2.17"}, "2.17"),
        ({"system": "freebsd14"}, "freebsd14"),
    ],
)
def test_a_machine_that_cannot_run_it_is_told_why_and_what_else_works(
    changes: dict[str, str], words: str
) -> None:
    sentence = preflight.problem(dataclasses.replace(DEBIAN, **changes))
    assert words in sentence
    assert "use " in sentence


def test_a_usual_machine_is_accepted() -> None:
    assert preflight.problem(DEBIAN) == ""


def test_without_ensurepip_the_pip_of_the_running_python_fills_the_environment(
    tmp_path: Path,
) -> None:
    (way,) = installer.ways(
        Tools(uv=None, venv=True, ensurepip=False, pip=True), "python3", tmp_path
    )
    assert "--without-pip" in way.create
    assert way.install[:4] == ["python3", "-m", "pip", "--python"]


def test_uv_comes_first_and_pip_is_its_understudy(tmp_path: Path) -> None:
    names = [
        way.name
        for way in installer.ways(
            Tools("/bin/uv", venv=True, ensurepip=True, pip=True), "python3", tmp_path
        )
    ]
    assert names == ["uv", "pip"]


def test_nothing_to_make_an_environment_with_gives_no_way(tmp_path: Path) -> None:
    assert (
        installer.ways(Tools(None, venv=True, ensurepip=False, pip=False), "python3", tmp_path)
        == []
    )


def test_the_users_settings_of_pip_hold_for_uv_too() -> None:
    env = installer.environment({"PIP_INDEX_URL": "https://mirror/simple", "VIRTUAL_ENV": "/other"})
    assert env["UV_DEFAULT_INDEX"] == env["PIP_INDEX_URL"] == "https://mirror/simple"
    assert "VIRTUAL_ENV" not in env


@pytest.mark.parametrize("text", ["0", "65536", "-1", "1e3", "", "9" * 5000])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        options.parse(["--port", text])
    assert refused.value.code == 2


def test_one_port_for_both_is_refused() -> None:
    with pytest.raises(Refusal, match="both"):
        options.parse(["--port", "8000", "--flower-port", "8000"])
