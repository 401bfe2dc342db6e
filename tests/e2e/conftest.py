"""One running Sitewire for the tests of a module: web, a task worker and an MQTT worker, with their
own database.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.brokers import CertificateAuthority, Mosquitto
from tests.services import free_port, start_valkey
from tests.stack import ROOT, Stack, fresh_database, make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Tokens of the superuser and the plain member in the migrated template database."""
    return make_template(
        os.environ["DATABASE_URL"], tmp_path_factory.mktemp("template"), os.environ["REDIS_URL"]
    )


@pytest.fixture(scope="module")
def stack(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    template: tuple[str, str],
) -> Iterator[Stack]:
    name = request.module.__name__.rpartition(".")[2]
    folder = tmp_path_factory.mktemp(name)
    with (
        start_valkey() as redis_url,
        fresh_database(os.environ["DATABASE_URL"], f"stack_{name}") as database_url,
    ):
        running = Stack(folder, database_url, redis_url, template)
        try:
            running.web(free_port())
            running.worker()
            running.mqtt("mqtt-1")
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="module")
def broker(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto()


@pytest.fixture(scope="module")
def tls_broker(mosquitto: Callable[..., Mosquitto], authority: CertificateAuthority) -> Mosquitto:
    """Speaks plain on `port` and TLS on `tls_port`; wants the password of the user `site` on both."""
    return mosquitto(users={"site": "s3cret!"}, tls=authority)


@pytest.fixture(scope="module")
def mutual_tls_broker(
    mosquitto: Callable[..., Mosquitto], tmp_path_factory: pytest.TempPathFactory
) -> Mosquitto:
    """Another CA than `tls_broker`, and clients must show a certificate of it."""
    other = CertificateAuthority(tmp_path_factory.mktemp("other-ca"), "Another CA")
    return mosquitto(tls=other, client_certificates=True)


@pytest.fixture
def tick(stack: Stack) -> Callable[[], bool]:
    """Queue one offline check, as beat would."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "project",
        "call",
        "tasks.presence.check_offline",
    ]
    command += ["--queue", "mqtt.presence"]

    def send() -> bool:
        done = subprocess.run(
            command,
            check=False,
            cwd=ROOT,
            env=stack.env,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return True

    return send
