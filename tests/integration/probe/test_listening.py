"""A test that listens shows what a broker says, and what the parsers make of it."""

import json
from collections.abc import Callable

import pytest

from mqtt_app.models import DiscoveredTopic, Operation
from mqtt_app.mqtt.probe.dialing import ProbeTools
from tests.brokers import Mosquitto
from tests.integration.api.client import Caller
from tests.integration.probe.test_probe_api import TEST, ask, settings, work
from tests.publisher import publisher

pytestmark = [pytest.mark.django_db, pytest.mark.mosquitto]


@pytest.fixture(scope="module")
def talking(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    broker = mosquitto()
    with publisher(broker.port) as sender:
        sender.send("plant/a", json.dumps({"temp_C": 21.5}), retain=True)
        sender.send("plant/odd", b"\xc1\xff\x00\x13", retain=True)
    return broker


def test_topics_come_with_parser_and_readings_and_nothing_is_stored(
    root: Caller, talking: Mosquitto, tools: ProbeTools
) -> None:
    body = settings(talking.port, filters=["#"], listen=1)
    location = ask(root, TEST, body)
    work(location, tools)
    shown = root.get(location)
    heard = shown["result"]["heard"]
    assert (heard["messages"], heard["hidden"], heard["missed"]) == (2, 0, 0)
    known, odd = heard["topics"]
    assert (known["topic"], known["count"], known["retained"]) == ("plant/a", 1, True)
    [reading] = known["readings"]
    assert (reading["value"], reading["unit"]) == (21.5, "°C")
    assert known["parser"]
    assert odd["topic"] == "plant/odd"
    assert odd["parser"] == ""
    assert not DiscoveredTopic.objects.exists()


def test_without_listening_nothing_is_shown_beside_the_stages(
    root: Caller, talking: Mosquitto, tools: ProbeTools
) -> None:
    location = ask(root, TEST, settings(talking.port, filters=["#"]))
    work(location, tools)
    assert "heard" not in root.get(location)["result"]


@pytest.mark.parametrize("seconds", [-1, 31, "long"])
def test_how_long_to_listen_is_checked(root: Caller, seconds: object) -> None:
    answer = root.call("POST", TEST, settings(1883, listen=seconds))
    assert answer.status_code == 400
    assert "listen" in answer.json()
    assert not Operation.objects.exists()
