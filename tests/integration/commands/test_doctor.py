"""`manage.py doctor` as an operator runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings

from mqtt_app.coordination.client import quick_client
from tests.services import free_port
from tests.stack import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


def doctor(**env: str) -> tuple[int, dict[str, tuple[str, str]], str]:
    """(exit code, check -> (severity, text of its last finding), what went to stderr)"""
    name = settings.DATABASES["default"]["NAME"]
    url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"
    values = (
        os.environ | {"DJANGO_SETTINGS_MODULE": "project.settings.test", "DATABASE_URL": url} | env
    )
    run = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT,
        env=values,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout, run.stderr
    found = {
        row["check"]: (row["severity"], f"{row['finding']} {row['remedy']}")
        for row in json.loads(run.stdout)
    }
    return run.returncode, found, run.stderr


def test_what_is_there_is_fine_and_what_is_missing_is_named_with_its_remedy() -> None:
    code, found, _ = doctor()
    assert code == 1
    assert found["database"][0] == found["redis writes"][0] == found["encryption keys"][0] == "OK"
    assert found["mqtt_workers"] == (
        "ERROR",
        "No MQTT worker is running, so nothing connects. Start one: python3 manage.py start_mqtt_service",
    )


def test_without_a_database_it_says_where_it_looked_and_goes_on() -> None:
    port = free_port()
    code, found, said = doctor(DATABASE_URL=f"postgres://sitewire:s3cret@127.0.0.1:{port}/sitewire")
    assert code == 1
    severity, text = found["database"]
    assert (severity, f"127.0.0.1:{port}" in text, "DATABASE_URL" in text) == ("ERROR", True, True)
    assert found["redis"][0] == "OK"
    assert "s3cret" not in text + said
    assert "Traceback" not in said


def test_without_redis_it_says_where_it_looked_and_goes_on() -> None:
    port = free_port()
    code, found, said = doctor(REDIS_URL=f"redis://:s3cret@127.0.0.1:{port}/0")
    assert code == 1
    severity, text = found["redis"]
    assert (severity, f"127.0.0.1:{port}" in text, "REDIS_URL" in text) == ("ERROR", True, True)
    assert found["database"][0] == "OK"
    assert "s3cret" not in text + said
    assert "Traceback" not in said


@pytest.fixture
def full_redis() -> Iterator[None]:
    quick_client().config_set("maxmemory", "1")
    yield
    quick_client().config_set("maxmemory", "0")


@pytest.mark.usefixtures("full_redis")
def test_a_redis_that_is_full_is_a_finding_and_the_rest_is_told_all_the_same() -> None:
    code, found, said = doctor()
    assert code == 1
    assert found["redis writes"][0] == "ERROR"
    assert "maxmemory" in found["redis writes"][1]
    assert found["queues"][0] == "WARNING"
    assert "Traceback" not in said
