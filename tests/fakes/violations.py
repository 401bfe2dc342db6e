"""What MQTT forbids a broker to send, as data: the bytes, when they come, and what has to be said
about them.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from tests.fakes.rogue import RogueLink
from tests.fakes.wire import answer, connack, packet, publish, text

BOTH = ("5", "3.1.1")
FIRST, SUBSCRIBING, UP = "instead of a CONNACK", "instead of a SUBACK", "when the link is up"


@dataclass(frozen=True)
class Case:
    """`data(version)` are the bytes; `code` is the DISCONNECT's, `words` are in the error."""

    name: str
    code: int
    words: str
    data: Callable[[str], bytes]
    versions: tuple[str, ...] = BOTH
    when: str = UP
    closes: bool = False  # the broker closes the link behind it

    def play(self, link: RogueLink) -> None:
        if self.when == SUBSCRIBING:
            link.answers = False
        if self.when != FIRST:
            link.accept()
        if self.when == UP:
            link.subscribed.wait(5)
        link.send(self.data(link.version))
        if self.closes:
            link.sock.shutdown(1)


def raw(data: bytes) -> Callable[[str], bytes]:
    return lambda version: data


def topic(name: bytes) -> Callable[[str], bytes]:
    return lambda version: publish(version, name, qos=1)


def properties(data: bytes) -> Callable[[str], bytes]:
    return lambda version: publish(version, properties=data)


TOPICS = [
    Case("U+0000 in a topic", 0x81, "U+0000", topic(b"plant/\0/a")),
    Case("U+0000 alone", 0x81, "U+0000", topic(b"\0")),
    Case("a topic that is not UTF-8", 0x81, "UTF-8", topic(b"plant/\xff\xfe")),
    Case("a surrogate in a topic", 0x81, "UTF-8", topic(b"plant/\xed\xa0\x80")),
    Case("an overlong slash in a topic", 0x81, "UTF-8", topic(b"plant\xc0\xafa")),
    Case("an overlong U+0000 in a topic", 0x81, "UTF-8", topic(b"plant\xc0\x80a")),
    Case("a topic beyond U+10FFFF", 0x81, "UTF-8", topic(b"plant/\xf4\x90\x80\x80")),
    Case("a topic cut in a character", 0x81, "UTF-8", topic("plant/\u00e9".encode()[:-1])),
    Case("# in a topic", 0x90, "wildcard", topic(b"rogue/#")),
    Case("# alone", 0x90, "wildcard", topic(b"#")),
    Case("+ as a level", 0x90, "wildcard", topic(b"rogue/+/x")),
    Case("+ within a level", 0x90, "wildcard", topic(b"rogue/a+b")),
    Case("$share in a topic", 0x90, "shared subscription", topic(b"$share/group/a")),
    Case("no topic", 0x82, "without a topic", topic(b"")),
]
PUBLISHES = [
    Case(
        "packet identifier 0",
        0x82,
        "identifier 0",
        lambda version: publish(version, qos=1, packet_id=0),
    ),
    Case("QoS 3", 0x81, "QoS 3", lambda version: publish(version, qos=3)),
    Case("QoS 2", 0x82, "QoS 2", lambda version: publish(version, qos=2)),
    Case("DUP at QoS 0", 0x82, "DUP", lambda version: publish(version, flags=8)),
    Case("a topic longer than its packet", 0x81, "shorter than", raw(b"\x30\x04\x00\x10ab")),
    Case("a PUBLISH of no bytes", 0x81, "shorter than", raw(b"\x30\x00")),
    Case("no room for the identifier", 0x81, "shorter than", raw(b"\x32\x04\x00\x02ab")),
    Case(
        "an identifier that is in use",
        0x82,
        "still in use",
        lambda version: (
            publish(version, qos=1, packet_id=7)
            + publish(version, payload=b"2", qos=1, packet_id=7)
        ),
    ),
    Case("a PUBLISH instead of a CONNACK", 0x82, "before its CONNACK", publish, when=FIRST),
]
PROPERTIES = [
    Case("a topic alias", 0x94, "Topic Alias", properties(b"\x23\0\1"), ("5",)),
    Case(
        "a topic alias instead of a topic",
        0x94,
        "Topic Alias",
        lambda version: publish(version, b"", properties=b"\x23\0\1"),
        ("5",),
    ),
    Case("topic alias 0", 0x94, "Topic Alias", properties(b"\x23\0\0"), ("5",)),
    Case("an unknown property", 0x81, "does not know", properties(b"\x7f\0"), ("5",)),
    Case("a property of another packet", 0x82, "must not have", properties(b"\x21\0\1"), ("5",)),
    Case("a property twice", 0x82, "twice", properties(b"\x01\0\x01\0"), ("5",)),
    Case("a property that is cut off", 0x81, "not well formed", properties(b"\x02\0\0"), ("5",)),
    Case(
        "a text that is longer than its packet",
        0x81,
        "not well formed",
        properties(b"\x03\0\x09ab"),
        ("5",),
    ),
    Case(
        "U+0000 in a property", 0x81, "not well formed", properties(b"\x03" + text(b"a\0b")), ("5",)
    ),
    Case(
        "a property that is not UTF-8",
        0x81,
        "not well formed",
        properties(b"\x03" + text(b"\xff")),
        ("5",),
    ),
    Case("Payload Format Indicator 2", 0x82, "Payload Format", properties(b"\x01\x02"), ("5",)),
    Case(
        "a wildcard in the response topic",
        0x82,
        "Response Topic",
        properties(b"\x08" + text(b"a/#")),
        ("5",),
    ),
    Case(
        "subscription identifier 0", 0x82, "Subscription Identifier", properties(b"\x0b\0"), ("5",)
    ),
    Case(
        "properties longer than their packet",
        0x81,
        "longer than itself",
        raw(b"\x30\x05\x00\x01a\x20b"),
        ("5",),
    ),
    Case(
        "a length of properties without end",
        0x81,
        "four bytes",
        raw(b"\x30\x08\x00\x01a\x80\x80\x80\x80\x80"),
        ("5",),
    ),
    Case("2,000 properties", 0x97, "more than 1,000", properties(b"\x26\0\0\0\0" * 2_000), ("5",)),
]
HEADERS = [
    Case("packet type 0", 0x81, "reserved type 0", raw(b"\0\0")),
    Case("packet type 15", 0x82, "AUTH", raw(b"\xf0\0"), ("5",)),
    Case("packet type 15, as in 3.1.1", 0x81, "reserved type 15", raw(b"\xf0\0"), ("3.1.1",)),
    Case("a CONNECT", 0x82, "only clients", raw(packet(0x10, b"\0\4MQTT\5\0\0\0"))),
    Case("a SUBSCRIBE", 0x82, "only clients", raw(packet(0x82, b"\0\1\0\0\1a\1"))),
    Case("an UNSUBSCRIBE", 0x82, "only clients", raw(packet(0xA2, b"\0\1\0\0\1a"))),
    Case("a PINGREQ", 0x82, "only clients", raw(b"\xc0\0")),
    Case("a DISCONNECT in 3.1.1", 0x82, "only clients", raw(b"\xe0\0"), ("3.1.1",)),
    Case("a PUBACK", 0x82, "publishes nothing", raw(b"\x40\2\0\1")),
    Case("a PUBREC", 0x82, "publishes nothing", raw(b"\x50\2\0\1")),
    Case("a PUBCOMP", 0x82, "publishes nothing", raw(b"\x70\2\0\1")),
    Case("flags of a SUBACK", 0x81, "wrong flags", raw(b"\x91\3\0\1\1")),
    Case("flags of a PINGRESP", 0x81, "wrong flags", raw(b"\xd4\0")),
    Case("flags of a PUBREL", 0x81, "wrong flags", raw(b"\x60\2\0\1")),
    Case("a length of five bytes", 0x81, "four bytes", raw(b"\x30\xff\xff\xff\xff\x01")),
    Case(
        "a length of five bytes, of a PINGRESP", 0x81, "four bytes", raw(b"\xd0\x80\x80\x80\x80\0")
    ),
    Case("a PINGRESP with content", 0x81, "behind its end", raw(b"\xd0\x02ab")),
    Case("a PUBLISH of 200 MB", 0x95, "209,715,", raw(b"\x30\x80\x80\x80\x64")),
    Case("a SUBACK of 200 MB", 0x95, "209,715,", raw(b"\x90\x80\x80\x80\x64")),
    Case("200 MB instead of a CONNACK", 0x95, "209,715,", raw(b"\x20\x80\x80\x80\x64"), when=FIRST),
]
ANSWERS = [
    Case("a second CONNACK", 0x82, "second CONNACK", connack),
    Case(
        "a CONNACK with reserved flags",
        0x81,
        "reserved flags",
        raw(b"\x20\2\x02\0"),
        ("3.1.1",),
        FIRST,
    ),
    Case(
        "a CONNACK with too much", 0x81, "behind its end", raw(b"\x20\3\0\0\0"), ("3.1.1",), FIRST
    ),
    Case(
        "a CONNACK with Receive Maximum 0",
        0x82,
        "Receive Maximum",
        raw(b"\x20\6\0\0\3\x21\0\0"),
        ("5",),
        FIRST,
    ),
    Case(
        "a PUBACK instead of a CONNACK", 0x82, "publishes nothing", raw(b"\x40\2\0\1"), when=FIRST
    ),
    Case(
        "a SUBACK for nothing",
        0x82,
        "nothing was asked",
        lambda version: answer(0x90, version, 999, b"\1"),
    ),
    Case(
        "an UNSUBACK for nothing",
        0x82,
        "nothing was asked",
        lambda version: answer(0xB0, version, 999, b"\0"),
    ),
    Case(
        "a SUBACK with two codes for one filter",
        0x82,
        "2 codes for 1",
        lambda version: answer(0x90, version, 1, b"\1\1"),
        when=SUBSCRIBING,
    ),
    Case(
        "a SUBACK without codes",
        0x82,
        "0 codes for 1",
        lambda version: answer(0x90, version, 1, b""),
        when=SUBSCRIBING,
    ),
    Case(
        "a SUBACK with a reserved code",
        0x82,
        "reserved code",
        lambda version: answer(0x90, version, 1, b"\x03"),
        when=SUBSCRIBING,
    ),
    Case(
        "a SUBACK for identifier 0",
        0x82,
        "identifier 0",
        lambda version: answer(0x90, version, 0, b"\1"),
    ),
    Case("a SUBACK that is too short", 0x81, "too short", raw(b"\x90\1\0")),
    Case(
        "half a PUBLISH and the end",
        0x81,
        "before the rest",
        raw(b"\x32\x20\x00\x04ab"),
        closes=True,
    ),
    Case("half a length and the end", 0x81, "before the rest", raw(b"\x32\x80"), closes=True),
    Case(
        "one byte and the end", 0x81, "before the rest", raw(struct.pack("!B", 0x30)), closes=True
    ),
]
CASES = [*TOPICS, *PUBLISHES, *PROPERTIES, *HEADERS, *ANSWERS]
