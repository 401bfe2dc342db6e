"""Topics that get no row: counted, acknowledged, and said once a minute."""

from typing import Any

import pytest

from mqtt_app.conf import config
from mqtt_app.domain.topics import TOPIC_CHARACTERS, TOPIC_LEVELS, TOPIC_SIZE
from mqtt_app.models import Device, DiscoveredTopic, MqttConnection, MqttParsingLog
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.ingest.topics import unfit
from tests.integration.ingest.test_store import NOW, batch, books, message, values

pytestmark = pytest.mark.django_db

LEVELS, BYTES = config().max_topic_levels, config().max_topic_bytes


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """(topic, words) of each row of the parsing log that is put on its queue."""
    rows = []
    unfit.notices.forget()
    PROCESS.forget()
    monkeypatch.setattr(
        unfit, "log_parsing_error", lambda site, topic, *rest: rows.append((topic, rest[-1]))
    )
    return rows


@pytest.mark.parametrize(
    "code", [0x00, 0x01, 0x1F, 0x7F, 0x85, 0x9F, 0xFDD0, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF]
)
def test_a_character_that_nobody_can_see_makes_no_topic_and_no_device(
    link: MqttConnection, logged: list[Any], code: int
) -> None:
    pipeline.store(
        batch(message(link, f"hall/{chr(code)}/a", {"v": 1}), message(link, "hall/a", {"v": 2})),
        NOW,
    )
    assert values() == [2]
    assert books(link) == {"stored": 1, TOPIC_CHARACTERS: 1}
    assert DiscoveredTopic.objects.count() == Device.objects.count() == 1
    assert [f"U+{code:04X}" in words for _, words in logged] == [True]
    assert logged[0][0].isascii()


@pytest.mark.parametrize("code", [0x20, 0xA0, 0xE9, 0x4E2D, 0xFFFD, 0x1F600])
def test_every_other_character_may_be_in_a_topic(
    link: MqttConnection, logged: list[Any], code: int
) -> None:
    pipeline.store(batch(message(link, f"hall/x{chr(code)}/a", {"v": 1})), NOW)
    assert books(link) == {"stored": 1}


def test_levels_are_limited_at_the_limit_and_not_before(
    link: MqttConnection, logged: list[Any]
) -> None:
    at, beyond = "/".join("x" * LEVELS), "/".join("x" * (LEVELS + 1))
    pipeline.store(batch(message(link, at, {"v": 1}), message(link, beyond, {"v": 2})), NOW)
    assert books(link) == {"stored": 1, TOPIC_LEVELS: 1}
    assert "SITEWIRE_MAX_TOPIC_LEVELS" in logged[0][1]


@pytest.mark.parametrize("character", ["x", "é"])
def test_bytes_are_limited_at_the_limit_and_not_before(
    link: MqttConnection, logged: list[Any], character: str
) -> None:
    level = character * (99 // len(character.encode()))
    at = "/".join([level] * 20).encode()[:BYTES].decode(errors="ignore")
    at += "x" * (BYTES - len(at.encode()))
    pipeline.store(batch(message(link, at, {"v": 1}), message(link, at + "y", {"v": 2})), NOW)
    assert books(link)[TOPIC_SIZE] == DiscoveredTopic.objects.count() == 1
    assert "SITEWIRE_MAX_TOPIC_BYTES" in logged[0][1]


def test_it_is_said_once_a_minute_for_each_reason(link: MqttConnection, logged: list[Any]) -> None:
    for number in range(3):
        pipeline.store(
            batch(message(link, f"a/\x01/{number}", {}), message(link, f"{'x/' * 70}{number}", {})),
            NOW,
        )
    assert len(logged) == 2
    assert books(link) == {TOPIC_CHARACTERS: 3, TOPIC_LEVELS: 3}


@pytest.mark.parametrize("key", ["a\u0001b", "a\u0085", "a\uffff", "\n"])
def test_a_metric_with_such_a_character_is_left_out_of_its_message(
    link: MqttConnection, key: str
) -> None:
    pipeline.store(batch(message(link, "hall/a", {"v": 1}), message(link, "hall/a", {key: 1})), NOW)
    assert books(link) == {"stored": 2}
    assert values() == [1]
    assert "U+" in MqttParsingLog.objects.get().error_message


def test_a_device_with_such_a_character_fails_its_message(link: MqttConnection) -> None:
    pipeline.store(
        batch(
            message(link, "hall/a", {"v": 1}),
            message(link, "hall/a", {"device": "x\u0007", "v": 1}),
        ),
        NOW,
    )
    assert books(link)["stored"] >= 1
    assert not Device.objects.filter(identifier__contains="\u0007").exists()
