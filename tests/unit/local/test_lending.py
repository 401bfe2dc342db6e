"""Which commands work on the installation that `up` runs."""

import pytest

from project.local import running

LENT = {name: f"lent {name}" for name in running.LENT} | {
    "DJANGO_SETTINGS_MODULE": running.LOCAL_SETTINGS
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in running.LENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    running.publish_environment(tmp_path, LENT)
    return tmp_path


def test_a_command_beside_it_is_lent_its_environment(folder, monkeypatch):
    environ = _lend(monkeypatch)
    assert environ["SECRET_KEY"] == "lent SECRET_KEY"


@pytest.mark.parametrize("settings", ["project.settings.production", "somebody.elses"])
def test_other_settings_than_its_own_are_lent_no_key(folder, monkeypatch, settings):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", settings)
    environ = _lend(monkeypatch)
    assert not {"SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DATABASE_URL"} & environ.keys()


def _lend(monkeypatch):
    environ = dict(running.os.environ)
    monkeypatch.setattr(running.os, "environ", environ)
    running.lend_environment()
    return environ
