"""How long, and how many, dead letters can be replayed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from mqtt_app.conf import Config
from mqtt_app.models import DeadLetter, DeadLetterReason, DeadLetterState, MqttConnection, Site
from mqtt_app.services.dead_letters import retention
from mqtt_app.services.dead_letters import rows as letters
from mqtt_app.services.replay import schedule
from mqtt_app.services.upkeep import pruning
from tests.integration.ingest.test_dead_letters import AT, health, raw
from tests.integration.ingest.test_dead_letters import neighbour as other_link

pytestmark = pytest.mark.django_db
neighbour = other_link


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def use(**values: Any) -> None:
        changed = Config(**{**settings.SITEWIRE, **values})
        monkeypatch.setattr(retention, "config", lambda: changed)

    return use


def left(link: MqttConnection) -> list[bytes]:
    found = DeadLetter.objects.filter(site=link.site_id).order_by("id")
    return [bytes(payload) for payload in found.values_list("payload", flat=True)]


@pytest.mark.parametrize("reason", DeadLetterReason.values)
@pytest.mark.parametrize(("age", "count"), [(2 * 86_400, 1), (2 * 86_400 + 1, 0)])
def test_a_dead_letter_rests_for_the_days_of_its_site(
    link: MqttConnection, neighbour: MqttConnection, reason: str, age: int, count: int
) -> None:
    """Whatever its reason. The site next door keeps its own for a week."""
    Site.objects.filter(pk=link.site_id).update(dead_letter_days=2)
    for connection in (link, neighbour):
        raw(connection, reason=reason, created_at=AT - timedelta(seconds=age))
    assert retention.expire(AT) == 1 - count
    assert (len(left(link)), len(left(neighbour))) == (count, 1)


@pytest.mark.parametrize(
    "state", [DeadLetterState.WAITING, DeadLetterState.DUE, DeadLetterState.REQUESTED]
)
def test_what_is_still_to_be_replayed_does_not_expire(
    link: MqttConnection, state: DeadLetterState
) -> None:
    raw(link, state=state, created_at=AT - timedelta(days=400))
    assert retention.expire(AT) == 0
    assert len(left(link)) == 1


@pytest.mark.parametrize("name", ["flaky", ""])
def test_the_oldest_make_room_for_more_than_a_parser_may_leave(
    link: MqttConnection, neighbour: MqttConnection, limits: Callable[..., None], name: str
) -> None:
    limits(resting_letters=3)
    for payload in (b"1", b"2", b"3", b"4"):
        raw(link, name, payload=payload)
        raw(neighbour, name, payload=payload)
    raw(neighbour, name, payload=b"5")
    raw(link, "other"), raw(link, name, DeadLetterState.WAITING, b"w")
    assert retention.make_room(AT) == 3
    assert left(link) == [b"2", b"3", b"4", b"12345", b"w"]
    assert left(neighbour) == [b"3", b"4", b"5"]
    assert retention.make_room(AT) == 0


@pytest.mark.parametrize(("limit", "expected"), [(30, 3), (29, 2), (1, 0)])
def test_bytes_are_bounded_as_well(
    link: MqttConnection, limits: Callable[..., None], limit: int, expected: int
) -> None:
    limits(resting_letter_bytes=limit)
    for _ in range(4):
        raw(link, payload=bytes(10))
    retention.make_room(AT)
    assert len(left(link)) == expected


def test_those_that_no_parser_was_asked_about_are_bounded_at_every_site(
    link: MqttConnection, neighbour: MqttConnection, limits: Callable[..., None]
) -> None:
    limits(resting_letters=1)
    for connection in (link, neighbour):
        raw(connection, "", payload=b"old")
        raw(connection, "", payload=b"new")
    assert retention.make_room(AT) == 2
    assert left(link) == left(neighbour) == [b"new"]


@pytest.mark.parametrize(("age", "left_over"), [(60, 1), (60.1, 2)])
def test_only_where_any_came_lately_is_room_to_be_made(
    link: MqttConnection, limits: Callable[..., None], age: float, left_over: int
) -> None:
    limits(resting_letters=1)
    for _ in range(2):
        raw(link, created_at=AT - timedelta(seconds=age))
    retention.make_room(AT)
    assert len(left(link)) == left_over


def test_the_round_of_replay_makes_room(link: MqttConnection, limits: Callable[..., None]) -> None:
    limits(resting_letters=1)
    raw(link, "", payload=b"old"), raw(link, "", payload=b"new")
    schedule.judge_parsers(AT)
    assert left(link) == [b"new"]


def test_upkeep_removes_what_is_too_old_in_pieces(
    link: MqttConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    for _ in range(5):
        raw(link, "", created_at=AT - timedelta(days=8))
    raw(link, "", payload=b"young")
    pruning.run(AT)
    assert left(link) == [b"young"]


@pytest.mark.parametrize("reason", ["refused", "unstored"])
def test_what_killed_its_parser_is_no_sample_of_what_the_parser_fails_on(
    link: MqttConnection, reason: str
) -> None:
    raw(link, reason=reason)
    failed = raw(link)
    found = letters.sample(health(link), DeadLetterState.RESTING)
    assert [message.packet_id for message in found] == [failed.pk]
