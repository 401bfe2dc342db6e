"""What a birth leaves in memory is read back, whatever its size, and never trusted blindly."""

import random
from collections.abc import Sequence

import pytest

from mqtt_app.domain.facts import Fact, ParseError, ReadingFact, Remark, Remembered
from mqtt_app.parsers.base import Message
from mqtt_app.parsers.registry import run
from mqtt_app.parsers.sparkplug.parser import SparkplugParser
from mqtt_app.parsers.sparkplug.schema import Payload

PARSER = SparkplugParser()
BIRTH, DATA = "spBv1.0/G/DBIRTH/N/D", "spBv1.0/G/DDATA/N/D"
KEY = "birth:G/N/D"


def birth(count: int, name: str = "Line/Metric") -> bytes:
    payload = Payload(timestamp=1_700_000_000_000, seq=0)
    for place in range(count):
        payload.metrics.add(
            name=f"{name}/{place:06}".encode(), alias=place, datatype=3, int_value=place
        )
    return bytes(payload.SerializeToString())


def data(alias: int, value: int) -> bytes:
    payload = Payload(timestamp=1_700_000_000_000, seq=1)
    payload.metrics.add(alias=alias, int_value=value)
    return bytes(payload.SerializeToString())


def parsed(topic: str, payload: bytes, memory: dict[str, bytes] | None = None) -> Sequence[Fact]:
    return run(PARSER, Message(topic, payload, 1_700_000_000.0, memory=memory or {}))


def remembered(facts: Sequence[Fact]) -> dict[str, bytes]:
    return {
        fact.key: fact.value
        for fact in facts
        if isinstance(fact, Remembered) and fact.value is not None
    }


@pytest.mark.parametrize("count", [1, 300, 5_000])
def test_an_alias_is_read_by_the_birth_of_any_size(count: int) -> None:
    memory = remembered(parsed(BIRTH, birth(count)))
    (reading,) = [
        fact
        for fact in parsed(DATA, data(count - 1, 0xFFFFFFFE), memory)
        if isinstance(fact, ReadingFact)
    ]
    assert (reading.metric, reading.value) == (f"Line/Metric/{count - 1:06}", -2.0)


def test_a_large_birth_is_packed() -> None:
    assert len(remembered(parsed(BIRTH, birth(5_000)))[KEY]) < 64 * 1024


def test_a_birth_that_is_too_large_to_remember_is_said_and_its_readings_are_kept() -> None:
    names = random.Random(7)
    payload = Payload(timestamp=1_700_000_000_000, seq=0)
    for place in range(9_000):
        name = names.randbytes(40).hex().encode()
        payload.metrics.add(name=name, alias=place, datatype=3, int_value=1)
    facts = parsed(BIRTH, payload.SerializeToString())
    assert KEY not in remembered(facts)
    assert [fact.text for fact in facts if isinstance(fact, Remark)] == [
        "the birth message is too large; aliases stay unknown"
    ]
    assert sum(isinstance(fact, ReadingFact) for fact in facts) == 9_000


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x01", b"\x01garbage", b"\x00\xc1", b"\x00\x93"])
def test_a_memory_that_cannot_be_read_is_none(value: bytes) -> None:
    with pytest.raises(ParseError, match="no DBIRTH of G/N/D was seen"):
        parsed(DATA, data(1, 2), {KEY: value})


def test_a_later_birth_takes_the_place_of_the_earlier() -> None:
    memory = remembered(parsed(BIRTH, birth(2, "Old")))
    memory |= remembered(parsed(BIRTH, birth(2, "New"), memory))
    readings = [
        fact.metric for fact in parsed(DATA, data(1, 2), memory) if isinstance(fact, ReadingFact)
    ]
    assert readings == ["New/000001"]


@pytest.mark.parametrize(
    ("topic", "keys"),
    [
        (DATA, {KEY, "seq:G/N"}),
        ("spBv1.0/G/NDEATH/N", {"birth:G/N", "seq:G/N"}),
        ("spBv1.0/G/DCMD/N/D", set()),
        ("spBv1.0/STATE/host", set()),
        ("a/b", set()),
    ],
)
def test_only_messages_that_need_a_birth_ask_for_it(topic: str, keys: set[str]) -> None:
    assert set(PARSER.remembers(topic)) == keys


def test_no_more_metrics_are_read_than_a_message_may_have() -> None:
    with pytest.raises(ParseError, match="more than 100,000 metrics"):
        parsed(DATA, b"\x12\x00" * 100_001)
