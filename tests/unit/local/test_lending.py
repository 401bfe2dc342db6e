"""Which commands work on the installation that `up` runs."""

import os
from pathlib import Path

import pytest

from project.local import running

LENT = {name: f"lent {name}" for name in running.LENT} | {
    "DJANGO_SETTINGS_MODULE": running.LOCAL_SETTINGS
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in running.LENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    running.publish_environment(tmp_path, LENT)
    return tmp_path


def test_a_command_beside_it_is_lent_its_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = _lend(monkeypatch)
    assert environ["SECRET_KEY"] == "lent SECRET_KEY"


@pytest.mark.parametrize("settings", ["project.settings.production", "somebody.elses"])
def test_other_settings_than_its_own_are_lent_no_key(
    folder: Path, monkeypatch: pytest.MonkeyPatch, settings: str
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", settings)
    environ = _lend(monkeypatch)
    assert not {"SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DATABASE_URL"} & environ.keys()


def _lend(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    environ = dict(os.environ)
    monkeypatch.setattr(os, "environ", environ)
    running.lend_environment()
    return environ
