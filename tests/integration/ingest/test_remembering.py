"""What parsers remember of earlier messages of a connection."""

import pytest
from pytest_django import DjangoAssertNumQueries

from mqtt_app.models import MqttConnection, ParserMemory
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.ingest.parsing import remembering
from tests.integration.ingest.scripted import Scripted, said, say, value
from tests.integration.ingest.test_store import NOW, batch, message

pytestmark = pytest.mark.django_db


def birth(text: str | None, key: str = "births") -> list[dict[str, str | None] | str]:
    return ["remember", {"key": key, "value": text}]


def test_what_is_remembered_is_there_for_the_messages_that_follow(
    link: MqttConnection, script: Scripted
) -> None:
    first = message(link, "script/a", [birth("1")])
    second = message(link, "script/b", [birth("2")])
    third = message(link, "script/c", [value(1.0)])
    pipeline.store(batch(first, second, third), NOW)
    assert script.seen == [{}, {"births": b"1"}, {"births": b"2"}]
    say(link, value(1.0), at=1)
    assert script.seen[-1] == {"births": b"2"}


def test_it_survives_a_restart_and_what_another_process_wrote_is_noticed(
    link: MqttConnection, script: Scripted
) -> None:
    say(link, birth("1"))
    PROCESS.forget()
    say(link, value(1.0), at=1)
    assert script.seen[-1] == {"births": b"1"}
    here = dict(PROCESS.connections)
    PROCESS.connections.clear()
    say(link, birth("2"), at=2)  # by another process
    PROCESS.connections.clear()
    PROCESS.connections.update(here)
    say(link, value(1.0), at=3)
    assert script.seen[-1] == {"births": b"2"}


def test_it_is_kept_by_connection_and_by_key(
    link: MqttConnection, healthy: MqttConnection, script: Scripted
) -> None:
    say(link, birth("1"))
    say(link, birth("own", key="script/b"), at=1)
    say(healthy, value(1.0), at=2)
    assert script.seen[-1] == {}
    say(link, value(1.0), topic="script/b", at=3)
    assert script.seen[-1] == {"births": b"1", "script/b": b"own"}


def test_what_is_forgotten_is_gone(link: MqttConnection, script: Scripted) -> None:
    say(link, birth("1"))
    say(link, birth(None), at=1)
    assert not ParserMemory.objects.exists()
    say(link, value(1.0), at=2)
    assert script.seen[-1] == {}


@pytest.mark.parametrize(
    ("key", "text", "kept"),
    [
        ("births", "x" * 262_144, True),
        ("births", "x" * 262_145, False),
        ("k" * 512, "1", True),
        ("k" * 513, "1", False),
        ("", "1", False),
        ("a\u0000", "1", False),
    ],
)
def test_what_is_too_large_is_left_out_and_said(
    key: str, text: str, kept: bool, link: MqttConnection, script: Scripted
) -> None:
    say(link, birth(text, key=key), value(1.0))
    assert ParserMemory.objects.exists() is kept
    assert len(said()) == (not kept)


def test_the_oldest_keys_give_way(
    link: MqttConnection, script: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "MAX_KEYS", 3)
    for number in range(5):
        say(link, birth("1", key=f"k{number}"), at=number)
    kept = ParserMemory.objects.order_by("key").values_list("key", flat=True)
    assert list(kept) == ["k2", "k3", "k4"]


def test_what_did_not_change_is_not_written_again(
    link: MqttConnection, script: Scripted, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    say(link, birth("1"))
    before = ParserMemory.objects.values().get()
    say(link, birth("1"), at=60)
    assert ParserMemory.objects.values().get() == before
