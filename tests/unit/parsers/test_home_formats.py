"""How sure the parsers of home automation are of topics, theirs and others', by table."""

import pytest

from mqtt_app.parsers.registry import built_ins

PARSERS = {parser.name: parser for parser in built_ins()}


@pytest.mark.parametrize(
    ("name", "topic", "sample", "confidence"),
    [
        ("tasmota", "tele/x/SENSOR", b"", 0.8),
        ("tasmota", "x/stat/POWER1", b"", 0.8),
        ("tasmota", "a/b/tele/SENSOR", b"", 0.8),
        ("tasmota", "tele/x/LWT", b"", 0.8),
        ("tasmota", "stat/x/STATUS10", b"", 0.8),
        ("tasmota", "cmnd/x/POWER", b"", 0.8),
        ("tasmota", "stat/x/STATUS100", b"", 0.0),
        ("tasmota", "stat/x/POWER100", b"", 0.0),
        ("tasmota", "stat/x/DIMMER", b'{"Dimmer":5}', 0.6),
        ("tasmota", "stat/x/DIMMER", b"5", 0.0),
        ("tasmota", "tele/x/temperature", b"{}", 0.0),
        ("tasmota", "tele/SENSOR", b"", 0.0),
        ("tasmota", "tele//SENSOR", b"", 0.0),
        ("tasmota", "a/b/SENSOR", b"{}", 0.0),
        ("tasmota", "a/b/SENSOR", b'{"Time":"2023-11-14T22:13:20"}', 0.7),
        ("tasmota", "tasmota/discovery/A020A6112233/config", b"", 0.9),
        ("tasmota", "tasmota/discovery/lamp/config", b"", 0.0),
        ("zigbee2mqtt", "zigbee2mqtt/x", b"", 0.9),
        ("zigbee2mqtt", "zigbee2mqtt-2/x", b"", 0.9),
        ("zigbee2mqtt", "a/b/Zigbee2MQTT/x", b"", 0.9),
        ("zigbee2mqtt", "z2m_cellar/x", b"", 0.9),
        ("zigbee2mqtt", "zigbee2mqtt", b"", 0.0),
        ("zigbee2mqtt", "zigbee2mqtt/", b"", 0.0),
        ("zigbee2mqtt", "zigbee/x", b"", 0.0),
        ("zigbee2mqtt", "zigbee/x", b'{"linkquality":5}', 0.65),
        ("zigbee2mqtt", "zigbee/bridge/devices", b"", 0.0),
        ("zigbee2mqtt", "zigbee/bridge/devices", b'[{"ieee_address":"0x1"}]', 0.8),
        ("zigbee2mqtt", "mqtt/bridge/devices", b'[{"id":1}]', 0.0),
        ("zigbee2mqtt", "tele/zigbee2mqtt/SENSOR", b"", 0.0),
        ("zigbee2mqtt", "/devices/zigbee2mqtt/controls/State", b"1", 0.0),
        ("zigbee2mqtt", "homie/zigbee2mqtt/$state", b"ready", 0.0),
    ],
)
def test_how_sure_each_parser_is(name, topic, sample, confidence):
    assert PARSERS[name].matches(topic, sample) == confidence
