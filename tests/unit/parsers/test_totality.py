"""No bytes make a built-in parser raise anything but ParseError, or return what cannot be stored."""

import json

import cbor2
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.facts import ParseError, ParseErrorKind
from mqtt_app.parsers.base import Message, Parser
from mqtt_app.parsers.built_in import built_ins
from mqtt_app.parsers.registry import load, run
from tests.narrowing import present

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KEYS = st.text() | st.sampled_from(
    [
        "ts",
        "t",
        "time",
        "values",
        "device",
        "state",
        "last_seen",
        "StatusSNS",
        "friendly_name",
        "definition",
        "type",
        "end_device_ids",
        "uplink_message",
        "decoded_payload",
        "normalized_payload",
        "rx_metadata",
        "gateway_ids",
        "received_at",
        "location_solved",
        "deviceInfo",
        "devEui",
        "devEUI",
        "rxInfo",
        "object",
        "objectJSON",
        "data",
        "device_info",
        "time_info",
        "deviceProfile",
        "n",
        "v",
        "bn",
        "bt",
        "_type",
        "tst",
        "model",
        "id",
        "channel",
        "from",
        "payload",
        "reported",
        "latlng",
        "239",
        "gw_mac",
        "data",
        "tags",
        "presence",
    ]
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20
)
TOPICS = st.text(min_size=1) | st.sampled_from(
    [
        "a/b",
        "zigbee2mqtt/x",
        "zigbee2mqtt/x/availability",
        "zigbee2mqtt/bridge/state",
        "zigbee2mqtt/bridge/devices",
        "tele/x/SENSOR",
        "tele/x/LWT",
        "stat/x/POWER",
        "stat/x/STATUS8",
        "v3/a@b/devices/c/up",
        "v3/a@b/devices/c/location/solved",
        "application/1/device/0101010101010101/event/up",
        "application/1/device/0101010101010101/event/status",
        "application/1/device/0101010101010101/event/log",
        "eu868/gateway/0016c001f153a14c/event/stats",
        "eu868/gateway/0016c001f153a14c/state/conn",
        "v1/devices/me/telemetry",
        "v1/gateway/telemetry",
        "v1/gateway/connect",
        "a/lpp",
        "spBv1.0/G/NBIRTH/N",
        "spBv1.0/G/DBIRTH/N/D",
        "spBv1.0/G/DDATA/N/D",
        "spBv1.0/G/NDEATH/N",
        "rtl_433/h/events",
        "rtl_433/h/devices/M/1/2/temperature_C",
        "home/g/BTtoMQTT/AABBCCDDEEFF",
        "home/g/SYStoMQTT",
        "home/g/RTL_433toMQTT",
        "home/g/LWT",
        "ruuvi/AA:BB:CC:DD:EE:FF/AA:BB:CC:DD:EE:00",
        "ruuvi/AA:BB:CC:DD:EE:FF/gw_status",
        "msh/EU_868/2/json/LongFast/!7efeee00",
        "msh/EU_868/2/stat/!7efeee00",
        "owntracks/jane/phone",
        "352093081234567/data",
        "router/1107098765/temperature",
        "espresense/devices/apple:1/kitchen",
        "espresense/rooms/kitchen/telemetry",
        "/",
        "//",
    ]
)


def outcome(parser: Parser, topic: str, payload: bytes) -> ParseErrorKind | None:
    """None, or the kind of the error."""
    try:
        run(parser, Message(topic, payload, 1_700_000_000.0))
    except ParseError as error:
        return error.kind
    return None


@pytest.mark.parametrize("parser", built_ins(), ids=lambda parser: parser.name)
@given(
    topic=TOPICS,
    payload=st.binary() | st.text(alphabet='{}[]":,0123456789eE.-\\u ntf').map(str.encode),
)
def test_any_bytes_are_survived(parser: Parser, topic: str, payload: bytes) -> None:
    assert 0.0 <= parser.matches(topic, payload) <= 1.0
    assert outcome(parser, topic, payload) != ParseErrorKind.UNKNOWN


@pytest.mark.parametrize("name", ["cbor", "messagepack", "senml"])
@given(tree=TREES, cut=st.integers(0, 40))
def test_any_tree_in_bytes_is_survived(name: str, tree: object, cut: int) -> None:
    """Also cut off: then it is an error, or nothing."""
    parser = present(load([]).get(name))
    pack = msgpack.packb if name == "messagepack" else cbor2.dumps
    try:
        payload = pack(tree)
    except (OverflowError, UnicodeEncodeError, ValueError):
        return  # a number or text that the library does not write
    assert outcome(parser, "a/b", payload) != ParseErrorKind.UNKNOWN
    assert outcome(parser, "a/b", payload[:cut]) != ParseErrorKind.UNKNOWN


@pytest.mark.parametrize("parser", built_ins(), ids=lambda parser: parser.name)
@given(topic=TOPICS, tree=TREES)
def test_any_json_is_survived(parser: Parser, topic: str, tree: object) -> None:
    assert outcome(parser, topic, json.dumps(tree).encode()) != ParseErrorKind.UNKNOWN
