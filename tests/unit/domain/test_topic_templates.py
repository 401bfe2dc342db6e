import pytest

from mqtt_app.domain.topic_templates import template_of


@pytest.mark.parametrize(
    ("topic", "template"),
    [
        ("jobs/0b7f6f0e-3f2a-4c53-9a55-0c8e3f1a2b3c/status", "jobs/{uuid}/status"),
        ("jobs/0B7F6F0E-3F2A-4C53-9A55-0C8E3F1A2B3C", "jobs/{uuid}"),
        ("log/2026-11-25T10:00:00Z/line", "log/{time}/line"),
        ("log/20261125/line", "log/{time}/line"),
        ("img/1764064800/raw", "img/{time}/raw"),
        ("img/1764064800123", "img/{time}"),
        ("rpc/request/48211", "rpc/request/{number}"),
        ("a/2026-11-25/48211", "a/{time}/{number}"),
        ("blob/d41d8cd98f00b204e9800998ecf8427e", "blob/{hash}"),
    ],
)
def test_a_level_that_never_ends_is_named(topic, template):
    assert template_of(topic) == template


@pytest.mark.parametrize(
    "topic",
    [
        "room/1/temp",
        "room/101/temp",
        "zigbee2mqtt/0x00158d0001a2b3c4",
        "ble/AABBCCDDEEFF/temp",
        "ble/AA:BB:CC:DD:EE:FF",
        "eui/70b3d57ed0051234/up",
        "spBv1.0/plant/DDATA/edge/pump",
        "a//b/",
        "/",
        "",
        "v3/app@tenant/devices/dev-01/up",
    ],
)
def test_a_place_a_channel_or_an_address_is_none(topic):
    assert template_of(topic) == ""
