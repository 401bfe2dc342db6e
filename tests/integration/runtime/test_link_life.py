"""The life of a link that is up: it stops, moves, is lost and comes back."""

import time
from collections.abc import Callable

import msgspec
import pytest

from mqtt_app.domain.link.connection_config import Filter
from mqtt_app.mqtt.runtime import Runtime
from tests.brokers import Mosquitto
from tests.integration.runtime.world import World, connection, wait_for
from tests.publisher import publisher

pytestmark = pytest.mark.mosquitto


@pytest.fixture(scope="module")
def broker(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto()


def test_a_stop_is_a_clean_disconnect(
    world: World,
    run: Callable[..., Runtime],
    rows: list[tuple[str, str, int | None]],
    broker: Mosquitto,
) -> None:
    world.add(connection(1, broker.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    world.wanted[1] = False
    world.nudge()
    wait_for(lambda: world.status(1) == "disconnected")
    assert ("INFO", "Disconnected cleanly", None) in rows
    assert world.owner[1] == ""


def test_a_changed_address_moves_the_link_and_keeps_the_owner(
    world: World,
    run: Callable[..., Runtime],
    broker: Mosquitto,
    mosquitto: Callable[..., Mosquitto],
) -> None:
    other = mosquitto()
    world.add(connection(1, broker.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    world.configs[1] = msgspec.structs.replace(world.configs[1], port=other.port, config_version=2)
    wait_for(lambda: f"runtime-{broker.port}-1" in other.log_text())
    assert world.owner[1] == "mqtt-1"


def test_changed_filters_are_subscribed_without_a_new_link(
    world: World,
    run: Callable[..., Runtime],
    rows: list[tuple[str, str, int | None]],
    broker: Mosquitto,
) -> None:
    world.add(connection(1, broker.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    changed = (Filter("plant/#", 1),)
    world.configs[1] = msgspec.structs.replace(world.configs[1], filters=changed, config_version=2)
    wait_for(lambda: "plant/#" in world.grants[1])
    wait_for(lambda: "UNSUBSCRIBE" in broker.log_text())
    assert len([row for row in rows if row[1].startswith("Successfully")]) == 1


def test_a_lost_link_comes_back_by_itself(
    world: World,
    run: Callable[..., Runtime],
    rows: list[tuple[str, str, int | None]],
    mosquitto: Callable[..., Mosquitto],
) -> None:
    own = mosquitto()
    world.add(connection(1, own.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    own.kill()
    wait_for(lambda: world.status(1) == "error")
    assert any(row[0] == "WARNING" and row[1].startswith("Disconnected: ") for row in rows)
    own.start()
    wait_for(lambda: world.status(1) == "connected")


def test_a_link_on_which_we_need_say_nothing_is_kept_alive(
    world: World,
    run: Callable[..., Runtime],
    rows: list[tuple[str, str, int | None]],
    mosquitto: Callable[..., Mosquitto],
) -> None:
    own = mosquitto()
    world.add(
        connection(1, own.port, filters=(Filter("#", 0),), keepalive=2)
    )  # 3 s without a word: closed
    run()
    wait_for(lambda: world.status(1) == "connected")
    with publisher(own.port) as sender:
        for _ in range(95):
            sender.send("flow/a", "1", qos=0)
            time.sleep(0.1)
    assert [row for row in rows if row[0] != "INFO"] == []


def test_a_stranger_with_our_client_id_is_a_conflict_and_no_kick_war(
    world: World, run: Callable[..., Runtime], broker: Mosquitto
) -> None:
    from tests.publisher import publisher

    config = connection(1, broker.port)
    world.add(config)
    run(refused_base=60.0, refused_cap=900.0)
    wait_for(lambda: world.status(1) == "connected")
    with publisher(broker.port, client_id=config.client_id):
        wait_for(lambda: world.error(1)[0] == "conflict")


def test_no_link_is_dialled_while_the_lease_is_in_doubt(
    world: World, run: Callable[..., Runtime], mosquitto: Callable[..., Mosquitto]
) -> None:
    own = mosquitto()
    world.add(connection(1, own.port))
    run()
    wait_for(lambda: world.status(1) == "connected")
    world.redis_up = False
    time.sleep(1.2)
    assert world.status(1) == "connected"  # the socket is kept
    own.restart()
    wait_for(lambda: world.status(1) == "error")
    time.sleep(1.0)
    assert world.status(1) == "error"
    world.redis_up = True
    wait_for(lambda: world.status(1) == "connected")
