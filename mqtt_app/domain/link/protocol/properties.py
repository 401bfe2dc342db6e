"""The properties of MQTT 5 packets, section 2.2.2."""

from collections.abc import Callable
from typing import Any

from mqtt_app.domain.link.protocol.violations import (
    FIND_THE_MESSAGE,
    Reason,
    Violation,
    malformed,
    protocol_error,
)

PUBLISH = "PUBLISH"
CONNACK = "CONNACK"
DISCONNECT = "DISCONNECT"
ANSWERS = ("PUBREL", "SUBACK", "UNSUBACK")
SESSION_EXPIRY_INTERVAL = 0x11
ASSIGNED_CLIENT_IDENTIFIER = 0x12
SERVER_KEEP_ALIVE = 0x13
RESPONSE_INFORMATION = 0x1A
SERVER_REFERENCE = 0x1C
REASON_STRING = 0x1F
RECEIVE_MAXIMUM = 0x21
TOPIC_ALIAS_MAXIMUM = 0x22
MAXIMUM_QOS = 0x24
RETAIN_AVAILABLE = 0x25
MAXIMUM_PACKET_SIZE = 0x27
WILDCARDS_AVAILABLE = 0x28
SUBSCRIPTION_IDENTIFIERS_AVAILABLE = 0x29
SHARED_AVAILABLE = 0x2A
SUBSCRIPTION_IDENTIFIER = 0x0B
USER_PROPERTY = 0x26
TOPIC_ALIAS = 0x23
RESPONSE_TOPIC = 0x08
MOST_PROPERTIES = 1_000  # of a packet; about a millisecond, for which all other links wait
REPEATED = {USER_PROPERTY, SUBSCRIPTION_IDENTIFIER}
SPOKEN = {CONNACK, DISCONNECT, "SUBACK"}  # packets whose User Properties are kept

Values = dict[int, list[Any]]


def variable(data: bytes | bytearray, place: int) -> tuple[int, int]:
    """A Variable Byte Integer (section 1.5.5) and where it ends. Raises IndexError when it is not
    here whole, Violation when it is longer than four bytes. Longer forms of small numbers are
    taken: encoders of small devices pad them.
    """
    value = data[place]
    if value < 128:
        return value, place + 1
    value = value & 127
    shift = 7
    while shift < 28:
        place += 1
        byte = data[place]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place + 1
        shift += 7
    raise malformed("a length of more than four bytes")


def read_properties(data: bytes, place: int, packet: str) -> tuple[Values, int]:
    """Identifier -> values, and where the properties end. Raises Violation; `data` ends with the
    packet.
    """
    try:
        length, place = variable(data, place)
    except IndexError:
        raise malformed(f"a {packet} without the length of its properties") from None
    end = place + length
    if end > len(data):
        raise malformed(f"a {packet} whose properties are longer than itself")
    found: Values = {}
    data = data[:end]
    for _ in range(MOST_PROPERTIES + 1):
        if place == end:
            return found, end
        place = _read(data, place, packet, found)
    what = f"a {packet} with more than {MOST_PROPERTIES:,} properties, which are the most that Sitewire reads"
    raise Violation(Reason.QUOTA_EXCEEDED, what, FIND_THE_MESSAGE)


def _read(data: bytes, place: int, packet: str, found: Values) -> int:
    """Of the property at `place`. User Properties of messages are judged and not kept."""
    number = data[place]
    if number not in _KINDS:
        raise malformed(f"a {packet} with a property that MQTT does not know ({number:#04x})")
    take, name, packets = _KINDS[number]
    if packet not in packets:
        raise protocol_error(f"a {packet} with the property {name}, which it must not have")
    if number in found and number not in REPEATED:
        raise protocol_error(f"a {packet} with the property {name} twice")
    try:
        value, place = take(data, place + 1)
    except (IndexError, UnicodeDecodeError):
        raise malformed(f"a {packet} whose property {name} is not well formed") from None
    if not _is_allowed(number, value):
        if number == TOPIC_ALIAS:
            reason = Reason.TOPIC_ALIAS_INVALID
        else:
            reason = Reason.PROTOCOL_ERROR
        raise Violation(
            reason,
            f"a {packet} with the property {name} set to {value!r:.40}{_WHY.get(number, '')}",
        )
    if number != USER_PROPERTY or packet in SPOKEN:
        found.setdefault(number, []).append(value)
    return place


def _is_allowed(number: int, value: Any) -> bool:
    if number in _FLAGS:
        return bool(value in (0, 1))
    if number == RESPONSE_TOPIC:
        return not ("#" in value or "+" in value)
    return number != TOPIC_ALIAS and (bool(value) or number not in _NOT_ZERO)


def _number(size: int) -> Callable[[bytes, int], tuple[int, int]]:
    def take(data: bytes, place: int) -> tuple[int, int]:
        end = place + size
        if end > len(data):
            raise IndexError
        return int.from_bytes(data[place:end]), end

    return take


def _binary(data: bytes, place: int) -> tuple[bytes, int]:
    end = place + 2 + (data[place] << 8 | data[place + 1])
    if end > len(data):
        raise IndexError
    return data[place + 2 : end], end


def _text(data: bytes, place: int) -> tuple[str, int]:
    found, end = _binary(data, place)
    if b"\0" in found:
        raise IndexError  # section 1.5.4: a packet with U+0000 in a text is malformed
    return found.decode(), end


def _pair(data: bytes, place: int) -> tuple[tuple[str, str], int]:
    name, place = _text(data, place)
    value, place = _text(data, place)
    return (name, value), place


_FLAGS = {
    0x01,
    MAXIMUM_QOS,
    RETAIN_AVAILABLE,
    WILDCARDS_AVAILABLE,
    SUBSCRIPTION_IDENTIFIERS_AVAILABLE,
    SHARED_AVAILABLE,
}  # 0 or 1
_NOT_ZERO = {
    SUBSCRIPTION_IDENTIFIER,
    RECEIVE_MAXIMUM,
    MAXIMUM_PACKET_SIZE,
}  # of these, 0 is a protocol error
_WHY = {TOPIC_ALIAS: ": Sitewire announces no Topic Alias Maximum, so there are none"}
_KINDS: dict[int, tuple[Callable[[bytes, int], tuple[Any, int]], str, tuple[str, ...]]] = {
    0x01: (_number(1), "Payload Format Indicator", (PUBLISH,)),
    0x02: (_number(4), "Message Expiry Interval", (PUBLISH,)),
    0x03: (_text, "Content Type", (PUBLISH,)),
    RESPONSE_TOPIC: (_text, "Response Topic", (PUBLISH,)),
    0x09: (_binary, "Correlation Data", (PUBLISH,)),
    SUBSCRIPTION_IDENTIFIER: (variable, "Subscription Identifier", (PUBLISH,)),
    SESSION_EXPIRY_INTERVAL: (_number(4), "Session Expiry Interval", (CONNACK,)),
    ASSIGNED_CLIENT_IDENTIFIER: (_text, "Assigned Client Identifier", (CONNACK,)),
    SERVER_KEEP_ALIVE: (_number(2), "Server Keep Alive", (CONNACK,)),
    0x15: (_text, "Authentication Method", (CONNACK,)),
    0x16: (_binary, "Authentication Data", (CONNACK,)),
    0x17: (_number(1), "Request Problem Information", ()),
    0x18: (_number(4), "Will Delay Interval", ()),
    0x19: (_number(1), "Request Response Information", ()),
    RESPONSE_INFORMATION: (_text, "Response Information", (CONNACK,)),
    SERVER_REFERENCE: (_text, "Server Reference", (CONNACK, DISCONNECT)),
    REASON_STRING: (_text, "Reason String", (CONNACK, DISCONNECT, *ANSWERS)),
    RECEIVE_MAXIMUM: (_number(2), "Receive Maximum", (CONNACK,)),
    TOPIC_ALIAS_MAXIMUM: (_number(2), "Topic Alias Maximum", (CONNACK,)),
    TOPIC_ALIAS: (_number(2), "Topic Alias", (PUBLISH,)),
    MAXIMUM_QOS: (_number(1), "Maximum QoS", (CONNACK,)),
    RETAIN_AVAILABLE: (_number(1), "Retain Available", (CONNACK,)),
    USER_PROPERTY: (_pair, "User Property", (PUBLISH, CONNACK, DISCONNECT, *ANSWERS)),
    MAXIMUM_PACKET_SIZE: (_number(4), "Maximum Packet Size", (CONNACK,)),
    WILDCARDS_AVAILABLE: (_number(1), "Wildcard Subscription Available", (CONNACK,)),
    SUBSCRIPTION_IDENTIFIERS_AVAILABLE: (
        _number(1),
        "Subscription Identifier Available",
        (CONNACK,),
    ),
    SHARED_AVAILABLE: (_number(1), "Shared Subscription Available", (CONNACK,)),
}
