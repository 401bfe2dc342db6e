"""Links that flap, and what is left of it in the log."""

from collections.abc import Callable

from mqtt_app.domain.logs.repeats import FREE
from mqtt_app.mqtt.connection_log_writer import ConnectionLogWriter
from mqtt_app.mqtt.loop import Loop
from mqtt_app.mqtt.runtime import Runtime
from tests.integration.runtime.world import World, connection, wait_for
from tests.narrowing import present
from tests.services import free_port


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_broker_that_refuses_again_and_again_is_counted(
    world: World, run: Callable[..., Runtime], rows: list[tuple[str, str, int | None]]
) -> None:
    port = free_port()
    world.add(connection(1, port))
    runtime = run(backoff_base=0.02, backoff_cap=0.02)
    wait_for(lambda: world.statuses.get(1, {}).get("retry_count", 0) > 4 * FREE)
    refused = [message for _, message, _ in rows if "Nothing listens" in message]
    assert len(refused) == FREE
    runtime.stop()
    level, last, attempt = rows[-1]
    assert (level, last.startswith(refused[0])) == ("ERROR", True)
    assert "times in the last" in last
    assert present(attempt) > 4 * FREE


def test_a_minute_later_the_loop_says_how_often(rows: list[tuple[str, str, int | None]]) -> None:
    clock = Clock()
    loop = Loop(clock)
    book = ConnectionLogWriter(loop)
    config = connection(1, 1883)

    def write_many() -> None:
        for _ in range(FREE + 23):
            book.write(config, "WARNING", "Disconnected: kicked")

    loop.call(write_many)
    loop.start()
    wait_for(lambda: len(rows) == FREE)
    clock.now += 60
    loop.call(lambda: None)
    wait_for(lambda: len(rows) > FREE)
    loop.stop()
    assert rows[FREE:] == [("WARNING", "Disconnected: kicked (23 times in the last minute)", None)]
