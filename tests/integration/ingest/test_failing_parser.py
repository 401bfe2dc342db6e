"""A parser that fails on everything loses nothing: what it fails on is kept, and stored once it
works again.
"""

import json

import pytest
from pytest_django import DjangoAssertNumQueries

from mqtt_app.models import (
    DeadLetter,
    Device,
    DiscoveredTopic,
    MqttConnection,
    MqttParsingLog,
    ParserHealth,
    Quality,
    Site,
    SiteBooks,
)
from mqtt_app.models import Reading as ReadingRow
from mqtt_app.parsers.built_in import built_ins
from mqtt_app.parsers.registry import Registry
from mqtt_app.services import topics
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.parsing import parsers
from mqtt_app.services.replay import schedule
from mqtt_app.services.replay.batch import replay_next
from tests.integration.ingest.flaky import Flaky, attend, moment, numbered, send
from tests.integration.ingest.test_store import NOW, batch, books, message, values
from tests.narrowing import present

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("parser")]


def test_more_than_half_of_two_hundred_pause_the_parser_and_are_kept(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(199))
    assert books(link) == {"failed": 199}
    send(link, range(199, 205))
    row = ParserHealth.objects.get()
    assert row.is_paused
    assert row.reason == "no such field"
    assert books(link) == {"kept": 205}
    assert SiteBooks.objects.get().kept_bytes == sum(len(json.dumps({"n": n})) for n in range(205))
    assert "failed on 205 of 205" in MqttParsingLog.objects.get(topic="").error_message


def test_after_the_fix_everything_is_stored_once_in_order(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(150))
    send(link, range(150, 2_300), NOW + 1)
    attend(NOW + 5)
    assert books(link) == {"kept": 2_300}, "a trial with the broken parser changes nothing"
    parser.broken = False
    attend(NOW + 10)
    assert values() == list(range(2_300))
    assert books(link) == {"stored": 2_300}
    assert (SiteBooks.objects.get().kept_bytes, DeadLetter.objects.count()) == (0, 0)
    assert not ParserHealth.objects.get().is_paused


def test_a_kept_message_has_the_times_and_the_quality_of_the_day_it_came(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(250), received_at=NOW - 0.123456, retain=True)
    parser.broken = False
    attend(NOW + 7_200)
    row = ReadingRow.objects.order_by("id").first()
    assert present(row).received_at.timestamp() == pytest.approx(NOW - 0.123456, abs=1e-6)
    assert present(row).quality == Quality.RETAINED
    assert present(SiteBooks.objects.get().last_message_at).timestamp() == NOW
    assert DiscoveredTopic.objects.get().message_count == 250


def test_old_messages_do_not_bring_a_silent_device_to_life(
    link: MqttConnection, parser: Flaky
) -> None:
    send(link, range(1))
    Device.objects.update(status="offline")
    parser.broken = True
    send(link, range(1, 300), NOW + 1, received_at=NOW + 1)
    parser.broken = False
    attend(NOW + 86_400)
    assert Device.objects.get().status == "offline"
    assert len(values()) == 300


def test_what_nobody_can_parse_fails_at_the_end_as_it_would_have_at_once(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    bad = [message(link, "hall/a", {"bad": number}) for number in range(30)]
    pipeline.store(batch(*numbered(link, range(270)), *bad), NOW)
    parser.broken = False
    attend(NOW + 10)
    assert books(link) == {"stored": 270, "failed": 30}
    assert set(DeadLetter.objects.values_list("state", "tries")) == {("resting", 1)}
    attend(NOW + 20)
    assert books(link) == {"stored": 270, "failed": 30}


def test_half_of_the_messages_failing_pauses_nobody(link: MqttConnection) -> None:
    bad = [message(link, "hall/a", {"bad": number}) for number in range(200)]
    pipeline.store(batch(*numbered(link, range(200)), *bad), NOW)
    assert not ParserHealth.objects.get().is_paused
    assert books(link) == {"stored": 200, "failed": 200}


def test_good_messages_of_a_paused_parser_are_stored_at_once(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(300))
    parser.broken = False
    send(link, range(300, 310), NOW + 1)
    assert values() == list(range(300, 310))
    assert books(link) == {"stored": 10, "kept": 300}


def test_one_noisy_site_pauses_the_parser_for_itself_only(
    link: MqttConnection, parser: Flaky
) -> None:
    other = MqttConnection.objects.create(
        site=Site.objects.create(name="Other"), broker_host="b", generation=3
    )
    parser.broken = True
    send(link, range(300))
    parser.broken = False
    send(other, range(5), NOW + 1)
    assert books(other) == {"stored": 5}
    assert list(ParserHealth.objects.values_list("site", flat=True)) == [link.site_id]


def test_many_quiet_sites_are_judged_together(link: MqttConnection, parser: Flaky) -> None:
    links = [
        MqttConnection.objects.create(
            site=Site.objects.create(name=f"S{n}"), broker_host="b", generation=3
        )
        for n in range(12)
    ]
    parser.broken = True
    for number, one in enumerate(links):
        send(one, range(20), NOW + number)
    attend(NOW + 15)
    for one in links:
        send(one, range(20, 40), NOW + 20)
    assert ParserHealth.objects.filter(ParserHealth.PAUSED).count() == 12
    assert {tuple(books(one).items()) for one in links} == {(("kept", 40),)}
    parser.broken = False
    attend(NOW + 30)
    assert {tuple(books(one).items()) for one in links} == {(("stored", 40),)}


def test_too_few_to_pause_are_stored_all_the_same_once_the_parser_is_mended(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(20))
    assert books(link) == {"failed": 20}
    parser.broken = False
    attend(NOW + 3_600)
    assert books(link) == {"stored": 20}
    assert values() == list(range(20))


def test_a_process_with_the_broken_version_puts_back_what_it_drains(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(300))
    parser.broken = False
    schedule.judge_parsers(moment(NOW + 10))
    parser.broken = True
    replay_next(NOW + 11)
    assert books(link) == {"kept": 300}
    assert ParserHealth.objects.get().is_paused
    parser.broken = False
    attend(NOW + 20)
    assert values() == list(range(300))


def test_a_parser_that_works_on_new_messages_is_resumed(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    pipeline.store(batch(*(message(link, "hall/a", {"bad": number}) for number in range(300))), NOW)
    parser.broken = False
    attend(NOW + 5)
    assert ParserHealth.objects.get().is_paused, "none of what was kept can be parsed"
    send(link, range(200), NOW + 6)
    assert not ParserHealth.objects.get().is_paused


def test_messages_of_a_connection_that_was_deleted_meanwhile_are_dropped_by_name(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(250))
    parser.broken = False
    link.delete()
    attend(NOW + 10)
    assert books(link) == {"connection_deleted": 250}


def test_messages_of_a_parser_that_went_missing_wait_for_it(
    link: MqttConnection, parser: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(link, range(1))
    broken = Registry(built_ins(), [("flaky", "ImportError: no such library")])
    monkeypatch.setattr(parsers, "installed", lambda: broken)
    send(link, range(1, 300), NOW + 1)
    assert "could not be loaded: ImportError" in ParserHealth.objects.get().reason
    assert DiscoveredTopic.objects.get().parser_name == "flaky", "no other parser takes the topic"
    monkeypatch.setattr(parsers, "installed", lambda: Registry([parser]))
    attend(NOW + 10)
    assert values() == list(range(300))
    assert books(link) == {"stored": 300}


def test_a_parser_that_is_gone_for_good_gives_way_when_people_say_so(
    link: MqttConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(link, range(250))
    monkeypatch.setattr(parsers, "installed", lambda: Registry(built_ins()))
    send(link, range(250, 500), NOW + 1)
    topics.recognise_anew([DiscoveredTopic.objects.get().pk])
    attend(NOW + 10)
    assert DiscoveredTopic.objects.get().parser_name == "json"
    assert books(link) == {"stored": 500}


def test_a_kept_message_that_kills_the_mended_parser_is_put_aside_and_kills_nobody_of_ours(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    fatal = [message(link, "hall/a", {"fatal": number}) for number in range(2)]
    pipeline.store(batch(*numbered(link, range(250)), *fatal), NOW)
    parser.broken = False
    schedule.replay(DeadLetter.objects.values_list("id", flat=True))
    attend(NOW + 10)
    assert books(link) == {"stored": 250, "quarantined": 2}
    assert {bytes(row.payload) for row in DeadLetter.objects.all()} == {
        b'{"fatal": 0}',
        b'{"fatal": 1}',
    }


def test_a_message_that_was_put_aside_is_stored_when_people_ask_after_the_fix(
    link: MqttConnection, parser: Flaky
) -> None:
    send(link, range(1))
    pipeline.store(
        batch(*numbered(link, range(1, 2)), dead_letter_reason="killed the process"), NOW
    )
    assert schedule.replay(DeadLetter.objects.values_list("id", flat=True)) == 1
    assert books(link) == {"stored": 1, "kept": 1}
    attend(NOW + 10)
    assert books(link) == {"stored": 2}
    assert values() == [0, 1]


def test_a_parser_that_kills_its_process_does_not_pass_a_trial(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    pipeline.store(
        batch(*(message(link, "hall/a", {"fatal": number}) for number in range(250))), NOW
    )
    parser.broken = False
    attend(NOW + 10)
    assert ParserHealth.objects.get().is_paused
    assert books(link) == {"kept": 250}


def test_people_may_ask_for_another_try_and_get_an_answer(
    link: MqttConnection, parser: Flaky
) -> None:
    parser.broken = True
    send(link, range(250))
    ids = list(DeadLetter.objects.values_list("id", flat=True))
    assert schedule.replay(ids) == 250
    attend(NOW + 10)
    assert books(link) == {"failed": 250}


def test_a_batch_without_a_failure_costs_no_statement_more(
    link: MqttConnection, parser: Flaky, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    send(link, range(10))
    with django_assert_num_queries(11):
        send(link, range(10, 20))
