"""How sure the parsers of home automation are of topics, theirs and others', by table, and that no
payload on their topics makes them fail.
"""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.facts import ParseError, ParseErrorKind
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.built_in import built_ins
from mqtt_app.parsers.registry import run

PARSERS = {parser.name: parser for parser in built_ins()}
TOPICS = {
    "zigbee2mqtt": [
        "zigbee2mqtt/x",
        "a/z2m/x/power",
        "zigbee2mqtt/x/availability",
        "zigbee2mqtt/bridge/state",
        "zigbee2mqtt/bridge/info",
        "b/bridge/devices",
        "b/bridge/groups",
    ],
    "tasmota": [
        "tele/x/SENSOR",
        "a/x/tele/STATE",
        "stat/x/POWER1",
        "stat/x/STATUS0",
        "tele/x/INFO1",
        "tele/x/LWT",
        "tele/x/y/ZbReceived",
        "tasmota/discovery/A020A6112233/config",
    ],
    "home_assistant": ["homeassistant/sensor/x/config", "homeassistant/device/x/config"],
    "zwave_js": ["zwave/a/b/status", "zwave/5/49/0/x", "zwave/a/nodeinfo", "zwave/driver/status"],
    "frigate": ["frigate/a/b", "frigate/events", "frigate/reviews", "frigate/stats"],
    "wled": ["wled/a/g", "wled/a/v", "wled/a/status"],
    "domoticz": ["domoticz/out", "domoticz/in"],
    "homed": ["homed/fd/zigbee/x/1", "homed/device/zigbee/x", "homed/service/zigbee"],
    "openbeken": ["obk1/1/get", "obk1/mac", "obk1/connected", "a/b/consumption_stats/get"],
}
KEYS = st.text(max_size=3) | st.sampled_from(
    [
        "friendly_name",
        "ieee_address",
        "definition",
        "exposes",
        "features",
        "property",
        "last_seen",
        "device",
        "state",
        "value",
        "unit",
        "time",
        "ZbReceived",
        "ZbInfo",
        "Device",
        "Name",
        "ENERGY",
        "Power",
        "Status",
        "StatusSNS",
        "TempUnit",
        "DeepSleep",
        "stat_t",
        "~",
        "cmps",
        "availability",
        "dev",
        "val_tpl",
        "after",
        "camera",
        "cameras",
        "detectors",
        "service",
        "idx",
        "dtype",
        "svalue1",
        "nvalue",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)
PLACES = st.sampled_from([(name, topic) for name, topics in TOPICS.items() for topic in topics])


def is_survived(name: str, topic: str, payload: bytes) -> bool:
    """Facts, or an error that names what is wrong with the payload."""
    try:
        run(PARSERS[name], Message(topic, payload, 1_700_000_000.0))
    except ParseError as error:
        return error.kind != ParseErrorKind.UNKNOWN
    return True


@given(place=PLACES, tree=TREES)
def test_any_json_is_survived(place: tuple[str, str], tree: object) -> None:
    assert is_survived(*place, json.dumps(tree).encode())


@given(place=PLACES, payload=st.binary() | st.text(alphabet="<vs>ac/01,.-{").map(str.encode))
def test_any_bytes_are_survived(place: tuple[str, str], payload: bytes) -> None:
    assert is_survived(*place, payload)


def test_a_state_of_a_megabyte_is_read_in_bounded_time() -> None:
    payload = b"<vs>" + b"<cl>1</cl>" * 90_000
    begin = time.monotonic()
    assert len(run(PARSERS["wled"], Message("wled/a/v", payload, 1_700_000_000.0))) == 90_000
    assert time.monotonic() - begin < 10.0


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
        ("zigbee2mqtt", "zigbee/x", b'{"linkquality":5}', 0.0),
        ("zigbee2mqtt", "zigbee/x", b'{"linkquality":5,"last_seen":null}', 0.65),
        ("zigbee2mqtt", "zigbee/x", b'["linkquality","last_seen"]', 0.0),
        ("zigbee2mqtt", "zigbee/bridge/devices", b"", 0.0),
        ("zigbee2mqtt", "zigbee/bridge/devices", b'[{"ieee_address":"0x1"}]', 0.8),
        ("zigbee2mqtt", "mqtt/bridge/devices", b'[{"id":1}]', 0.0),
        ("zigbee2mqtt", "tele/zigbee2mqtt/SENSOR", b"", 0.0),
        ("zigbee2mqtt", "/devices/zigbee2mqtt/controls/State", b"1", 0.0),
        ("zigbee2mqtt", "homie/zigbee2mqtt/$state", b"ready", 0.0),
        ("home_assistant", "homeassistant/sensor/x/config", b"", 0.92),
        ("home_assistant", "homeassistant/sensor/n/x/config", b'{"stat_t":"a"}', 0.95),
        ("home_assistant", "ha/sensor/n/x/config", b'{"uniq_id":"a"}', 0.95),
        ("home_assistant", "ha/sensor/n/x/config", b"", 0.0),
        ("home_assistant", "a/b/config", b'{"state_topic":"a"}', 0.7),
        ("home_assistant", "a/b/config", b'{"interval":5}', 0.0),
        ("home_assistant", "homeassistant/status", b"online", 0.9),
        ("home_assistant", "homeassistant/sensor/x/state", b"5", 0.0),
        ("home_assistant", "tasmota/discovery/A020A6112233/config", b'{"t":"a"}', 0.0),
        ("zwave_js", "zwave/_CLIENTS/ZWAVE_GATEWAY-a/status", b"", 0.9),
        ("zwave_js", "zwave/5/49/0/Air", b"", 0.85),
        ("zwave_js", "zwave/a/battery/level", b"5", 0.85),
        ("zwave_js", "zwave/a/status", b"online", 0.0),
        ("zwave_js", "zwave-proxy/sensor/uptime/state", b"5", 0.0),
        ("zwave_js", "zwave/a/status", b"true", 0.85),
        ("zwave_js", "house/a/battery/level", b"5", 0.0),
        ("zwave_js", "house/a/battery/level", b'{"time":1,"value":5}', 0.8),
        ("zwave_js", "house/a/status", b'{"time":1,"value":5}', 0.0),
        ("zwave_js", "house/a", b'{"time":1,"value":5}', 0.0),
        ("frigate", "frigate/cam/person", b"", 0.8),
        ("frigate", "a/frigate/cam/person", b"", 0.7),
        ("frigate", "frigate", b"", 0.0),
        ("frigate", "cam/frigate", b"1", 0.0),
        ("wled", "wled/a/g", b"", 0.8),
        ("wled", "wled/a", b"ON", 0.8),
        ("wled", "house/wled/a/g", b"", 0.7),
        ("wled", "wled/a/b/x", b"", 0.0),
        ("wled", "house/a/g", b"5", 0.0),
        ("wled", "house/a/v", b"<vs><ac>5</ac></vs>", 0.9),
        ("domoticz", "domoticz/out", b"", 0.8),
        ("domoticz", "domoticz/in", b"", 0.8),
        ("domoticz", "domoticz/x", b"", 0.0),
        ("domoticz", "a/b", b'{"idx":1,"nvalue":1,"svalue1":"1"}', 0.9),
        ("domoticz", "a/b", b'{"idx":1,"nvalue":1}', 0.0),
        ("openbeken", "obk1234/1/get", b"", 0.8),
        ("openbeken", "obk1234/1/set", b"", 0.8),
        ("openbeken", "obk1234/connected", b"", 0.8),
        ("openbeken", "obk1234/other", b"", 0.0),
        ("openbeken", "hall/plug/power/get", b"5", 0.6),
        ("openbeken", "hall/plug/power/get", b"", 0.0),
        ("openbeken", "hall/plug/power/set", b"5", 0.0),
        ("openbeken", "hall/plug/state/get", b"5", 0.0),
        ("openbeken", "hall/plug/connected", b"online", 0.0),
        ("homed", "homed/fd/zigbee/x", b"", 0.8),
        ("homed", "homed/other/zigbee/x", b"", 0.0),
        ("homed", "homed/fd", b"", 0.0),
    ],
)
def test_how_sure_each_parser_is(name: str, topic: str, sample: bytes, confidence: float) -> None:
    assert PARSERS[name].matches(topic, sample) == confidence
