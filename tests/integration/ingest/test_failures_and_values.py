"""What stays of failed messages, what a full site may go on with, and which value is the latest: by
table.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from mqtt_app.domain.facts import Fact, ReadingFact
from mqtt_app.models import (
    DeadLetter,
    LatestReading,
    MqttConnection,
    ParserHealth,
    Reading,
    Site,
    SiteBooks,
)
from mqtt_app.parsers.base import MAX_PAYLOAD, Message
from mqtt_app.services import logs
from mqtt_app.services.dead_letters import parser_health
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.parsing import failures
from mqtt_app.services.replay import sandbox
from tests.integration.ingest.flaky import Flaky, moment, numbered, send
from tests.integration.ingest.test_store import NOW, batch, books, message
from tests.narrowing import present

pytestmark = pytest.mark.django_db


@pytest.fixture
def neighbour() -> MqttConnection:
    site = Site.objects.create(name="Neighbour")
    return MqttConnection.objects.create(
        site=site, broker_host="broker.example", generation=3, owner="mqtt-1"
    )


def raw_of(link: MqttConnection) -> int:
    return DeadLetter.objects.filter(site=link.site_id).count()


def test_of_a_flood_of_failures_so_many_a_minute_keep_their_bytes(
    link: MqttConnection, neighbour: MqttConnection, parser: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "RAW_A_MINUTE", 2)
    parser.broken = True
    start = NOW - NOW % 60
    send(link, range(3), start)
    send(neighbour, range(1), start)
    assert (raw_of(link), raw_of(neighbour)) == (2, 1)
    send(link, range(3, 4), start + 59)
    assert raw_of(link) == 2
    send(link, range(4, 5), start + 60)
    assert raw_of(link) == 3
    assert books(link) == {"failed": 5}


@pytest.mark.parametrize(("size", "kept"), [(MAX_PAYLOAD, 1), (MAX_PAYLOAD + 1, 0)])
def test_what_no_parser_is_ever_given_keeps_no_bytes(
    link: MqttConnection, parser: Flaky, size: int, kept: int
) -> None:
    parser.broken = True
    pipeline.store(batch(message(link, "hall/a", b"{" + b" " * (size - 1))), NOW)
    assert raw_of(link) == kept
    assert books(link) == {"failed": 1}


def test_too_large_a_message_fails_while_its_parser_is_paused(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(250))
    large = message(link, "hall/a", b"{" + b" " * MAX_PAYLOAD)
    pipeline.store(batch(large, *numbered(link, range(250, 251))), NOW + 1)
    assert books(link) == {"kept": 251, "failed": 1}


def test_the_reason_of_a_pause_is_cut_to_its_column(link: MqttConnection) -> None:
    row = ParserHealth.objects.create(site_id=link.site_id, parser_name="flaky")
    parser_health.pause(row, 7, 9, "x" * 600, moment(NOW))
    row.save()
    row.refresh_from_db()
    assert (len(row.reason), row.is_paused, row.paused_since) == (500, True, moment(NOW))
    parser_health.resume(row, moment(NOW + 5))
    assert (row.is_paused, row.resumed_at) == (False, moment(NOW + 5))
    assert (row.window_started, row.parsed, row.failed) == (moment(NOW + 5), 0, 0)


def limited(link: MqttConnection, **counts: int) -> None:
    SiteBooks.objects.filter(site=link.site_id).update(**counts)


@pytest.mark.parametrize(
    ("counts", "postponed"),
    [
        ({"kept": 99_999}, False),
        ({"kept": 100_000}, True),
        ({"kept_bytes": 268_435_455}, False),
        ({"kept_bytes": 268_435_456}, True),
    ],
)
def test_a_site_is_full_at_the_limit_of_messages_or_of_bytes(
    link: MqttConnection,
    neighbour: MqttConnection,
    parser: Flaky,
    counts: dict[str, int],
    postponed: bool,
) -> None:
    parser.broken = True
    send(link, range(250))
    limited(link, **counts)
    mixed = batch(*numbered(link, range(250, 252)), *numbered(neighbour, range(2)))
    assert pipeline.store(mixed, NOW + 1).postponed == ({link.pk} if postponed else frozenset())
    assert books(neighbour) == {"failed": 2}


def test_a_full_site_whose_parser_is_not_paused_goes_on(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(3))
    limited(link, kept=1_000_000)
    assert pipeline.store(batch(*numbered(link, range(3, 5))), NOW + 1).postponed == frozenset()


@pytest.mark.parametrize(
    ("parsed_at", "asked_at", "postponed"),
    [(600.0, 700.0, True), (601.0, 700.0, False), (700.0, 4_299.0, False), (700.0, 4_300.0, True)],
)
def test_a_parser_works_in_part_from_ten_minutes_after_its_pause_for_an_hour(
    link: MqttConnection, parser: Flaky, parsed_at: float, asked_at: float, postponed: bool
) -> None:
    parser.broken = True
    send(link, range(250))
    parser.broken = False
    send(link, range(250, 251), NOW + parsed_at)
    limited(link, kept=1_000_000)
    parser.broken = True
    outcome = pipeline.store(batch(*numbered(link, range(251, 253))), NOW + asked_at)
    assert outcome.postponed == ({link.pk} if postponed else frozenset())


# The sandbox of old messages


def test_a_parser_that_never_ends_is_ended(
    link: MqttConnection, parser: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "START", 1.0)
    endless, good = message(link, "hall/a", {"endless": 1}), message(link, "hall/a", {"n": 1})
    parse = parser.parse

    def slow(sent: Message) -> Sequence[Fact]:
        if b"endless" in sent.payload:
            time.sleep(20)
            return []
        return parse(sent)

    monkeypatch.setattr(parser, "parse", slow)
    send(link, range(1))
    begun = time.monotonic()
    assert sandbox.first_fatal([good, endless, good], {}) is endless
    assert not sandbox.most_can_be_parsed([endless])
    assert time.monotonic() - begun < 15
    assert sandbox.first_fatal([good], {}) is None
    assert sandbox.first_fatal([], {}) is None


@pytest.mark.parametrize(("good", "bad", "most"), [(1, 1, False), (2, 1, True), (0, 1, False)])
def test_most_is_more_than_half(
    link: MqttConnection, parser: Flaky, good: int, bad: int, most: bool
) -> None:
    send(link, range(1))
    mixed = numbered(link, range(good)) + [message(link, "hall/a", {"bad": n}) for n in range(bad)]
    assert sandbox.most_can_be_parsed(mixed) is most


# Values


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ([(1, 0, False), (2, 1, False)], (2, 0)),
        ([(1, 1, False), (2, 0, False)], (1, 0)),
        ([(1, 0, False), (2, 0, False)], (2, 0)),
        ([(1, 0, True), (2, 1, True)], (2, 1)),
        ([(1, 1, True), (2, 0, True)], (1, 1)),
        ([(1, 5, True), (2, 0, False)], (2, 0)),
        ([(1, 0, False), (2, 5, True)], (1, 0)),
    ],
)
@pytest.mark.parametrize("together", [False, True])
def test_the_newest_good_value_is_the_latest_and_a_retained_one_fills_a_gap(
    link: MqttConnection,
    neighbour: MqttConnection,
    stored: list[tuple[int, int, bool]],
    shown: tuple[int, int],
    together: bool,
) -> None:
    pipeline.store(batch(message(neighbour, "lamp", {"v": 9})), NOW)
    sent = [
        message(link, "lamp", {"v": value, "ts": int((NOW + seconds) * 1000)}, retain=retain)
        for value, seconds, retain in stored
    ]
    for part in [sent] if together else [[one] for one in sent]:
        pipeline.store(batch(*part), NOW + 10)
    found = LatestReading.objects.get(device__site=link.site_id)
    assert (found.shown, found.quality) == shown
    assert LatestReading.objects.get(device__site=neighbour.site_id).shown == 9


@pytest.mark.parametrize(
    ("off", "quality"), [(86_400, 0), (86_401, 2), (-315_576_000, 0), (-315_576_001, 2)]
)
def test_an_impossible_time_is_stored_and_marked_and_never_the_latest(
    link: MqttConnection, off: int, quality: int
) -> None:
    pipeline.store(batch(message(link, "lamp", {"v": 1, "ts": int(NOW + off) * 1000})), NOW)
    row = Reading.objects.get()
    assert (row.quality == 0, row.time) == (
        quality == 0,
        datetime.fromtimestamp(int(NOW + off), UTC),
    )
    assert LatestReading.objects.exists() is (quality == 0)


def test_each_type_of_a_value_is_kept_as_it_is(link: MqttConnection) -> None:
    sent = {"a": 1.5, "b": True, "c": False, "d": "text", "e": "7"}
    pipeline.store(batch(message(link, "lamp", sent)), NOW)
    expected = {"a": 1.5, "b": True, "c": False, "d": "text", "e": 7.0}
    assert {row.metric: row.shown for row in Reading.objects.all()} == expected
    assert {row.metric: row.shown for row in LatestReading.objects.all()} == expected
    row = Reading.objects.get(metric="a")
    assert row.time == row.received_at == moment(NOW)


def test_bytes_are_kept_as_bytes(
    link: MqttConnection, parser: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    fact = ReadingFact(device="lamp", metric="raw", value=b"\x00\xff")
    monkeypatch.setattr(parser, "parse", lambda sent: [fact])
    send(link, range(1))
    for row in (Reading.objects.get(), LatestReading.objects.get()):
        assert bytes(present(row.raw)) == b"\x00\xff"


# Log rows


def test_rows_of_what_was_deleted_meanwhile_are_left_out_and_the_others_written(
    link: MqttConnection, neighbour: MqttConnection
) -> None:
    rows = [
        {"connection_id": number, "level": "INFO", "message": "m"}
        for number in (link.pk, 0, neighbour.pk)
    ]
    assert logs.write_connection_logs(rows) == 2
    values = {"topic": "t", "parser_name": "p", "error_type": "PARSE_ERROR", "error_message": "m"}
    assert (
        logs.write_parsing_logs([{"site_id": number, **values} for number in (link.site_id, 0)])
        == 1
    )
    assert (
        logs.write_connection_logs([]) == logs.write_parsing_logs([{"site_id": 0, **values}]) == 0
    )
