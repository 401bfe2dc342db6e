"""Which MQTT version a link begins with, seen by what its broker accepts at once."""

from collections.abc import Callable

import pytest

from mqtt_app.domain.link.state import versions_to_try
from mqtt_app.mqtt.runtime import Runtime
from tests.brokers import Mosquitto
from tests.integration.runtime.world import World, connection, wait_for

pytestmark = pytest.mark.mosquitto


@pytest.mark.parametrize(
    ("versions", "spoken"),
    [
        (("auto", ""), "5"),
        (("auto", "5"), "5"),
        (("auto", "3.1.1"), "3.1.1"),
        (("5", "3.1.1"), "5"),
        (("3.1.1", "5"), "3.1.1"),
    ],
)
def test_the_version_that_worked_last_is_the_one_that_is_spoken(
    world: World,
    run: Callable[..., Runtime],
    mosquitto: Callable[..., Mosquitto],
    versions: tuple[str, str],
    spoken: str,
) -> None:
    chosen, remembered = versions
    own = mosquitto()
    world.add(connection(1, own.port, protocol_version=chosen, negotiated_version=remembered))
    run()
    wait_for(lambda: world.statuses.get(1, {}).get("status") == "connected", 20)
    assert world.statuses[1]["negotiated_version"] == spoken
    assert versions_to_try(chosen, remembered)[0] == spoken
