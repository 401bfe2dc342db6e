"""What the parsers of buildings leave to others, and what they take at any depth."""

import pytest

from mqtt_app.parsers.building import building_parsers
from mqtt_app.parsers.registry import Registry

BUILDING = Registry(building_parsers())


@pytest.mark.parametrize(
    ("topic", "sample"),
    [
        ("plant/line1/temperature", b"21.5"),
        ("plant/press/online", b"true"),
        ("plant/press/status", b"offline"),
        ("server/status/wifi", b'{"rssi":-60,"channel":6}'),
        ("server/status/mqtt", b'{"messages":12}'),
        ("server/events/rpc", b'{"id":1}'),
        ("shellies", b"on"),
        ("plant/N/12/3/4/x", b"5"),
        ("N/hall/row/1/seat", b"taken"),
        ("hall/R/lamp/2/power", b"5"),
        ("homeassistant/sensor/kitchen/state", b"21.5"),
        ("zigbee2mqtt/sensor/kitchen/state", b"ON"),
        ("sensor/kitchen/state", b"21.5"),
        ("home/automation/temperature", b"21.5"),
        ("homies/car/engine/speed", b"5"),
        ("v3/app@tenant/devices/meta/up", b"{}"),
        ("v1/devices/me/telemetry", b'{"a":1}'),
        ("devices/line1/control/speed", b"5"),
        ("plant/solar_data", b'{"power":1}'),
        ("plant/gateway_data", b'{"ok":true}'),
        ("pv/inverter/status", b"offline"),
        ("pv/inverter/available", b"0"),
        ("house/watermeter/availability", b"offline"),
        ("house/watermeter/total", b"12.5"),
        ("solar/123/0/power", b"5"),
        ("knx/1/2/3/4/5", b"1"),
        ("modbus/7/3/0/0/1", b"1"),
        ("openWB/set/chargepoint/4/config", b"{}"),
        ("app/status/job", b'{"value":1}'),
        ("app/connected", b"1"),
        ("my-evccx/site/power", b"5"),
        ("tele/plug/SENSOR", b"{}"),
    ],
)
def test_topics_of_others_are_left_to_them(topic: str, sample: bytes) -> None:
    assert BUILDING.recognise(topic, sample) is None


@pytest.mark.parametrize("prefix", ["", "site1/", "customers/hotel/floor3/"])
@pytest.mark.parametrize(
    ("topic", "sample", "name"),
    [
        ("shellyplus1pm-44179394d4d4/status/switch:0", b'{"id":0}', "shelly_gen2"),
        ("shellies/shelly1-E8DB84/relay/0", b"on", "shelly_gen1"),
        ("N/c0619ab0123e/grid/30/Ac/Power", b'{"value":1}', "victron"),
        ("kitchen/sensor/temperature/state", b"21.5", "esphome"),
        ("homie/5/car/$state", b"ready", "homie"),
        ("devices/wb-adc/controls/Vin", b"12.1", "wiren_board"),
        ("ems-esp/boiler_data", b'{"curflowtemp":40}', "ems_esp"),
        ("evcc/loadpoints/1/mode", b"pv", "evcc"),
        ("solar/116180212345/0/power", b"5", "opendtu"),
        ("go-eCharger/072246/amp", b"16", "go_e_charger"),
        ("ebusd/bai/FlowTemp", b"45.2", "ebusd"),
        ("nuki/3A4C1B2F/state", b"1", "nuki"),
    ],
)
def test_a_family_is_known_below_the_levels_of_a_bridge(
    prefix: str, topic: str, sample: bytes, name: str
) -> None:
    chosen = BUILDING.recognise(prefix + topic, sample)
    assert chosen is not None
    assert chosen.name == name


@pytest.mark.parametrize("sample", [b"", b" ", b"\x00"])
@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("shellies/shelly1-E8DB84/relay/0", "shelly_gen1"),
        ("kitchen/sensor/temperature/state", "esphome"),
        ("homie/car/engine/speed", "homie"),
        ("/devices/wb-adc/controls/Vin", "wiren_board"),
        ("evcc/loadpoints/1/mode", "evcc"),
    ],
)
def test_an_empty_payload_does_not_hide_a_family(topic: str, name: str, sample: bytes) -> None:
    chosen = BUILDING.recognise(topic, sample)
    assert chosen is not None
    assert chosen.name == name
