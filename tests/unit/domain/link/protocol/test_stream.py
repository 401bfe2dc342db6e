"""Whatever comes, in whatever pieces: packets or a Violation, in bounded time and memory."""

import struct
import time
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies._internal.core import DataObject

from mqtt_app.domain.link.packets import Publish
from mqtt_app.domain.link.protocol.connack import Connack
from mqtt_app.domain.link.protocol.control_packets import ControlPacket
from mqtt_app.domain.link.protocol.stream import PacketStream
from mqtt_app.domain.link.protocol.topic_names import TopicNames
from mqtt_app.domain.link.protocol.violations import Reason, Violation
from tests.fakes.violations import CASES, FIRST, Case
from tests.fakes.wire import answer, connack, packet, publish, text, variable
from tests.narrowing import kind_of

VERSIONS = st.sampled_from(["5", "3.1.1"])
LETTERS = st.sampled_from("ab/ $x\u0001\u00e9\u20ac\U0001f600\uffff")
TOPICS = st.text(LETTERS, min_size=1, max_size=80).filter(
    lambda name: not name.startswith("$share/")
)
STRING = st.text(LETTERS, max_size=20).map(lambda words: text(words.encode()))
PAYLOADS = st.binary(max_size=40) | st.integers(0, 20_000).map(bytes)
IDENTIFIERS = st.integers(1, 268_435_455)
OTHERS = st.one_of(
    st.sampled_from([b"\x01\0", b"\x01\1"]),
    st.binary(min_size=4, max_size=4).map(lambda data: b"\x02" + data),
    st.tuples(st.sampled_from([b"\x03", b"\x08"]), STRING).map(b"".join),
    st.binary(max_size=20).map(lambda data: b"\x09" + text(data)),
)
USER = st.tuples(STRING, STRING).map(lambda pair: b"\x26" + b"".join(pair))
PROPERTIES = st.tuples(
    st.lists(OTHERS, max_size=4, unique_by=lambda data: data[0]),
    st.lists(USER | IDENTIFIERS, max_size=6),
).map(lambda lists: [*lists[0], *lists[1]])
MESSAGES = st.builds(
    Publish,
    topic=TOPICS,
    payload=PAYLOADS,
    qos=st.just(1),
    retain=st.booleans(),
    dup=st.booleans(),
    packet_id=st.integers(1, 65_535),
) | st.builds(
    Publish,
    topic=TOPICS,
    payload=PAYLOADS,
    qos=st.just(0),
    retain=st.booleans(),
    dup=st.just(False),
    packet_id=st.just(0),
)


def stream(version: str = "5", limit: int = 16_777_216, connected: bool = True) -> PacketStream:
    made = PacketStream(v5=version == "5", limit=limit, names=TopicNames())
    if connected:
        made.feed(connack(version))
        made.next()
    return made


def everything(made: PacketStream, *pieces: bytes) -> list[Publish | ControlPacket]:
    found: list[Publish | ControlPacket] = []
    for piece in pieces:
        made.feed(piece)
        while (each := made.next()) is not None:
            found.append(each)
    return found


def violation_of(data: bytes, version: str = "5", **options: Any) -> Violation:
    with pytest.raises(Violation) as caught:
        everything(stream(version, **options), data)
    return caught.value


def wire(message: Publish, version: str, listed: list[bytes | int]) -> bytes:
    joined = b"".join(
        b"\x0b" + variable(item) if isinstance(item, int) else item for item in listed
    )
    flags = message.dup << 3 | message.retain
    return publish(
        version,
        message.topic.encode(),
        message.payload,
        qos=message.qos,
        packet_id=message.packet_id,
        flags=flags,
        properties=joined,
    )


@given(st.lists(st.tuples(MESSAGES, PROPERTIES), max_size=5), VERSIONS, st.data())
def test_packets_are_read_as_they_were_written_wherever_they_are_cut(
    sent: list[tuple[Publish, list[bytes | int]]], version: str, data: DataObject
) -> None:
    whole = b"".join(wire(message, version, listed) for message, listed in sent)
    places = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [
        whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)
    ]
    identified = [tuple(item for item in listed if isinstance(item, int)) for _, listed in sent]
    expected = [
        msgspec.structs.replace(message, subscriptions=numbers if version == "5" else ())
        for (message, _), numbers in zip(sent, identified, strict=True)
    ]
    made = stream(version)
    assert everything(made, *(piece for piece in pieces if piece)) == expected
    assert made.unfinished == 0


@given(st.binary(max_size=60), VERSIONS, st.booleans(), st.integers(1, 60))
def test_any_bytes_are_packets_or_a_violation_and_the_pieces_make_no_difference(
    noise: bytes, version: str, connected: bool, size: int
) -> None:
    def verdict(*pieces: bytes) -> list[Any] | tuple[Reason, str]:
        try:
            return everything(stream(version, connected=connected), *pieces)
        except Violation as violation:
            return violation.reason, violation.what

    in_pieces = verdict(*(noise[start : start + size] for start in range(0, len(noise), size)))
    assert isinstance(verdict(noise), tuple) == isinstance(in_pieces, tuple)
    assert isinstance(in_pieces, tuple) or in_pieces == verdict(noise)


@given(st.integers(0, 255), st.binary(max_size=40), VERSIONS, st.booleans())
def test_any_packet_of_a_right_length_is_a_packet_or_a_violation(
    first: int, body: bytes, version: str, connected: bool
) -> None:
    try:
        found = everything(stream(version, connected=connected), packet(first, body))
    except Violation:
        return
    assert len(found) == 1


@given(st.binary(min_size=1, max_size=40))
def test_any_properties_are_read_or_a_violation(noise: bytes) -> None:
    try:
        (found,) = everything(stream(), publish("5", properties=noise))
    except Violation:
        return
    message = kind_of(Publish, found)
    assert (message.topic, message.payload, 0 not in message.subscriptions) == (
        "plant/a",
        b"1",
        True,
    )


ALONE = [
    case
    for case in CASES
    if not case.closes and not case.name.startswith(("more than", "an identifier"))
]


@pytest.mark.parametrize(
    "case", [case for case in ALONE if "asked" not in case.words and "codes for" not in case.words]
)
def test_what_mqtt_forbids_is_a_violation_with_its_reason(case: Case) -> None:
    for version in case.versions:
        found = violation_of(case.data(version), version, connected=case.when != FIRST)
        assert (found.reason, case.words in found.what) == (case.code, True), found.what


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_packet_at_the_limit_is_taken_and_a_byte_more_is_too_large(version: str) -> None:
    data = publish(version, payload=bytes(1_000))
    assert len(everything(stream(version, limit=len(data)), data)) == 1
    assert violation_of(data, version, limit=len(data) - 1).reason is Reason.PACKET_TOO_LARGE
    assert violation_of(data[:3], version, limit=len(data) - 1).reason is Reason.PACKET_TOO_LARGE


def test_the_limit_is_that_of_the_packet_and_not_of_the_chunk_it_came_in() -> None:
    data = publish("5", payload=bytes(100)) * 50
    assert len(everything(stream(limit=200), data)) == 50


def test_answers_have_a_limit_of_their_own() -> None:
    fits = answer(0x90, "5", 1, b"\1" * 100_000)
    assert len(everything(stream(), fits)) == 1
    assert violation_of(answer(0x90, "5", 1, b"\1" * 140_000)[:4]).reason is Reason.PACKET_TOO_LARGE


def test_a_thousand_properties_are_read_and_one_more_is_not() -> None:
    assert len(everything(stream(), publish("5", properties=b"\x26\0\0\0\0" * 1_000))) == 1
    assert (
        violation_of(publish("5", properties=b"\x26\0\0\0\0" * 1_001)).reason
        is Reason.QUOTA_EXCEEDED
    )


def test_what_is_never_allowed_is_not_waited_for() -> None:
    assert violation_of(b"\xf0").reason is Reason.PROTOCOL_ERROR
    assert violation_of(b"\x30\xff\xff\xff\xff").reason is Reason.MALFORMED_PACKET


@pytest.mark.parametrize("length", [2, 5, 100])
def test_a_broker_that_knows_no_mqtt_5_may_say_so_in_its_own_words(length: int) -> None:
    (refused,) = everything(stream(connected=False), b"\x20\x02\x00\x01")
    assert kind_of(Connack, refused).code == 1
    found = violation_of(b"\x20\x02\x00\x00", connected=False)
    assert (found.reason, found.older_mqtt) == (Reason.MALFORMED_PACKET, True)


def test_a_packet_costs_what_has_come_of_it_and_not_what_it_announces() -> None:
    made = stream()
    tracemalloc.start()
    made.feed(b"\x30\x80\x80\x80\x07" + bytes(1_000))  # 14.7 MB
    assert (made.next(), made.unfinished) == (None, 1_005)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


def test_a_large_packet_that_comes_in_tiny_pieces_takes_time_in_proportion() -> None:
    data = publish("5", payload=bytes(300_000))
    began = time.perf_counter()
    found = everything(stream(), *(data[at : at + 3] for at in range(0, len(data), 3)))
    assert len(kind_of(Publish, found[0]).payload) == 300_000
    assert (
        time.perf_counter() - began < 5
    )  # a copy of all that came for each piece would take minutes


def test_names_are_remembered_up_to_a_bound() -> None:
    names = TopicNames()
    for number in range(25_000):
        names.judge(b"a/%d" % number)
    assert names.judge(b"x" * 500) == "x" * 500
    assert names.find(b"x" * 500) is None
    assert len(names._known) <= 10_000
    assert names.find(b"a/24999") == "a/24999"


def test_a_first_byte_is_judged_before_the_length_is_known() -> None:
    assert "QoS 3" in violation_of(struct.pack("!B", 0x36)).what
