"""Two MQTT workers, a task worker with two processes, beat and web; a PostgreSQL and a Valkey that may be harmed."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import broker, template  # noqa: F401
from tests.services import free_port, start_postgres, start_valkey
from tests.stack import Stack, environment, set_up


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp(request.module.__name__.rpartition(".")[2])
    extra = getattr(request.module, "ENVIRONMENT", {})
    with start_valkey() as redis_url, start_postgres() as database_url:
        tokens = set_up(environment(folder, database_url, redis_url))
        running = Stack(folder, database_url, redis_url, tokens, **{key: str(value) for key, value in extra.items()})
        try:
            running.web(free_port())
            running.worker(concurrency=2)
            running.mqtt("mqtt-1")
            running.mqtt("mqtt-2")
            running.beat()
            yield running
        finally:
            running.stop()


@pytest.fixture(autouse=True)
def _no_leftovers(stack: Stack) -> Iterator[None]:
    """Sites of one scenario do not take part in the next one."""
    yield
    stack.db.execute("UPDATE mqtt_mqttconnection SET is_active = false")


