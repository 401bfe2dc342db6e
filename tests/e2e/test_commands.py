"""Commands, shells and scripts beside a running `up` work on it; where none runs they say so and
make nothing.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from project.local.processes.ports import free_port
from project.local.processes.waiting import wait_until
from tests.e2e.test_up import Up, environment, tree

__all__ = ["tree"]  # a fixture

pytestmark = pytest.mark.e2e

SCRIPT = """
from mqtt_app.models import *
from mqtt_app.logging_utils import log_connection_event, log_parsing_error
c = MqttConnection.objects.first()
log_connection_event(c, 'INFO', '{text}')
log_parsing_error(c.site, 'a/b', 'json', 'PARSE_ERROR', '{text}', b'x')
"""
SET_UP = "import django; django.setup()\n"
EXIT = "import sys; sys.exit(0)\n"


@pytest.fixture(scope="module")
def told(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """What up.json says of one Sitewire with one connection, and its folder."""
    running = Up(tree, tmp_path_factory.mktemp("commands"), "--no-demo")
    found = running.ready() | {"folder": running.data}
    with psycopg.connect(str(found["database_url"]), autocommit=True) as database:
        database.execute(SITE)
        database.execute(CONNECTION)
    yield found
    output = running.end(signal.SIGTERM)
    assert f"manage.py shell --data-dir {running.data}" in output


SITE = """
INSERT INTO mqtt_site (name, is_active, new_topics_active, silence_after, retention_days, max_topics, max_devices,
    max_new_topics, created_at) VALUES ('Plant', true, true, 900, 365, 10, 10, 10, now())
"""
CONNECTION = """
INSERT INTO mqtt_mqttconnection (site_id, is_active, broker_host, broker_port, username, password, use_tls,
    tls_ca_certificate, tls_client_certificate, tls_client_key, tls_verify, protocol_version, client_id, keepalive,
    ack_mode, config_version, assigned_instance, owner, generation, status, status_since, error_class, error_message,
    retry_count, negotiated_version, updated_at)
SELECT id, false, 'broker.example', 1883, '', '', false, '', '', '', true, 'auto', '', 60, 'stored', 1, '', '', 0,
    'disconnected', now(), '', '', 0, '', now() FROM mqtt_site
"""


def rows(told: dict[str, object], text: str) -> int:
    """Log rows of both kinds with this text."""
    with psycopg.connect(str(told["database_url"])) as database:
        found = database.execute(
            "SELECT (SELECT count(*) FROM mqtt_mqttconnectionlog WHERE message = %(text)s)"
            " + (SELECT count(*) FROM mqtt_mqttparsinglog WHERE error_message = %(text)s)",
            {"text": text},
        ).fetchone()
    return found[0] if found else 0


def run(tree: Path, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=tree,
        env=environment() | extra,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.parametrize("ending", ["", EXIT])
@pytest.mark.parametrize("how", ["--data-dir", "--data-dir=", "DATA_DIR"])
def test_what_a_shell_logs_is_a_row_even_when_it_ends_at_once(
    tree: Path, told: dict[str, object], how: str, ending: str
) -> None:
    text, folder = f"shell {how} {ending.strip()}".strip(), str(told["folder"])
    option = {"--data-dir": ["--data-dir", folder], "--data-dir=": [f"--data-dir={folder}"]}.get(
        how, []
    )
    extra = {"DATA_DIR": folder} if how == "DATA_DIR" else {}
    done = run(
        tree, "manage.py", "shell", *option, "-c", SCRIPT.format(text=text) + ending, **extra
    )
    assert done.returncode == 0, done.stderr
    assert f"Working on {folder}: PostgreSQL 127.0.0.1:" in done.stderr
    assert "password" not in done.stderr.lower()
    assert wait_until(lambda: rows(told, text) == 2, 20)
    assert text in (Path(folder) / "log" / "commands.log").read_text()


def test_what_a_plain_script_logs_is_a_row(tree: Path, told: dict[str, object]) -> None:
    script = tree / "customers_script.py"
    script.write_text(SET_UP + SCRIPT.format(text="plain script"))
    settings = {"DJANGO_SETTINGS_MODULE": "project.settings.local", "DATA_DIR": str(told["folder"])}
    done = run(tree, str(script), **settings)
    assert done.returncode == 0, done.stderr
    assert wait_until(lambda: rows(told, "plain script") == 2, 20)


def test_a_thread_of_a_script_reaches_the_same_queue(tree: Path, told: dict[str, object]) -> None:
    code = SCRIPT.format(text="of a thread").replace("\n", "\n    ")
    code = f"def work():{code}\nimport threading; t = threading.Thread(target=work); t.start(); t.join()"
    code = code.replace(
        "from mqtt_app.models import *", "from mqtt_app.models import MqttConnection"
    )
    assert (
        run(tree, "manage.py", "shell", "--data-dir", str(told["folder"]), "-c", code).returncode
        == 0
    )
    assert wait_until(lambda: rows(told, "of a thread") == 2, 20)


@pytest.mark.parametrize("frozen", [False, True])
def test_with_redis_away_the_line_is_in_the_log_file_and_the_shell_says_what_is_lost(
    tree: Path, told: dict[str, object], frozen: bool
) -> None:
    """A port where nobody listens, and one where nobody answers."""
    folder, text, port = str(told["folder"]), f"redis away {frozen}", free_port()
    held = subprocess.Popen([sys.executable, "-c", SILENT, str(port)]) if frozen else None
    extra = {name: os.environ[name] for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS")} | {
        "DATABASE_URL": str(told["database_url"]),
        "REDIS_URL": f"redis://127.0.0.1:{port}/0",
        "LOG_DIR": f"{folder}/log",
        "DATA_DIR": str(tree),
    }
    began = time.monotonic()
    done = run(tree, "manage.py", "shell", "-c", SCRIPT.format(text=text), **extra)
    seconds = time.monotonic() - began
    if held is not None:
        held.kill()
        held.wait()
    assert done.returncode == 0, done.stderr
    assert "2 log rows are in the log file only" in done.stderr
    assert "Traceback" not in done.stderr
    assert seconds < 30
    assert text in (Path(folder) / "log" / "commands.log").read_text()
    assert rows(told, text) == 0


SILENT = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(120)
"""


@pytest.mark.parametrize(
    "command", [["shell", "-c", "1"], ["migrate"], ["doctor"], ["createsuperuser", "--noinput"]]
)
def test_where_nothing_runs_every_command_says_so_and_makes_nothing(
    tree: Path, tmp_path: Path, command: list[str]
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    done = run(tree, "manage.py", *command, "--data-dir", str(folder))
    assert done.returncode == 1
    assert f"No Sitewire is running in {folder}." in done.stderr
    assert f"manage.py up --data-dir {folder}" in done.stderr
    assert done.stderr.strip().count("\n") == 0
    assert list(folder.iterdir()) == []


def test_one_that_was_killed_is_not_taken_for_a_running_one(
    tree: Path, told: dict[str, object], tmp_path: Path
) -> None:
    """Its environment.json is still there, and nobody holds its lock."""
    for name in ("environment.json", "up.lock"):
        (tmp_path / name).write_bytes((Path(str(told["folder"])) / name).read_bytes())
        (tmp_path / name).chmod(0o600)
    done = run(tree, "manage.py", "shell", "--data-dir", str(tmp_path), "-c", "1")
    assert (done.returncode, "No Sitewire is running" in done.stderr) == (1, True)


def test_a_folder_and_a_database_that_contradict_each_other_are_refused(
    tree: Path, told: dict[str, object]
) -> None:
    extra = {"DATABASE_URL": "postgres://x:x@127.0.0.1:1/other"}
    done = run(tree, "manage.py", "shell", "--data-dir", str(told["folder"]), "-c", "1", **extra)
    assert (done.returncode, "DATABASE_URL names another database" in done.stderr) == (1, True)


def test_help_names_our_own_commands_too(tree: Path) -> None:
    for arguments in ([], ["help"], ["--help"], ["-h"]):
        done = run(tree, "manage.py", *arguments)
        assert done.returncode == 0
        assert all(f"manage.py {name}" in done.stdout for name in ("up", "test", "benchmark"))
        assert "--data-dir" in done.stdout
        assert "migrate" in done.stdout
    assert "--mqtt-workers" in run(tree, "manage.py", "help", "up").stdout


def test_data_dir_without_a_folder_is_one_sentence(tree: Path) -> None:
    for arguments in (
        ["shell", "--data-dir"],
        ["doctor", "--data-dir", "--json"],
        ["--data-dir=", "shell"],
    ):
        done = run(tree, "manage.py", *arguments)
        assert (done.returncode, done.stderr.strip()) == (
            2,
            "--data-dir needs a folder, as in: --data-dir var",
        )
