"""`stack`: a small installation for one module. `house`: a large one at each pace, whose every part
may be harmed.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.brokers import Mosquitto
from tests.chaos.house import House
from tests.chaos.oracles import HISTORY
from tests.chaos.pace import LONG, SHORT, Pace
from tests.chaos.scene import Scene, scene
from tests.e2e.conftest import broker, template  # noqa: F401
from tests.services import free_port, start_postgres, start_valkey
from tests.stack import QUICK, Stack, environment, set_up

FIGURES = pytest.StashKey[list[tuple[str, str, str]]]()


@pytest.fixture(scope="module")
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Two MQTT workers, a task worker with two processes, beat and web."""
    folder = tmp_path_factory.mktemp(request.module.__name__.rpartition(".")[2])
    extra: dict[str, object] = getattr(request.module, "ENVIRONMENT", {})
    with start_valkey() as redis_url, start_postgres() as database_url:
        tokens = set_up(environment(folder, database_url, redis_url))
        running = Stack(
            folder,
            database_url,
            redis_url,
            tokens,
            QUICK,
            **{key: str(value) for key, value in extra.items()},
        )
        try:
            running.web(free_port())
            running.worker(concurrency=2)
            running.mqtt("mqtt-1")
            running.mqtt("mqtt-2")
            running.beat()
            yield running
        finally:
            running.stop()


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(SHORT, id="short"),
        pytest.param(LONG, id="long", marks=pytest.mark.chaos),
    ],
)
def pace(request: pytest.FixtureRequest) -> Pace:
    found: Pace = request.param
    return found


@pytest.fixture(scope="session")
def whole_house(pace: Pace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp(f"house-{pace.name}"), pace)
    try:
        house.db.execute(HISTORY)
        house.open()
        yield house
    finally:
        house.stop()


@pytest.fixture(scope="session")
def brokers(pace: Pace, mosquitto: Callable[..., Mosquitto]) -> list[Mosquitto]:
    options = ("max_queued_messages 100000",)
    return [mosquitto(persistence=True, options=options) for _ in range(pace.brokers)]


@pytest.fixture
def house(whole_house: House) -> Iterator[House]:
    """Whole at the beginning of each scenario; its sites do not take part in the next one."""
    whole_house.whole()
    yield whole_house
    whole_house.heal()
    whole_house.reconnect()
    whole_house.db.execute("UPDATE mqtt_mqttconnection SET is_active = false")


@pytest.fixture(autouse=True)
def _no_leftovers(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "stack" in request.fixturenames:
        request.getfixturevalue("stack").db.execute(
            "UPDATE mqtt_mqttconnection SET is_active = false"
        )


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str, Any, str], None]:
    """`figure("taken over after", 3.2, "30 s")`: what was measured, and what it had to stay below."""
    noted = request.config.stash.setdefault(FIGURES, [])

    def note(name: str, value: Any, bound: str = "") -> None:
        shown = f"{value:.1f}" if isinstance(value, float) else str(value)
        noted.append((f"{request.node.name}: {name}", shown, bound))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    noted = terminalreporter.config.stash.get(FIGURES, [])
    if noted:
        terminalreporter.section("measured under faults")
    for name, value, bound in noted:
        terminalreporter.write_line(f"{name}: {value}{f' (bound {bound})' if bound else ''}")


_numbers = itertools.count(1)


@pytest.fixture
def play(house: House, pace: Pace, brokers: list[Mosquitto]) -> Iterator[Callable[..., Scene]]:
    """`play(...)`: a scene as `scene()` makes it, with topics of its own."""
    with contextlib.ExitStack() as opened:

        def begin(**options: Any) -> Scene:
            used = options.pop("brokers", brokers)
            return opened.enter_context(
                scene(house, pace, used, f"scene{next(_numbers)}", **options)
            )

        yield begin
