"""How sure the parsers of gateways and trackers are of a topic: sure of their own, silent elsewhere."""

import pytest

from mqtt_app.parsers.built_in import built_ins
from mqtt_app.parsers.registry import load
from tests.narrowing import present

PARSERS = {parser.name: parser for parser in built_ins()}


@pytest.mark.parametrize(
    ("name", "topic", "sample", "confidence"),
    [
        ("sparkplug", "spBv1.0/G/NDATA/N", b"", 0.9),
        ("sparkplug", "a/b/spBv1.0/G/DDATA/N/D", b"", 0.9),
        ("sparkplug", "spBv1.0/G/OTHER/N", b"", 0.0),
        ("sparkplug", "spBv1.0/G/NDATA/", b"", 0.0),
        ("sparkplug", "spBv1.0/G/DDATA/N/D/E", b"", 0.0),
        ("sparkplug", "spBv1.00/G/NDATA/N", b"", 0.0),
        ("sparkplug", "STATE/host", b"ONLINE", 0.8),
        ("sparkplug", "STATE/host", b"21.5", 0.0),
        ("sparkplug", "tele/STATE", b"ONLINE", 0.0),
        ("rtl_433", "rtl_433/h/events", b"", 0.85),
        ("rtl_433", "a/rtl_433/h/devices/M/1/t", b"", 0.85),
        ("rtl_433", "rtl_433/h/other", b"21.5", 0.0),
        ("rtl_433", "my_rtl_433/h/events", b"", 0.0),
        ("rtl_433", "rtl_433/M/7", b'{"time":"x","model":"M"}', 0.75),
        ("rtl_433", "radio", b'{"time":"x","model":"M","mic":"CRC"}', 0.65),
        ("rtl_433", "radio", b'{"time":"x","model":"M","temperature":1}', 0.0),
        ("openmqttgateway", "home/g/BTtoMQTT", b"", 0.85),
        ("openmqttgateway", "BTtoMQTT/x", b"", 0.0),
        ("openmqttgateway", "home/g/commands/MQTTtoBT", b"", 0.85),
        ("openmqttgateway", "home/g/LWT", b"online", 0.6),
        ("openmqttgateway", "home/g/LWT", b"Online", 0.0),
        ("openmqttgateway", "tele/g/LWT", b"online", 0.0),
        ("openmqttgateway", "x/OMG_1/LWT", b"", 0.85),
        ("ruuvi", "ruuvi/AA:BB:CC:DD:EE:FF/AA:BB:CC:DD:EE:00", b"", 0.85),
        ("ruuvi", "ble/AA:BB:CC:DD:EE:FF/AA:BB:CC:DD:EE:00", b"", 0.0),
        ("ruuvi", "ruuvi/AA:BB:CC:DD:EE:FF/gw_status", b"", 0.85),
        ("ruuvi", "ruuvi/hall/gw_status", b"", 0.0),
        ("ruuvi", "gw_status", b"", 0.0),
        ("ruuvi", "a", b'{"gw_mac":"AA","data":"02"}', 0.9),
        ("meshtastic", "msh/US/2/json/LongFast/!7efeee00", b"", 0.9),
        ("meshtastic", "mesh/2/json/LongFast/!7efeee00", b"", 0.7),
        ("meshtastic", "mesh/2/json/LongFast/lamp", b"", 0.0),
        ("meshtastic", "2/json/LongFast/!7efeee00", b"", 0.0),
        ("meshtastic", "msh/US/3/json/LongFast/!7efeee00", b"", 0.0),
        ("owntracks", "owntracks/jane/phone", b"", 0.75),
        ("owntracks", "owntracks/jane/phone", b'{"_type":"lwt"}', 0.9),
        ("owntracks", "owntracks/jane", b"", 0.0),
        ("owntracks", "cars/7", b'{"_type":"location","tst":1}', 0.65),
        ("owntracks", "cars/7", b'{"_type":"location"}', 0.0),
        ("teltonika", "a", b'{"state":{"reported":{"latlng":"1,2"}}}', 0.8),
        ("teltonika", "352093081234567/data", b'{"state":{"reported":{}}}', 0.8),
        ("teltonika", "$aws/things/lamp/shadow/update", b'{"state":{"reported":{}}}', 0.0),
        ("teltonika", "router/1107098765/signal", b"", 0.8),
        ("teltonika", "router/110709876/signal", b"", 0.0),
        ("teltonika", "router/1107098765/other", b"", 0.0),
        ("teltonika", "get/1107098765/command", b"", 0.8),
    ],
)
def test_how_sure_each_parser_is_of_a_topic(
    name: str, topic: str, sample: bytes, confidence: float
) -> None:
    assert PARSERS[name].matches(topic, sample) == confidence


@pytest.mark.parametrize(
    ("topic", "sample", "name"),
    [
        ("tele/plug/LWT", b"Online", "tasmota"),
        ("zigbee2mqtt/msh", b'{"from":1}', "zigbee2mqtt"),
        ("lab/a/temperature", b"21.5", "scalar"),
        ("lab/a", b'{"id":7,"model":"M","temperature":1}', "json"),
        ("router/kitchen/temperature", b"21.5", "scalar"),
        ("device/1107098765/temperature", b"21.5", "scalar"),
    ],
)
def test_topics_of_others_are_left_to_them(topic: str, sample: bytes, name: str) -> None:
    assert present(load([]).recognise(topic, sample)).name == name
