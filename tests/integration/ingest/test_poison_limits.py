"""Where care ends: faults of the installation, refusals in masses, what care costs, and replays of
dead letters.
"""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from msgspec.structs import replace

from mqtt_app.domain.delivery.messages import Batch
from mqtt_app.models import (
    BatchReceipt,
    DeadLetter,
    DeadLetterReason,
    DiscoveredTopic,
    MqttConnection,
    MqttParsingLog,
    Reading,
    SiteBooks,
)
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.dead_letters import rows
from mqtt_app.services.ingest import pipeline, transaction
from mqtt_app.services.ingest.careful import isolate
from mqtt_app.services.ingest.memory import PROCESS
from mqtt_app.services.ingest.readings.latest import keep_latest
from mqtt_app.services.postgres.columns import CopyRow
from mqtt_app.services.replay import schedule
from tests.integration.ingest.flaky import attend
from tests.integration.ingest.poison import (
    POISON,
    TEXT,
    TOPIC,
    assert_only_the_poison_was_put_aside,
    good,
    refusing,
    with_poison,
)
from tests.integration.ingest.test_store import NOW, batch, books, message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    PROCESS.forget()
    yield
    PROCESS.forget()


def test_a_batch_of_which_everything_meets_an_unknown_fault_is_kept_for_later(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    """It is the installation that is broken then, as with a migration that was forgotten, and no
    message's fault.
    """
    everything = batch(*good(link), *good(healthy))
    refusal = ("mqtt_discoveredtopic", "INSERT", "true")
    with refusing(refusal, code="42P01"), pytest.raises(DatabaseError, match="trigger"):
        pipeline.store(everything, NOW)
    assert DeadLetter.objects.count() == BatchReceipt.objects.count() == 0


def test_a_single_message_that_meets_an_unknown_fault_again_and_again_is_put_aside(
    link: MqttConnection,
) -> None:
    def tried(times: int) -> Batch:
        return batch(message(link, POISON, {"v": 1}), tries=times)

    with refusing(("mqtt_discoveredtopic", "INSERT", TOPIC), code="XX000"):
        for times in range(3):
            with pytest.raises(DatabaseError, match="trigger"):
                pipeline.store(tried(times), NOW)
        pipeline.store(tried(3), NOW)
    assert books(link) == {"quarantined": 1}


@pytest.mark.parametrize("code", ["57P01", "53100", "08006", "25006", "55P03"])
def test_a_database_that_takes_nothing_is_no_message_fault(
    link: MqttConnection, healthy: MqttConnection, code: str
) -> None:
    with (
        refusing(("mqtt_discoveredtopic", "INSERT", TOPIC), code=code),
        pytest.raises(DatabaseError, match="trigger"),
    ):
        pipeline.store(with_poison(link, healthy, POISON, {"v": 1}), NOW)
    assert (
        DeadLetter.objects.count() == BatchReceipt.objects.count() == Reading.objects.count() == 0
    )


def test_a_site_whose_messages_are_refused_in_masses_is_postponed_and_its_neighbours_are_stored(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    many = [message(link, f"hall/poison/{number}", {"v": number}) for number in range(300)]
    condition = "NEW.topic LIKE 'hall/poison/%'"
    with refusing(("mqtt_discoveredtopic", "INSERT", condition)):
        outcome = pipeline.store(batch(*good(healthy), *many, *good(healthy)), NOW)
        assert outcome.postponed == outcome.refused == frozenset({link.pk})
        assert books(healthy) == {"stored": 6}
        assert not DeadLetter.objects.exists()
        pipeline.store(batch(*many[: isolate.SMALL]), NOW)
    assert books(link) == {"quarantined": isolate.SMALL}


def test_finding_one_of_two_thousand_costs_a_logarithm(
    link: MqttConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    original = pipeline._store_messages

    def counting(part: Any, messages: list[Any], *arguments: Any, **named: Any) -> Any:
        tried.append(len(messages))
        return original(part, messages, *arguments, **named)

    monkeypatch.setattr(pipeline, "_store_messages", counting)
    messages = [message(link, "hall/a", {"v": number}) for number in range(2_000)]
    messages[1_234] = message(link, POISON, {"v": 1})
    with refusing(("mqtt_discoveredtopic", "INSERT", TOPIC)):
        pipeline.store(batch(*messages), NOW)
    assert books(link) == {"stored": 1_999, "quarantined": 1}
    assert len(tried) <= 2 + 2 * 11


def test_a_healthy_batch_costs_no_statement_for_it(link: MqttConnection) -> None:
    pipeline.store(batch(*good(link)), NOW)
    with CaptureQueriesContext(connection) as queries:
        pipeline.store(batch(*good(link)), NOW)
    assert len(queries) <= 15
    assert not any("SAVEPOINT" in query["sql"] for query in queries.captured_queries[1:-1])


def test_what_is_counted_by_the_minute_is_counted_once_for_parts_that_were_undone(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    bad = [message(link, "hall/bad", b"{") for _ in range(10)]
    with refusing(("mqtt_discoveredtopic", "INSERT", TOPIC)):
        pipeline.store(batch(*bad, message(link, POISON, {"v": 1}), *good(healthy)), NOW)
    assert MqttParsingLog.objects.filter(topic="hall/bad").count() == 10
    assert books(link) == {"failed": 10, "quarantined": 1}


def test_a_database_link_that_breaks_in_the_careful_attempt_ends_it(
    link: MqttConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise OperationalError(
            "the server closed the connection unexpectedly"
        ) from psycopg.OperationalError()

    monkeypatch.setattr(pipeline, "copy", breaks)
    with pytest.raises(OperationalError):
        pipeline.store(batch(*good(link)), NOW)


def test_topics_exist_for_all_but_the_poison(link: MqttConnection, healthy: MqttConnection) -> None:
    with refusing(("mqtt_latestreading", "INSERT", TEXT)):
        pipeline.store(with_poison(link, healthy, POISON, {"v": "poison"}), NOW)
    assert set(DiscoveredTopic.objects.filter(connection=link).values_list("topic", flat=True)) == {
        "hall/0",
        "hall/1",
        "hall/2",
    }


def test_an_integrity_error_is_not_left_to_the_commit(
    link: MqttConnection, healthy: MqttConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Foreign keys are checked at the end of a transaction; in a careful one within the part that
    breaks them.
    """
    original = keep_latest

    def to_nobody(rows: list[CopyRow]) -> Any:
        return original(
            [replace(row, device_id=10**15) if row.value == "poison" else row for row in rows]
        )

    monkeypatch.setattr(pipeline, "keep_latest", to_nobody)
    monkeypatch.setattr(transaction, "_attempt", checked(transaction._attempt))
    outcome = pipeline.store(with_poison(link, healthy, POISON, {"v": "poison"}), NOW)
    assert_only_the_poison_was_put_aside(link, healthy, outcome)


def checked(attempt: Callable[..., Any]) -> Callable[..., Any]:
    """The test's own transaction never commits, so the check of a commit is made here."""

    def run(work: Callable[..., Any], attempted: Any) -> Any:
        def work_and_check(attempted: Any) -> Any:
            done = work(attempted)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            return done

        return attempt(work_and_check, attempted)

    return run


def test_a_dead_letter_that_is_parsed_again_is_stored_once_nothing_refuses_it(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    with refusing(("mqtt_reading", "INSERT", TEXT)):
        pipeline.store(with_poison(link, healthy, POISON, {"v": "poison"}), NOW)
    schedule.replay([DeadLetter.objects.get().pk])
    attend()
    assert books(link) == {"stored": 7}


def test_one_that_is_refused_again_fails_alone_and_holds_up_no_other_replay(
    link: MqttConnection, healthy: MqttConnection
) -> None:
    with refusing(("mqtt_reading", "INSERT", TEXT)):
        pipeline.store(with_poison(link, healthy, POISON, {"v": "poison"}), NOW)
        again = [message(healthy, "hall/again", {"v": 1})]
        rows.insert_unparsed(
            again, DeadLetterReason.REFUSED, "by hand", timezone.now(), AccountingTally()
        )
        SiteBooks.objects.filter(site=healthy.site).update(
            quarantined=1, received=F("received") + 1
        )
        ids = list(DeadLetter.objects.values_list("pk", flat=True))
        schedule.replay(ids)
        attend()
    assert books(healthy) == {"stored": 7}
    assert books(link) == {"stored": 6, "failed": 1}
