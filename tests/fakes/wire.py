"""Bytes of MQTT packets as a server sends them, well formed or not."""

import struct


def variable(value: int) -> bytes:
    """A Variable Byte Integer."""
    found = bytearray()
    while True:
        value, low = divmod(value, 128)
        found.append(low | (128 if value else 0))
        if not value:
            return bytes(found)


def text(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def packet(first: int, body: bytes = b"") -> bytes:
    return bytes([first]) + variable(len(body)) + body


def publish(
    version: str,
    topic: bytes = b"plant/a",
    payload: bytes = b"1",
    *,
    qos: int = 0,
    packet_id: int = 1,
    flags: int = 0,
    properties: bytes = b"",
) -> bytes:
    """`flags`: DUP (8) and RETAIN (1). `properties` are left out of 3.1.1."""
    body = text(topic) + (struct.pack("!H", packet_id) if qos else b"")
    body += variable(len(properties)) + properties if version == "5" else b""
    return packet(0x30 | qos << 1 | flags, body + payload)


def connack(version: str, code: int = 0, properties: bytes = b"") -> bytes:
    return packet(
        0x20, bytes([0, code]) + (variable(len(properties)) + properties if version == "5" else b"")
    )


def answer(
    first: int, version: str, packet_id: int, codes: bytes, properties: bytes = b""
) -> bytes:
    """SUBACK (0x90) or UNSUBACK (0xB0). `properties`: less than 128 bytes of them."""
    if version == "5":
        length = bytes([len(properties)])
        return packet(first, struct.pack("!H", packet_id) + length + properties + codes)
    return packet(first, struct.pack("!H", packet_id) + (codes if first == 0x90 else b""))
