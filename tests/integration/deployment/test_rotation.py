"""Keys are changed for new ones by the documented commands: nothing is lost, and the old ones open
nothing then.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from pytest_django.fixtures import Settings

from project.local.deploy.env_file import parse
from tests.integration.api.client import connected_site
from tests.integration.deployment.production import environment, run

pytestmark = pytest.mark.django_db(transaction=True)
READ = "from mqtt_app.models import MqttConnection as C; c = C.objects.get(); print(c.password, c.tls_client_key)"
SECRETS = ("s3cret", "a client key")


class Installation:
    """A `.env` on the test's database, and processes started with it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.init()

    def init(self, *arguments: str) -> None:
        done = run(
            "manage.py",
            "init",
            "--file",
            str(self.file),
            *arguments,
            env={"PATH": os.environ["PATH"]},
        )
        assert done.returncode == 0, done.stderr

    @property
    def values(self) -> dict[str, str]:
        return parse(self.file.read_text())

    def manage(self, *command: str) -> str:
        done = run(
            "manage.py", *command, env=environment(**self.values, DATABASE_URL=database_url())
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr

    def shell(self, code: str) -> str:
        return self.manage("shell", "--no-imports", "-v", "0", "-c", code)


def database_url() -> str:
    found = database.settings_dict
    return f"postgres://{found['USER']}:{found['PASSWORD']}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / ".env")


def ciphertexts() -> list[str]:
    with database.cursor() as cursor:
        cursor.execute("SELECT password, tls_client_key FROM mqtt_mqttconnection")
        return list(cursor.fetchone())


def opens(key: str) -> bool:
    try:
        return all(Fernet(key).decrypt(text.encode()) for text in ciphertexts())
    except InvalidToken:
        return False


def test_a_field_key_is_rotated_and_the_old_one_opens_nothing_any_more(
    installation: Installation,
) -> None:
    connected_site()
    installation.shell(
        "from mqtt_app.models import MqttConnection as C; c = C.objects.get(); "
        f"c.password, c.tls_client_key = {SECRETS}; c.save()"
    )
    old = installation.values["FIELD_ENCRYPTION_KEYS"]
    assert opens(old)
    installation.init("--rotate", "field")
    new = installation.values["FIELD_ENCRYPTION_KEYS"].split(",")[0]
    assert " ".join(SECRETS) in installation.shell(READ), (
        "both keys are known, so all can be read meanwhile"
    )
    assert "now under the first key" in installation.manage("rotate_keys")
    installation.init("--drop-old", "field")
    assert installation.values["FIELD_ENCRYPTION_KEYS"] == new
    assert " ".join(SECRETS) in installation.shell(READ)
    assert opens(new)
    assert not opens(old)


def test_a_key_that_was_dropped_too_early_is_named_and_can_be_put_back(
    installation: Installation,
) -> None:
    connected_site()
    installation.shell(
        "from mqtt_app.models import MqttConnection as C; c = C.objects.get(); "
        "c.password = 's3cret'; c.save()"
    )
    installation.init("--rotate", "field")
    installation.init("--drop-old", "field")
    assert "Put the key it was written with back" in installation.manage("rotate_keys")
    installation.file.with_name(".env.before").replace(installation.file)
    assert "now under the first key" in installation.manage("rotate_keys")


@pytest.fixture
def restarted_with(settings: Settings) -> Callable[[dict[str, str]], None]:
    def restart(values: dict[str, str]) -> None:
        settings.SECRET_KEY = values["SECRET_KEY"]
        settings.SECRET_KEY_FALLBACKS = [
            key for key in values.get("SECRET_KEY_FALLBACKS", "").split(",") if key
        ]

    return restart


def test_nobody_is_logged_out_by_a_new_secret_key_until_the_old_one_is_dropped(
    installation: Installation, restarted_with: Callable[[dict[str, str]], None]
) -> None:
    restarted_with(installation.values)
    browser, other = Client(), Client()
    for client in (browser, other):
        client.force_login(User.objects.create_user(f"user {id(client)}"))
    installation.init("--rotate", "secret")
    restarted_with(installation.values)
    assert browser.get("/").status_code == 200, "its session moves to the new key"
    installation.init("--drop-old", "secret")
    restarted_with(installation.values)
    assert settings.SECRET_KEY_FALLBACKS == []
    assert browser.get("/").status_code == 200
    assert other.get("/").status_code == 302, "who did not come meanwhile logs in again"


def test_keys_can_be_rotated_twice_before_the_old_ones_go(installation: Installation) -> None:
    for _ in range(2):
        installation.init("--rotate", "secret")
        installation.init("--rotate", "field")
    assert len(installation.values["SECRET_KEY_FALLBACKS"].split(",")) == 2
    assert len(installation.values["FIELD_ENCRYPTION_KEYS"].split(",")) == 3
    assert "no issues" in installation.manage("check", "--deploy", "--fail-level", "WARNING")
