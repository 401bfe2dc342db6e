"""Links that flap, and what is left of it in the log."""

from mqtt_app.domain.logs.repeats import FREE
from mqtt_app.mqtt.connection_log_writer import ConnectionLogWriter
from mqtt_app.mqtt.loop import Loop
from tests.integration.runtime.world import connection, wait_for
from tests.services import free_port


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_broker_that_refuses_again_and_again_is_counted(world, run, rows):
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
    assert attempt > 4 * FREE


def test_a_minute_later_the_loop_says_how_often(rows):
    clock = Clock()
    loop = Loop(clock)
    book = ConnectionLogWriter(loop)
    config = connection(1, 1883)
    loop.call(
        lambda: [book.write(config, "WARNING", "Disconnected: kicked") for _ in range(FREE + 23)]
    )
    loop.start()
    wait_for(lambda: len(rows) == FREE)
    clock.now += 60
    loop.call(lambda: None)
    wait_for(lambda: len(rows) > FREE)
    loop.stop()
    assert rows[FREE:] == [("WARNING", "Disconnected: kicked (23 times in the last minute)", None)]
