from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mqtt_app.mqtt import connection_log_writer
from mqtt_app.mqtt.runtime import Runtime
from tests.fakes.rogue import RogueBroker, Script
from tests.integration.runtime.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int | None]]:
    """(level, message, attempt) of each connection log row."""
    written: list[tuple[str, str, int | None]] = []

    def write(connection: Any, level: str, message: str, retry_attempt: int | None = None) -> None:
        written.append((str(level), message, retry_attempt))

    monkeypatch.setattr(connection_log_writer, "log_connection_event", write)
    return written


@pytest.fixture
def run(world: World, rows: list[Any]) -> Iterator[Callable[..., Runtime]]:
    """`run(...)`: a started runtime; all are stopped at the end."""
    started: list[Runtime] = []

    def start(**changes: Any) -> Runtime:
        runtime = world.runtime(**changes)
        started.append(runtime)
        runtime.start()
        return runtime

    yield start
    for runtime in started:
        runtime.stop()


@pytest.fixture
def rogue() -> Iterator[Callable[..., RogueBroker]]:
    started = []

    def start(script: Script, **options: Any) -> RogueBroker:
        started.append(RogueBroker(script, **options))
        return started[-1]

    yield start
    for broker in started:
        broker.stop()
