import struct

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mqtt_app.domain.packets import Publish, read_publish

TOPICS = st.binary(min_size=1, max_size=300)
PAYLOADS = st.binary(max_size=20_000)


STRING = st.binary(max_size=20).map(lambda data: struct.pack("!H", len(data)) + data)
IDENTIFIERS = st.integers(1, 268_435_455)
OTHERS = st.one_of(
    st.binary(min_size=1, max_size=1).map(lambda data: b"\x01" + data),
    st.binary(min_size=4, max_size=4).map(lambda data: b"\x02" + data),
    st.binary(min_size=2, max_size=2).map(lambda data: b"\x23" + data),
    st.sampled_from([b"\x03", b"\x08", b"\x09"]).flatmap(lambda kind: STRING.map(lambda data: kind + data)),
    st.tuples(STRING, STRING).map(lambda pair: b"\x26" + b"".join(pair)),
)


def variable(value: int) -> bytes:
    found = bytearray()
    while True:
        value, low = divmod(value, 128)
        found.append(low | (128 if value else 0))
        if not value:
            return bytes(found)


def packet(message: Publish, properties: bytes | None) -> bytes:
    body = struct.pack("!H", len(message.topic)) + message.topic
    body += struct.pack("!H", message.mid) if message.qos else b""
    body += variable(len(properties)) + properties if properties is not None else b""
    body += message.payload
    return bytes([0x30 | message.dup << 3 | message.qos << 1 | message.retain]) + variable(len(body)) + body


@given(
    st.builds(
        Publish, topic=TOPICS, payload=PAYLOADS, qos=st.just(1), retain=st.booleans(), dup=st.booleans(),
        mid=st.integers(1, 65_535),
    ) | st.builds(
        Publish, topic=TOPICS, payload=PAYLOADS, qos=st.just(0), retain=st.booleans(), dup=st.just(False),
        mid=st.just(0),
    ),
    st.none() | st.lists(OTHERS | IDENTIFIERS, max_size=6),
    st.binary(max_size=20),
    st.data(),
)  # fmt: skip
def test_a_whole_packet_is_read_as_it_was_written_and_a_part_of_it_is_not(message, listed, before, data):
    properties = listed and b"".join(b"\x0b" + variable(one) if isinstance(one, int) else one for one in listed)
    properties = b"" if listed == [] else properties
    subscriptions = tuple(one for one in listed or () if isinstance(one, int))
    message = msgspec.structs.replace(message, subscriptions=subscriptions)
    wire = before + packet(message, properties)
    found = read_publish(wire + b"next", len(before), with_properties=properties is not None)
    assert found == (message, len(wire))
    cut = data.draw(st.integers(len(before), len(wire) - 1))
    assert read_publish(wire[:cut], len(before), with_properties=properties is not None) is None


@given(st.binary(max_size=40), st.booleans())
def test_any_bytes_are_a_packet_within_the_buffer_or_none(noise, with_properties):
    found = read_publish(noise, 0, with_properties=with_properties)
    assert found is None or (found[1] <= len(noise) and found[0].topic and found[0].qos in (0, 1))


@given(st.binary(min_size=1, max_size=30))
def test_properties_that_are_not_well_formed_are_left_to_the_library_or_read(noise):
    message = Publish(b"a", b"payload", 0, retain=False, dup=False, mid=0)
    found = read_publish(packet(message, noise), 0, with_properties=True)
    assert found is None or found[0].payload == b"payload"


def test_other_packets_are_left_alone():
    for first in (0x20, 0x34, 0x36, 0xD0, 0xE0):
        assert read_publish(bytes([first, 2, 0, 0]), 0, with_properties=False) is None
