"""The packets that a broker sends beside PUBLISH. Sections are those of MQTT 5; 3.1.1 has the same
ones.
"""

import msgspec

from mqtt_app.domain.link.answers.broker_words import NO_WORDS, BrokerWords, broker_words, plain
from mqtt_app.domain.link.protocol.connack import (
    LONGEST_NAME,
    Connack,
    read_connack,
    read_old_connack,
)
from mqtt_app.domain.link.protocol.properties import (
    REASON_STRING,
    SERVER_REFERENCE,
    USER_PROPERTY,
    Values,
    read_properties,
)
from mqtt_app.domain.link.protocol.violations import (
    FIND_THE_MESSAGE,
    Reason,
    Violation,
    malformed,
    protocol_error,
    too_large,
)

PUBLISH = 3
CONNACK = 2
PUBREL = 6
SUBACK = 9
UNSUBACK = 11
PINGRESP = 13
DISCONNECT = 14
AUTH = 15
LARGEST_ANSWER = 131_072  # bytes of a packet other than PUBLISH: room for a Reason String and more
NAMES = (
    "reserved",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
)
_FLAGS = {PUBREL: 2}  # lower half of the first byte; 0 for all others but PUBLISH (section 2.1.3)
_ONLY_FROM_CLIENTS = {1, 8, 10, 12}
_FOR_PUBLISHERS = {4, 5, 7}
_OTHER_PROGRAM = (
    "Another program seems to have used this client id, and its subscriptions live on in the broker's session: give "
    "this connection a client id of its own."
)


class Suback(msgspec.Struct, frozen=True):
    packet_id: int
    codes: bytes
    words: BrokerWords = NO_WORDS


class Unsuback(msgspec.Struct, frozen=True):
    """`codes`: None in MQTT 3.1.1."""

    packet_id: int
    codes: bytes | None


class Disconnect(msgspec.Struct, frozen=True):
    """`server_reference`: another server that the broker names, "" for none."""

    code: int
    words: BrokerWords = NO_WORDS
    server_reference: str = ""


class Pingresp(msgspec.Struct, frozen=True):
    """Also one that was not asked for: it does no harm, and brokers behind load balancers send some."""


class Pubrel(msgspec.Struct, frozen=True):
    """Of a session that another program left behind. It is answered as the protocol says (section
    4.3.3).
    """

    packet_id: int


ControlPacket = Connack | Suback | Unsuback | Disconnect | Pingresp | Pubrel


def judge_header(first: int, size: int, *, v5: bool, connected: bool, limit: int) -> None:
    """Raises Violation for what the first byte of a packet and its whole `size` show, before any
    more of it is read.

    A QoS above what a filter was granted is not judged but for QoS 2: messages may have been queued
    for a subscription that had QoS 1 before.
    """
    kind = first >> 4
    name = NAMES[kind]
    _judge_kind(kind, v5)
    if kind == PUBLISH:
        _judge_publish(first & 15)
    elif first & 15 != _FLAGS.get(kind, 0):
        raise malformed(f"a {name} with wrong flags in its first byte ({first:#04x})")
    if connected == (kind == CONNACK):
        raise protocol_error("a second CONNACK" if connected else f"a {name} before its CONNACK")
    if kind != PUBLISH:
        limit = min(limit, LARGEST_ANSWER)
    if size > limit:
        raise too_large(name, size, limit)


def _judge_kind(kind: int, v5: bool) -> None:
    if kind == 0 or (kind == AUTH and not v5):
        raise malformed(f"a packet of the reserved type {kind}")
    if kind in _ONLY_FROM_CLIENTS or (kind == DISCONNECT and not v5):
        raise protocol_error(f"a {NAMES[kind]}, which only clients send")
    if kind in _FOR_PUBLISHERS:
        raise protocol_error(
            f"a {NAMES[kind]}, but Sitewire publishes nothing that it could answer"
        )
    if kind == AUTH:
        raise protocol_error("an AUTH, but Sitewire asked for no enhanced authentication")


def _judge_publish(flags: int) -> None:
    qos = (flags >> 1) & 3
    if qos == 3:
        raise malformed("a PUBLISH of QoS 3")
    if qos == 2:
        raise protocol_error(
            "a PUBLISH of QoS 2, and no filter of ours asks for that", _OTHER_PROGRAM
        )
    if flags & 8 and not qos:
        raise protocol_error("a PUBLISH of QoS 0 with the DUP flag", FIND_THE_MESSAGE)


def read_control(first: int, body: bytes, *, v5: bool) -> ControlPacket:
    """A packet whose header was judged. Raises Violation."""
    kind = first >> 4
    try:
        if kind == CONNACK:
            if v5:
                return read_connack(body)
            return read_old_connack(body)
        if kind == PINGRESP:
            return _pingresp(body)
        if kind == DISCONNECT:
            return _disconnect(body)
        return _answer(kind, body, v5)
    except IndexError:
        raise malformed(f"a {NAMES[kind]} that is too short") from None


def _pingresp(body: bytes) -> Pingresp:
    _end_of(PINGRESP, body, 0)
    return Pingresp()


def _disconnect(body: bytes) -> Disconnect:
    values: Values = {}
    if len(body) > 1:
        values, end = read_properties(body, 1, NAMES[DISCONNECT])
        _end_of(DISCONNECT, body, end)
    named = plain(str(values.get(SERVER_REFERENCE, [""])[0]), LONGEST_NAME)
    return Disconnect(body[0] if body else 0, _words(values), named)


def _answer(kind: int, body: bytes, v5: bool) -> ControlPacket:
    packet_id = body[0] << 8 | body[1]
    if not packet_id:
        raise protocol_error(f"a {NAMES[kind]} with the packet identifier 0")
    if kind == PUBREL:
        _judge_pubrel(body, v5)
        return Pubrel(packet_id)
    values: Values = {}
    place = 2
    if v5:
        values, place = read_properties(body, 2, NAMES[kind])
    codes = body[place:]
    if kind == UNSUBACK:
        if not v5:
            _end_of(UNSUBACK, body, 2)
        return Unsuback(packet_id, codes if v5 else None)
    reserved = next((code for code in codes if 2 < code < 0x80), None)
    if reserved is not None:
        raise protocol_error(f"a SUBACK with the reserved code {reserved:#04x}")
    return Suback(packet_id, codes, _words(values))


def _judge_pubrel(body: bytes, v5: bool) -> None:
    """MQTT 5 leaves out the Reason Code, and behind it the properties, where they say nothing."""
    if len(body) > 3 and v5:
        _end_of(PUBREL, body, read_properties(body, 3, NAMES[PUBREL])[1])
    elif not v5:
        _end_of(PUBREL, body, 2)


def _end_of(kind: int, body: bytes, end: int) -> None:
    if len(body) < end:
        raise IndexError
    if len(body) > end:
        raise malformed(f"a {NAMES[kind]} with {len(body) - end:,} bytes behind its end")


def _words(values: Values) -> BrokerWords:
    reason = values.get(REASON_STRING, [""])[0]
    return broker_words(str(reason), values.get(USER_PROPERTY, ()))


def unknown_answer(kind: int, packet_id: int) -> Violation:
    return protocol_error(
        f"a {NAMES[kind]} for the packet identifier {packet_id}, under which nothing was asked"
    )


def wrong_number_of_codes(kind: int, asked: int, came: int) -> Violation:
    return Violation(
        Reason.PROTOCOL_ERROR, f"a {NAMES[kind]} with {came} codes for {asked} topic filters"
    )
