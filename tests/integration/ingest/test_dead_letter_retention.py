"""How long, and how many, dead letters can be replayed."""

from datetime import timedelta

import pytest
from django.conf import settings

from mqtt_app.conf import Config
from mqtt_app.models import DeadLetter, DeadLetterReason, DeadLetterState, MqttConnection, Site
from mqtt_app.services.dead_letters import retention
from mqtt_app.services.replay import schedule
from tests.integration.ingest.test_dead_letters import AT, raw
from tests.integration.ingest.test_dead_letters import neighbour as other_link

pytestmark = pytest.mark.django_db
neighbour = other_link


@pytest.fixture
def limits(monkeypatch):
    def use(**values) -> None:
        changed = Config(**{**settings.SITEWIRE, **values})
        monkeypatch.setattr(retention, "config", lambda: changed)

    return use


def left(link: MqttConnection) -> list[bytes]:
    found = DeadLetter.objects.filter(site=link.site_id).order_by("id")
    return [bytes(payload) for payload in found.values_list("payload", flat=True)]


@pytest.mark.parametrize("reason", DeadLetterReason.values)
@pytest.mark.parametrize(("age", "count"), [(2 * 86_400, 1), (2 * 86_400 + 1, 0)])
def test_a_dead_letter_rests_for_the_days_of_its_site(link, neighbour, reason, age, count):
    """Whatever its reason. The site next door keeps its own for a week."""
    Site.objects.filter(pk=link.site_id).update(dead_letter_days=2)
    for connection in (link, neighbour):
        raw(connection, reason=reason, created_at=AT - timedelta(seconds=age))
    assert retention.expire(AT) == 1 - count
    assert (len(left(link)), len(left(neighbour))) == (count, 1)


@pytest.mark.parametrize(
    "state", [DeadLetterState.WAITING, DeadLetterState.DUE, DeadLetterState.REQUESTED]
)
def test_what_is_still_to_be_replayed_does_not_expire(link, state):
    raw(link, state=state, created_at=AT - timedelta(days=400))
    assert retention.expire(AT) == 0
    assert len(left(link)) == 1


@pytest.mark.parametrize("name", ["flaky", ""])
def test_the_oldest_make_room_for_more_than_a_parser_may_leave(link, neighbour, limits, name):
    limits(resting_letters=3)
    for payload in (b"1", b"2", b"3", b"4"):
        raw(link, name, payload=payload)
        raw(neighbour, name, payload=payload)
    raw(link, "other"), raw(link, name, DeadLetterState.WAITING, b"w")
    assert retention.trim(link.site_id, name) == 1
    assert left(link) == [b"2", b"3", b"4", b"12345", b"w"]
    assert len(left(neighbour)) == 4
    assert retention.trim(link.site_id, name) == 0


@pytest.mark.parametrize(("limit", "expected"), [(30, 3), (29, 2), (1, 0)])
def test_bytes_are_bounded_as_well(link, limits, limit, expected):
    limits(resting_letter_bytes=limit)
    for _ in range(4):
        raw(link, payload=bytes(10))
    retention.trim(link.site_id, "flaky")
    assert len(left(link)) == expected


def test_those_that_no_parser_was_asked_about_are_bounded_at_every_site(link, neighbour, limits):
    limits(resting_letters=1)
    for connection in (link, neighbour):
        raw(connection, "", payload=b"old")
        raw(connection, "", payload=b"new")
    assert retention.trim_unparsed() == 2
    assert left(link) == left(neighbour) == [b"new"]


def test_the_regular_round_looks_after_it(link):
    raw(link, "", created_at=AT - timedelta(days=8))
    schedule.judge_parsers(AT)
    assert left(link) == []
