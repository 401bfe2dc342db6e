"""Which raw messages are moved, asked for, taken and shown as a sample: these and no neighbour's,
up to each limit.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from mqtt_app.domain.accounting import Term
from mqtt_app.models import (
    DeadLetter,
    DeadLetterState,
    MqttConnection,
    ParserHealth,
    Site,
)
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.dead_letters import rows as letters
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.replay import schedule
from tests.integration.ingest.flaky import Flaky, attend, moment, numbered, send
from tests.integration.ingest.test_store import NOW, batch, books, message

pytestmark = pytest.mark.django_db

AT = datetime.fromtimestamp(NOW, UTC)


@pytest.fixture
def neighbour() -> MqttConnection:
    site = Site.objects.create(name="Neighbour")
    return MqttConnection.objects.create(
        site=site, broker_host="broker.example", generation=3, owner="mqtt-1"
    )


def raw(
    link: MqttConnection,
    name: str = "flaky",
    state: DeadLetterState = DeadLetterState.RESTING,
    payload: bytes = b"12345",
    **values: Any,
) -> DeadLetter:
    defaults = {
        "topic": "a",
        "reason": "failed",
        "qos": 1,
        "retain": False,
        "received_at": AT,
        "created_at": AT,
    }
    return DeadLetter.objects.create(
        site_id=link.site_id,
        connection_id=link.pk,
        parser_name=name,
        state=state,
        payload=payload,
        **defaults | values,
    )


def health(link: MqttConnection, name: str = "flaky", **values: Any) -> ParserHealth:
    return ParserHealth.objects.create(site_id=link.site_id, parser_name=name, **values)


def states() -> list[str]:
    return list(DeadLetter.objects.order_by("id").values_list("state", flat=True))


def moved(tally: AccountingTally, link: MqttConnection) -> tuple[int, int, int]:
    entry = tally.entries[link.site_id]
    return entry.terms[Term.FAILED], entry.terms[Term.KEPT], entry.kept_bytes


def test_failures_of_this_parser_at_this_site_that_nobody_tried_again_are_kept_after_all(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    raw(link), raw(link, payload=b"123")
    raw(neighbour), raw(link, "other"), raw(link, tries=1), raw(link, state=DeadLetterState.DUE)
    tally = AccountingTally()
    letters.adopt(health(link), DeadLetterState.WAITING, AT, AT, tally)
    assert states() == ["waiting", "waiting", "resting", "resting", "resting", "due"]
    assert moved(tally, link) == (-2, 2, 8)


@pytest.mark.parametrize(
    ("second", "state"),
    [(-120.1, "resting"), (-120.0, "waiting"), (60.0, "waiting"), (60.1, "resting")],
)
def test_the_failures_of_two_windows_before_a_pause_and_a_minute_after_it_led_to_it(
    link: MqttConnection, second: float, state: str
) -> None:
    raw(link, created_at=AT + timedelta(seconds=second))
    letters.adopt_before(health(link), AT, AT, AccountingTally())
    assert states() == [state]


def test_nothing_to_keep_after_all_leaves_the_books_alone(link: MqttConnection) -> None:
    tally = AccountingTally()
    letters.adopt(health(link), DeadLetterState.WAITING, AT, AT, tally)
    assert dict(tally.entries) == {}


def test_what_somebody_asks_for_is_due_and_failed_ones_are_kept_from_then_on(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    asked = [raw(link), raw(link, state=DeadLetterState.WAITING), raw(neighbour, payload=b"1")]
    raw(link), raw(neighbour)
    tally = AccountingTally()
    assert letters.request([row.pk for row in asked], tally) == 3
    assert states() == ["requested", "requested", "requested", "resting", "resting"]
    assert (moved(tally, link), moved(tally, neighbour)) == ((-1, 1, 5), (-1, 1, 1))


def test_what_is_due_is_taken_in_its_order_up_to_a_number_and_a_size(link: MqttConnection) -> None:
    later = raw(link, state=DeadLetterState.DUE, tries=1)
    first, second = raw(link, state=DeadLetterState.REQUESTED), raw(link, state=DeadLetterState.DUE)
    raw(link), raw(link, state=DeadLetterState.WAITING)

    def taken(limit: int, size: int) -> list[int]:
        return [row.pk for row in letters.take_due(limit, size)]

    assert taken(10, 1_000) == [first.pk, second.pk, later.pk]
    assert taken(2, 1_000) == [first.pk, second.pk]
    assert taken(10, 10) == [first.pk, second.pk]
    assert taken(10, 9) == [first.pk]
    assert taken(10, 1) == [first.pk], "one at least"


def test_a_sample_is_spread_from_the_first_to_the_last(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    rows = [raw(link) for _ in range(77)]
    raw(neighbour), raw(link, "other"), raw(link, tries=1), raw(link, state=DeadLetterState.WAITING)
    found = sorted(one.packet_id for one in letters.sample(health(link), DeadLetterState.RESTING))
    assert (len(found), found[0], found[-1]) == (20, rows[0].pk, rows[-1].pk)
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert set(gaps) == {4}


def test_a_sample_of_few_is_all_of_them(link: MqttConnection) -> None:
    rows = [raw(link, state=DeadLetterState.WAITING, tries=number) for number in range(3)]
    found = letters.sample(health(link), DeadLetterState.WAITING)
    assert sorted(one.packet_id for one in found) == [row.pk for row in rows]
    assert letters.sample(health(link, "none"), DeadLetterState.WAITING) == []


def test_only_what_is_kept_of_this_parser_at_this_site_is_released(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    raw(link, state=DeadLetterState.WAITING)
    (
        raw(link),
        raw(neighbour, state=DeadLetterState.WAITING),
        raw(link, "other", DeadLetterState.WAITING),
    )
    letters.release(health(link))
    assert states() == ["due", "resting", "waiting", "waiting"]


def test_a_raw_message_is_as_it_came(link: MqttConnection) -> None:
    row = raw(link, payload=b"\x00\xff", topic="hall/a", qos=0, retain=True)
    (found,) = letters.envelopes([row])
    assert (found.connection_id, found.site_id, found.packet_id) == (link.pk, link.site_id, row.pk)
    assert (found.topic, found.payload, found.qos, found.retain, found.dup) == (
        "hall/a",
        b"\x00\xff",
        0,
        True,
        False,
    )
    assert (found.received_at, found.generation, found.epoch) == (NOW, 0, 0)


def test_what_is_written_of_a_failure(link: MqttConnection, parser: Flaky) -> None:
    parser.broken = True
    pipeline.store(
        batch(message(link, "hall/a", b'{"n": 1}', retain=True, received_at=NOW - 5, qos=0)), NOW
    )
    row = DeadLetter.objects.get()
    assert (row.state, row.tries, row.created_at, row.received_at) == (
        "resting",
        0,
        AT,
        AT - timedelta(seconds=5),
    )
    assert (row.topic, bytes(row.payload), row.qos, row.retain) == ("hall/a", b'{"n": 1}', 0, True)
    assert (row.parser_name, row.error, row.site_id, row.connection_id) == (
        "flaky",
        "no such field",
        link.site_id,
        link.pk,
    )


@pytest.mark.parametrize(("count", "paused"), [(199, False), (200, True)])
def test_a_parser_is_paused_with_its_two_hundredth_failure(
    link: MqttConnection, parser: Flaky, count: int, paused: bool
) -> None:
    parser.broken = True
    send(link, range(count))
    assert ParserHealth.objects.get().is_paused is paused
    assert books(link) == {"kept" if paused else "failed": count}


@pytest.mark.parametrize(("later", "paused"), [(59.0, True), (60.0, False)])
def test_failures_of_one_minute_count_together(
    link: MqttConnection, parser: Flaky, later: float, paused: bool
) -> None:
    parser.broken = True
    send(link, range(100))
    send(link, range(100, 200), NOW + later)
    assert ParserHealth.objects.get().is_paused is paused


def test_good_messages_of_the_same_minute_speak_for_the_parser(
    link: MqttConnection, parser: Flaky
) -> None:
    send(link, range(150))
    parser.broken = True
    send(link, range(150, 299), NOW + 1)
    row = ParserHealth.objects.get()
    assert (row.is_paused, row.parsed, row.failed) == (False, 0, 0), (
        "judged, so that a new window begins"
    )
    send(link, range(100), NOW + 2)
    assert (ParserHealth.objects.get().parsed, ParserHealth.objects.get().failed) == (0, 100)


@pytest.mark.parametrize(("failed", "paused"), [(50, False), (51, True)])
def test_three_quarters_of_new_messages_resume_a_parser(
    link: MqttConnection, parser: Flaky, failed: int, paused: bool
) -> None:
    parser.broken = True
    send(link, range(300))
    parser.broken = False
    bad = [message(link, "hall/a", {"bad": number}) for number in range(failed)]
    pipeline.store(batch(*numbered(link, range(200 - failed)), *bad), NOW + 1)
    assert ParserHealth.objects.get().is_paused is paused


@pytest.mark.parametrize(("good", "paused"), [(150, True), (151, False)])
def test_a_trial_on_what_is_kept_needs_more_than_half(
    link: MqttConnection, parser: Flaky, good: int, paused: bool
) -> None:
    """The kept ones are tried again, evenly spread: bad and good ones alternate here."""
    parser.broken = True
    mixed = (
        [
            message(link, "hall/a", {"n" if number % 2 else "bad": number})
            for number in range(1, 301)
        ]
        if good == 150
        else numbered(link, range(300))
    )
    pipeline.store(batch(*mixed), NOW)
    parser.broken = False
    schedule.judge_parsers(moment(NOW + 10))
    assert ParserHealth.objects.get().is_paused is paused


def test_what_people_ask_for_again_of_what_was_put_aside_is_that_and_no_more(
    link: MqttConnection, neighbour: MqttConnection, parser: Flaky
) -> None:
    send(link, range(1))
    for one in (link, neighbour):
        aside = [message(one, topic, {"n": 7}) for topic in ("hall/a", "new")]
        pipeline.store(batch(*aside, dead_letter_reason="killed the process"), NOW)
    mine = DeadLetter.objects.filter(site=link.site_id).order_by("id")
    assert schedule.replay([mine[0].pk, mine[1].pk, 0]) == 2
    found = list(
        DeadLetter.objects.filter(site=link.site_id)
        .order_by("id")
        .values_list("topic", "parser_name", "state", "site_id", "error")
    )
    assert found == [
        ("hall/a", "flaky", "requested", link.site_id, "killed the process"),
        ("new", "", "requested", link.site_id, "killed the process"),
    ]
    assert books(link) == {"stored": 1, "kept": 2}
    assert books(neighbour) == {"quarantined": 2}
    attend(NOW + 10)
    assert books(link) == {"stored": 3}
    assert DeadLetter.objects.count() == 2
