"""Flower in a deployed installation: no key, few rights, and log-ins that are counted with all
others.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
import requests
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection as database
from psycopg.errors import InsufficientPrivilege

from mqtt_app.models import AuditEntry, LoginCounter
from project.local.processes.ports import free_port
from project.local.processes.waiting import wait_until
from tests.integration.deployment.production import run
from tests.narrowing import present
from tests.stack import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
ROLE_PASSWORD = "kq7Zb0vWm2-Xc9sRtYhG"  # one for all: roles belong to the whole server
LOGIN = ("admin", "a password of Flower")


def url() -> str:
    found = database.settings_dict
    return f"postgres://sitewire_flower:{ROLE_PASSWORD}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWER_DATABASE_PASSWORD", ROLE_PASSWORD)
    call_command("flower_role")


@pytest.fixture
def as_flower(role: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url(), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password FROM mqtt_mqttconnection",
        "SELECT tls_client_key FROM mqtt_mqttconnection",
        "SELECT password FROM auth_user",
        "UPDATE auth_user SET is_superuser = true",
        "SELECT * FROM mqtt_apitoken",
        "SELECT * FROM django_session",
        "SELECT * FROM mqtt_reading",
        "SELECT changes FROM mqtt_auditentry",
        "UPDATE mqtt_auditentry SET user_name = 'somebody'",
        "DELETE FROM mqtt_auditentry",
        "TRUNCATE mqtt_logincounter",
        "CREATE TABLE mine (id int)",
        "CREATE ROLE another SUPERUSER",
        "ALTER ROLE sitewire_flower SUPERUSER",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_its_role_reaches_nothing_but_what_it_needs(
    as_flower: psycopg.Connection, statement: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        as_flower.execute(statement)


def test_every_other_table_is_closed_to_it(as_flower: psycopg.Connection) -> None:
    tables = set(database.introspection.table_names())
    open_to_it = {
        table
        for table in tables
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
        if present(
            as_flower.execute(
                "SELECT has_table_privilege(quote_ident(%s), %s)", [table, right]
            ).fetchone()
        )[0]
    }
    assert open_to_it == {LoginCounter._meta.db_table, AuditEntry._meta.db_table}
    assert len(tables) > 20


def test_a_second_deploy_changes_nothing(role: None) -> None:
    call_command("flower_role")


@pytest.mark.parametrize("password", ["", "short"])
def test_a_role_without_a_good_password_is_not_made(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("FLOWER_DATABASE_PASSWORD", password)
    with pytest.raises(CommandError, match="FLOWER_DATABASE_PASSWORD"):
        call_command("flower_role")


def environment() -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "REDIS_URL": os.environ["REDIS_URL"],
        "DATABASE_URL": url(),
        "DJANGO_SETTINGS_MODULE": "project.settings.flower",
        "FLOWER_BASIC_AUTH": ":".join(LOGIN),
        "SECRET_KEY": "",
        "FIELD_ENCRYPTION_KEYS": "",
        "CELERY_SKIP_CHECKS": "1",
        "SITEWIRE_LOGIN_NAME_TRIES": "3",
    }


@pytest.fixture
def flower(role: None) -> Iterator[str]:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "project",
        "flower",
        "--address=127.0.0.1",
        f"--port={port}",
    ]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert wait_until(lambda: status(f"{address}/healthcheck") == 200, 60)
            yield address
        finally:
            process.terminate()


def status(address: str, password: str | None = None) -> int:
    auth = None if password is None else (LOGIN[0], password)
    try:
        return requests.get(address, auth=auth, timeout=30).status_code
    except requests.ConnectionError:
        return 0


def test_its_log_ins_are_counted_with_all_others_and_lock_outs_are_on_record(flower: str) -> None:
    User.objects.create_user("admin")
    assert status(f"{flower}/workers") == 401
    assert status(f"{flower}/workers", LOGIN[1]) == 200
    assert [status(f"{flower}/workers", "wrong") for _ in range(3)] == [401] * 3
    assert status(f"{flower}/workers", LOGIN[1]) == 429, (
        "the right one is refused, too, while it is locked"
    )
    assert LoginCounter.objects.get(kind="name").label == "admin"
    assert AuditEntry.objects.filter(action="locked out").count() == 1


def test_its_keys_are_its_own() -> None:
    code = "from django.conf import settings; print(settings.SECRET_KEY, settings.FIELD_ENCRYPTION_KEYS)"
    first, second = (run("-c", code, env=environment()).stdout for _ in range(2))
    assert len(first) > 100
    assert first != second
    assert settings.SECRET_KEY not in first
