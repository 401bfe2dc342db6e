"""Which parser reads a topic: by which messages it is chosen, and what people say of it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mqtt_app.domain.facts import Fact, ParseError, ParseErrorKind
from mqtt_app.models import DiscoveredTopic, MqttConnection, MqttParsingLog, TopicRule
from mqtt_app.parsers import recognition
from mqtt_app.parsers.base import Message, Parser
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.ingest.parsing import parsers, takeover
from tests.integration.ingest.scripted import Scripted, said, values
from tests.integration.ingest.test_store import NOW, batch, books, message
from tests.narrowing import present

pytestmark = pytest.mark.django_db


def hear(
    link: MqttConnection,
    *payloads: bytes | dict[str, float],
    topic: str = "hall/a",
    at: float = 0.0,
    **changes: bool,
) -> None:
    raw = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in payloads]
    sent = [message(link, topic, one, received_at=NOW + at, **changes) for one in raw]
    pipeline.store(batch(*sent), NOW + at)


def topic(name: str = "hall/a") -> DiscoveredTopic:
    return DiscoveredTopic.objects.get(topic=name)


@pytest.fixture(autouse=True)
def forgetful() -> None:
    PROCESS.forget()


@pytest.mark.parametrize(
    "word", [b"", b" ", b"null", b"None", b"nan", b"unknown", b"unavailable", b'""', b"{}", b"N/A"]
)
def test_a_message_that_says_nothing_chooses_no_parser(word: bytes, link: MqttConnection) -> None:
    hear(link, word)
    assert (topic().parser_name, topic().is_processable) == ("", False)
    assert books(link) == {"unprocessable": 1}
    assert said() == []
    hear(link, {"t": 1.5}, at=1)
    assert topic().parser_name == "json"
    assert present(topic().confidence) > 0


@pytest.mark.parametrize("word", [b"", b"null", b"unavailable"])
def test_the_last_word_of_a_batch_decides_nothing_against_the_others(
    word: bytes, link: MqttConnection
) -> None:
    hear(link, {"t": 1.5}, {"t": 2.5}, word)
    assert topic().parser_name == "json"
    assert values("t") == [1.5, 2.5]


def test_the_parser_that_is_surest_of_most_messages_is_chosen(link: MqttConnection) -> None:
    hear(link, {"t": 1.5}, {"t": 2.5}, {"t": 3.5}, b"21.5")
    assert topic().parser_name == "json"


def test_a_topic_that_is_unmistakable_needs_no_message_that_says_anything(
    link: MqttConnection, script: Scripted
) -> None:
    hear(link, b"", topic="script/a")
    assert topic("script/a").parser_name == "scripted"


def test_a_topic_whose_parser_fails_is_taken_over_by_one_that_reads_it_and_it_is_said(
    link: MqttConnection, script: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear(link, b"21.5", topic="hall/a")
    before = topic().parser_name
    monkeypatch.setattr(parsers.installed().get(before), "parse", _refuse, raising=False)
    hear(link, {"t": 3.0}, at=1)
    assert topic().parser_name == "json"
    assert values("t") == [3.0]
    (line,) = said()
    assert f"The parser {before} failed" in line
    assert books(link) == {"stored": 2}
    hear(link, {"t": 4.0}, at=2)
    assert values("t") == [3.0, 4.0]


def test_a_topic_that_has_proved_its_parser_changes_it_only_when_all_is_different_for_long(
    link: MqttConnection, script: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = parsers.installed().get("json")
    monkeypatch.setattr(reader, "parse", _only_objects(present(reader).parse), raising=False)
    for number in range(takeover.PROVED):
        hear(link, {"t": number + 0.5}, at=number)
    for number in range(10):
        hear(link, b"open", at=100 + 2 * number)
        hear(link, {"t": 1.5}, at=101 + 2 * number)
    assert (topic().parser_name, topic().recognitions) == ("json", 0)
    for number in range(takeover.STREAK):
        hear(link, b"open", at=200 + number)
    assert (topic().parser_name, topic().recognitions) == ("scalar", 1)


def _only_objects(
    parse: Callable[[Message], Sequence[Fact]],
) -> Callable[[Message], Sequence[Fact]]:
    return lambda message: parse(message) if b"{" in message.payload else _refuse(message)


def _refuse(message: Message) -> Sequence[Fact]:
    raise ParseError(ParseErrorKind.PARSE, "cannot read it")


@pytest.mark.parametrize("why", ["pinned", "forbidden", "often"])
def test_a_topic_is_not_taken_over_against_the_word_of_a_person_nor_for_ever(
    why: str, link: MqttConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear(link, b"21.5")
    before = topic().parser_name
    monkeypatch.setattr(parsers.installed().get(before), "parse", _refuse, raising=False)
    changes: dict[str, dict[str, Any]] = {
        "pinned": {"pinned_parser": before},
        "forbidden": {"forbidden_parsers": ["json"]},
        "often": {"recognitions": takeover.MAX_TIMES},
    }
    DiscoveredTopic.objects.update(**changes[why])
    PROCESS.forget()
    hear(link, {"t": 3.0}, at=1)
    assert topic().parser_name == before
    assert books(link) == {"stored": 1, "failed": 1}


def test_a_forbidden_parser_never_reads_a_topic_again(link: MqttConnection) -> None:
    hear(link, {"t": 1.5})
    DiscoveredTopic.objects.update(forbidden_parsers=["json"], parser_name="", is_processable=False)
    PROCESS.forget()
    hear(link, {"t": 2.5}, at=1)
    assert topic().parser_name != "json"


def test_rules_decide_about_new_topics(link: MqttConnection) -> None:
    rules: list[dict[str, Any]] = [
        {"filter": "hall/secret/#", "ignore": True},
        {"filter": "hall/#", "is_active": False, "parser_name": "scalar"},
        {"filter": "yard/#", "forbidden_parsers": ["json"]},
        {"filter": "old/#", "retired": True},
    ]
    for position, values_of in enumerate(rules, 1):
        TopicRule.objects.create(site=link.site, position=position, **values_of)
    for name in ("hall/secret/a", "hall/a", "yard/a", "old/a", "free/a"):
        hear(link, {"t": 1.5}, topic=name)
    assert (topic("hall/secret/a").is_active, topic("hall/secret/a").is_ignored) == (False, True)
    assert topic("hall/secret/a").parser_name == "json"
    ruled = topic("hall/a")
    assert (ruled.is_active, ruled.parser_name, ruled.pinned_parser) == (False, "scalar", "scalar")
    assert (present(ruled.rule).filter, ruled.is_processable) == ("hall/#", True)
    assert topic("yard/a").parser_name != "json"
    assert topic("old/a").retired_at
    assert (topic("free/a").rule, topic("free/a").is_active) == (None, True)


def test_bytes_that_no_parser_reads_are_said_once_a_topic_and_hour_with_a_sample(
    link: MqttConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition, "confidence", _nothing)
    start = NOW % 3600 * -1
    for seconds in (0, 1, 3599):
        hear(link, b"\x93\x00\xff\x1b", at=start + seconds)
        PROCESS.forget()
    hear(link, b"\x93\x00\xff\x1c", topic="hall/b", at=start)
    rows = list(MqttParsingLog.objects.order_by("id"))
    assert [row.topic for row in rows] == ["hall/a", "hall/b"]
    assert (rows[0].error_type, rows[0].parser_name) == ("PARSE_ERROR", "")
    assert "No parser reads this" in rows[0].error_message
    assert "\\x93" in str(rows[0].payload_sample)
    assert books(link) == {"unprocessable": 4}
    hear(link, b"\x93\x00\xff\x1b", at=start + 3600)
    assert MqttParsingLog.objects.count() == 3


def _nothing(parser: Parser, name: str, sample: bytes) -> float:
    return 0.0


def test_a_topic_of_retained_messages_only_is_marked_until_it_lives(link: MqttConnection) -> None:
    hear(link, {"t": 1.5}, retain=True)
    assert topic().only_retained
    hear(link, {"t": 1.5}, at=1)
    assert not topic().only_retained
    hear(link, {"t": 1.5}, topic="hall/b", at=2)
    assert not topic("hall/b").only_retained
