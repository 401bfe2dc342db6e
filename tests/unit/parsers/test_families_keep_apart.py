"""Parsers of servers, binary and delimited formats leave the topics of other families alone."""

import base64

import pytest

from mqtt_app.parsers.registry import load
from tests.narrowing import present

FAMILIES = [
    "things_stack",
    "chirpstack",
    "thingsboard",
    "milesight",
    "lorawan_server",
    "senml",
    "influx_line",
]
UNSURE = ["cbor", "messagepack", "cayenne_lpp", "key_value", "csv"]  # never surer than plain JSON
OTHER_FAMILIES = [
    ("zigbee2mqtt/lamp", b'{"state":"ON","linkquality":102,"device":{"ieeeAddr":"0x00158d00"}}'),
    ("zigbee2mqtt/bridge/devices", b'[{"ieee_address":"0x00158d","type":"Router"}]'),
    ("tele/plug/SENSOR", b'{"Time":"2017-02-16T10:13:52","DS18B20":{"Temperature":20.6}}'),
    ("stat/plug/STATUS", b'{"Status":{"DeviceName":"x"}}'),
    ("shellies/shelly1-AABB/relay/0", b"on"),
    ("shelly-123/events/rpc", b'{"src":"a","method":"NotifyStatus","params":{"ts":1.5}}'),
    ("homie/dev/light/color", b"255,128,0"),
    ("homie/5/dev/$description", b'{"homie":"5.0","version":7,"nodes":{}}'),
    ("homeassistant/sensor/a/config", b'{"dev":{"ids":"a"},"stat_t":"a/b"}'),
    ("esp-kitchen/sensor/temp/state", b"21.5"),
    ("/devices/wb-adc/controls/Vin", b"12.3"),
    ("/devices/wb-rgb/controls/RGB", b"255;128;0"),
    ("N/c0619ab1/grid/30/Ac/Power", b'{"value":-812}'),
    ("rtl_433/host/events", b'{"time":"2023-01-01 10:00:00","model":"Acurite","id":17}'),
    ("home/OMG_1/BTtoMQTT/AABBCCDDEEFF", b'{"id":"AA:BB:CC:DD:EE:FF","rssi":-70,"tempc":21}'),
    ("msh/EU_868/2/json/LongFast/!a1b2", b'{"from":123,"type":"telemetry","payload":{"a":1}}'),
    ("owntracks/user/phone", b'{"_type":"location","lat":52.1,"lon":4.3,"tst":1700000000}'),
    ("ruuvi/AA:BB/CC:DD", b'{"gw_mac":"AA:BB:CC:DD:EE:FF","rssi":-70,"data":"0201061BFF99"}'),
    ("frigate/events", b'{"type":"new","before":{"id":"1"},"after":{"id":"1"}}'),
    ("frigate/door/person/snapshot", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"),
    ("wled/all/v", b'<?xml version="1.0" ?><vs><ac>128</ac></vs>'),
    ("ems-esp/boiler_data", b'{"outdoortemp":3.5,"heatingactive":false}'),
    ("zwave/node/49/0/Air_temperature", b'{"time":1700000000000,"value":21.5}'),
    (
        "spBv1.0/plant/NDATA/edge",
        base64.b64decode("CJjhk+m8MRIXCgR0ZW1wGJjhk+m8MSAKaQAAAAAAgDVAGAE="),
    ),
    ("spBv1.0/STATE/scada", b'{"online":true,"timestamp":1700000000000}'),
    ("teltonika/352094", b'{"state":{"reported":{"latlng":"54.7,25.2","ts":1700000000000}}}'),
    ("plant/dev1", b'{"temp":21.4,"devices":[{"id":1}],"data":{"v":1,"n":"x"}}'),
    ("plant/list", b'[{"n":1,"v":2}]'),
    ("plant/dev1", b"21.5 C"),
    ("plant/dev1", b"Online"),
    ("plant/dev1", b"192.168.1.20"),
    ("plant/dev1", b"12:30:45"),
    ("plant/dev1", b"http://10.0.0.1/set?a=1&b=2"),
    ("plant/gateway/dev/event/on", b"1"),
    ("application/log", b"started in 5 s, see http://a/b?c=d"),
]


@pytest.mark.parametrize(("topic", "sample"), OTHER_FAMILIES)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_claims_no_topic_of_another(name: str, topic: str, sample: bytes) -> None:
    assert present(load([]).get(name)).matches(topic, sample) == 0.0


@pytest.mark.parametrize(("topic", "sample"), OTHER_FAMILIES)
@pytest.mark.parametrize("name", UNSURE)
def test_a_format_without_a_mark_is_never_surer_than_json(
    name: str, topic: str, sample: bytes
) -> None:
    assert present(load([]).get(name)).matches(topic, sample) < 0.3


@pytest.mark.parametrize("sample", [b"", b"null", b"-", b"nan", b" "])
@pytest.mark.parametrize("name", [*FAMILIES, *UNSURE])
def test_what_stands_for_no_value_says_nothing_about_a_format(name: str, sample: bytes) -> None:
    assert present(load([]).get(name)).matches("plant/dev1", sample) == 0.0
