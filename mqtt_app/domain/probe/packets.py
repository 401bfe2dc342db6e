"""The packets that a test of a connection sends: MQTT 5 and 3.1.1, section 3. Pure.

A test has a session of its own that ends with its connection, and no will.
"""

import struct

from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.domain.link.protocol.properties import SESSION_EXPIRY_INTERVAL

USERNAME = 0x80
PASSWORD = 0x40
CLEAN = 0x02
MAXIMUM_PACKET_SIZE = 0x27
RECEIVE_MAXIMUM = 0x21
FEW = 50  # messages that a broker may have open with us


def connect(config: ConnectionConfig, *, v5: bool, limit: int) -> bytes:
    """`limit`: bytes of a packet that are taken, which only MQTT 5 says."""
    flags = CLEAN
    fields = [_text(config.client_id)]
    if config.username or config.password:
        flags |= USERNAME
        fields.append(_text(config.username))
    if config.password:
        flags |= PASSWORD
        fields.append(_text(config.password))
    body = _text("MQTT") + bytes([5 if v5 else 4, flags]) + struct.pack("!H", config.keepalive)
    if v5:
        properties = struct.pack("!BI", SESSION_EXPIRY_INTERVAL, 0)
        properties += struct.pack("!BH", RECEIVE_MAXIMUM, FEW)
        properties += struct.pack("!BI", MAXIMUM_PACKET_SIZE, limit)
        body += bytes([len(properties)]) + properties
    return _packet(0x10, body + b"".join(fields))


def subscribe(packet_id: int, topic_filter: str, qos: int, *, v5: bool) -> bytes:
    body = struct.pack("!H", packet_id) + (b"\0" if v5 else b"")
    return _packet(0x82, body + _text(topic_filter) + bytes([qos]))


def puback(packet_id: int) -> bytes:
    return _packet(0x40, struct.pack("!H", packet_id))


def disconnect() -> bytes:
    """For both versions: MQTT 5 leaves out a Reason Code of 0."""
    return _packet(0xE0, b"")


def unshared(topic_filter: str) -> str:
    """Without `$share/group/`: a test must not take messages away from the running link."""
    if topic_filter.startswith("$share/"):
        return topic_filter.split("/", 2)[-1]
    return topic_filter


def _packet(first: int, body: bytes) -> bytes:
    length = bytearray()
    rest = len(body)
    while True:
        rest, low = divmod(rest, 128)
        length.append(low | (128 if rest else 0))
        if not rest:
            return bytes([first]) + bytes(length) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data
