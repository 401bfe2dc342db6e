"""services.ingest on a real PostgreSQL: what a batch leaves behind."""

import json
import uuid
from typing import Any

import msgspec
import pytest
from pytest_django import DjangoAssertNumQueries

from mqtt_app.conf import config
from mqtt_app.coordination.acks import BatchReport
from mqtt_app.domain.accounting import TERMS
from mqtt_app.domain.delivery.messages import Batch, Drop, Envelope
from mqtt_app.models import (
    BatchReceipt,
    DeadLetter,
    Device,
    DiscoveredTopic,
    MqttConnection,
    MqttParsingLog,
    Reading,
    Site,
    SiteBooks,
)
from mqtt_app.selectors.receipts import find_receipts
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.admission.redeliveries import LOOK_BACK
from tests.narrowing import present

pytestmark = pytest.mark.django_db

NOW = 1_790_000_000.0


def message(link: MqttConnection, topic: str, payload: Any, **changes: Any) -> Envelope:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    values: dict[str, Any] = {
        "connection_id": link.pk,
        "site_id": link.site_id,
        "generation": 3,
        "epoch": 1,
        "packet_id": 0,
        "topic": topic,
        "payload": body,
        "qos": 1,
        "retain": False,
        "dup": False,
        "received_at": NOW,
    }
    return Envelope(**values | changes)


def batch(*messages: Envelope, **changes: Any) -> Batch:
    numbered = tuple(
        one if one.packet_id else msgspec.structs.replace(one, packet_id=n)
        for n, one in enumerate(messages, 1)
    )
    return Batch(uuid.uuid4().hex, "mqtt-1", "abc", numbered, **changes)


def books(link: MqttConnection) -> dict[str, int]:
    row = SiteBooks.objects.get(site=link.site_id)
    terms: dict[str, int] = {str(term): getattr(row, term) for term in TERMS}
    found: dict[str, int] = {term: n for term, n in terms.items() if n} | row.dropped
    assert row.received == sum(found.values()), "the books do not close"
    return found


def values() -> list[float | bool | str | None]:
    return [row.shown for row in Reading.objects.order_by("id")]


def test_messages_leave_topics_devices_readings_and_closed_books(link: MqttConnection) -> None:
    pipeline.store(batch(message(link, "hall/a", {"t": 1.5}), message(link, "hall/b", b"on")), NOW)
    assert values() == [1.5, True]
    assert list(
        DiscoveredTopic.objects.order_by("topic").values_list(
            "topic", "is_processable", "message_count"
        )
    ) == [
        ("hall/a", True, 1),
        ("hall/b", True, 1),
    ]
    assert set(Device.objects.values_list("status", flat=True)) == {"online"}
    assert books(link) == {"stored": 2}


def test_a_repeated_batch_stores_nothing_and_is_reported_as_repeated(link: MqttConnection) -> None:
    twice = batch(message(link, "hall/a", {"v": 1}))
    assert not pipeline.store(twice, NOW).repeated
    assert pipeline.store(twice, NOW).repeated
    assert values() == [1]
    assert books(link) == {"stored": 1}
    assert find_receipts([twice.id]) == {BatchReport(twice.id)}


def parts_of(whole: Batch) -> list[Batch]:
    """As the owner cuts a batch of which there is no news."""
    middle = len(whole.messages) // 2
    halves = (whole.messages[:middle], whole.messages[middle:])
    return [
        Batch(uuid.uuid4().hex, "mqtt-1", "abc", half, instead_of=(whole.id,)) for half in halves
    ]


def test_a_batch_that_was_only_late_is_not_stored_after_its_parts(link: MqttConnection) -> None:
    whole = batch(*(message(link, "hall/a", {"v": number}) for number in range(4)))
    first, second = parts_of(whole)
    pipeline.store(first, NOW)
    assert pipeline.store(whole, NOW).repeated
    pipeline.store(second, NOW)
    assert values() == [0, 1, 2, 3]
    assert books(link) == {"stored": 4}


def test_the_parts_of_a_batch_that_was_stored_after_all_are_not_stored(
    link: MqttConnection,
) -> None:
    whole = batch(*(message(link, "hall/a", {"v": number}) for number in range(4)))
    first, second = parts_of(whole)
    pipeline.store(whole, NOW)
    smaller = parts_of(first)
    chained = [
        Batch(one.id, "mqtt-1", "abc", one.messages, instead_of=(whole.id, first.id))
        for one in smaller
    ]
    assert all(pipeline.store(one, NOW).repeated for one in [second, *chained])
    assert find_receipts([second.id]) == {BatchReport(second.id)}
    assert books(link) == {"stored": 4}


def test_a_redelivery_is_a_duplicate_and_an_equal_message_is_not(link: MqttConnection) -> None:
    pipeline.store(batch(message(link, "hall/a", {"v": 1}, packet_id=7)), NOW)
    pipeline.store(batch(message(link, "hall/a", {"v": 1}, packet_id=7, dup=True, epoch=2)), NOW)
    pipeline.store(batch(message(link, "hall/a", {"v": 1}, packet_id=8)), NOW)
    assert values() == [1, 1]
    assert books(link) == {"stored": 2, "duplicate": 1}


def test_a_redelivery_that_was_never_stored_is_stored(link: MqttConnection) -> None:
    pipeline.store(batch(message(link, "hall/a", {"v": 1}, packet_id=7)), NOW)
    pipeline.store(batch(message(link, "hall/a", {"v": 2}, packet_id=7, dup=True)), NOW)
    assert values() == [1, 2]


def test_a_redelivery_is_known_though_hundreds_were_stored_since(link: MqttConnection) -> None:
    """Its acknowledgement was held up, and each of the others came in a batch of its own."""
    for number in range(LOOK_BACK + 50):
        pipeline.store(batch(message(link, "hall/a", {"v": number}, packet_id=number + 1)), NOW)
    pipeline.store(batch(message(link, "hall/a", {"v": 0}, packet_id=1, dup=True, epoch=2)), NOW)
    assert books(link) == {"stored": LOOK_BACK + 50, "duplicate": 1}


def test_an_identifier_that_has_come_round_again_makes_no_duplicate_of_an_equal_message(
    link: MqttConnection,
) -> None:
    """Its first delivery was lost with the link, so it comes as a redelivery; what it equals was
    stored long ago.
    """
    many = 2 * config().receive_maximum
    pipeline.store(
        batch(
            *(message(link, "hall/a", {"v": 1}, packet_id=number) for number in range(1, many + 2))
        ),
        NOW,
    )
    pipeline.store(batch(message(link, "hall/a", {"v": 1}, packet_id=1, dup=True, epoch=2)), NOW)
    pipeline.store(batch(message(link, "hall/a", {"v": 1}, packet_id=3, dup=True, epoch=2)), NOW)
    assert books(link) == {"stored": many + 2, "duplicate": 1}


def test_qos_1_messages_of_a_past_owner_are_left_to_the_new_one_and_named(
    link: MqttConnection,
) -> None:
    past = {"generation": 2}
    late = batch(
        message(link, "hall/a", {"v": 1}, **past), message(link, "hall/a", {"v": 2}, **past, qos=0)
    )
    outcome = pipeline.store(late, NOW)
    assert outcome.skipped == {link.pk}
    assert values() == [2]
    assert find_receipts([late.id]) == {BatchReport(late.id, skipped=frozenset({link.pk}))}


def test_messages_that_were_acknowledged_early_are_stored_whoever_owns_them_now(
    link: MqttConnection,
) -> None:
    past = {"generation": 2, "early": True}
    outcome = pipeline.store(
        batch(message(link, "hall/a", {"v": 1}, **past), message(link, "hall/a", {"v": 2})), NOW
    )
    assert outcome.skipped == frozenset()
    assert values() == [1, 2]


def test_an_early_acknowledgement_that_was_lost_doubles_nothing(link: MqttConnection) -> None:
    again = message(link, "hall/a", {"v": 1}, dup=True, packet_id=7)
    pipeline.store(batch(again), NOW)
    pipeline.store(
        batch(message(link, "hall/a", {"v": 1}, packet_id=7, generation=2, early=True)), NOW
    )
    assert values() == [1]
    assert books(link) == {"stored": 1, "duplicate": 1}


def test_either_flag_off_means_counted_and_not_stored(link: MqttConnection) -> None:
    pipeline.store(
        batch(message(link, "hall/a", {"v": 1}), message(link, "odd", b"\xff\xfe\x00")), NOW
    )
    DiscoveredTopic.objects.filter(topic="hall/a").update(is_active=False)
    pipeline.store(
        batch(message(link, "hall/a", {"v": 2}), message(link, "odd", b"\xff\xfe\x00")), NOW
    )
    assert values() == [1]
    assert books(link) == {"stored": 1, "inactive": 1, "unprocessable": 2}


def test_new_topics_wait_when_the_site_says_so(link: MqttConnection) -> None:
    Site.objects.update(new_topics_active=False)
    pipeline.store(batch(message(link, "hall/a", {"v": 1})), NOW)
    topic = DiscoveredTopic.objects.get()
    assert (topic.is_active, topic.is_processable) == (False, True)
    assert books(link) == {"inactive": 1}


def test_an_unknown_topic_becomes_processable_when_a_later_message_shows_what_it_is(
    link: MqttConnection,
) -> None:
    pipeline.store(batch(message(link, "hall/a", b"\xff\xfe\x00")), NOW)
    assert not DiscoveredTopic.objects.get().is_processable
    pipeline.store(batch(message(link, "hall/a", {"v": 1})), NOW)
    assert DiscoveredTopic.objects.get().is_processable
    assert values() == [1]


def test_a_bad_payload_fails_alone_with_a_row_that_shows_it(link: MqttConnection) -> None:
    pipeline.store(batch(message(link, "hall/a", {"v": 1}), message(link, "hall/a", b'{"v": "\\u0000'), message(link, "hall/a", {"v": 2})), NOW)  # fmt: skip  # noqa: E501
    assert values() == [1, 2]
    row = MqttParsingLog.objects.get()
    assert row.topic == "hall/a"
    assert row.payload_sample == '{"v": "\\u0000'
    assert books(link) == {"stored": 2, "failed": 1}


def test_a_flood_of_failures_is_counted_whole_and_logged_in_part(link: MqttConnection) -> None:
    pipeline.store(batch(*(message(link, "hall/flood", b"{") for _ in range(100))), NOW)
    assert MqttParsingLog.objects.count() == 20
    last = present(MqttParsingLog.objects.order_by("id").last())
    assert "counted, not logged" in last.error_message
    assert books(link) == {"failed": 100}


def test_a_quota_of_topics_drops_by_name_and_makes_no_rows(link: MqttConnection) -> None:
    Site.objects.update(max_topics=1)
    pipeline.store(batch(message(link, "a", {"v": 1}), message(link, "b", {"v": 2})), NOW)
    assert DiscoveredTopic.objects.count() == 1
    assert books(link) == {"stored": 1, "topic_quota": 1}


def test_a_quota_of_devices_drops_by_name_and_makes_no_rows(link: MqttConnection) -> None:
    Site.objects.update(max_devices=1)
    pipeline.store(batch(message(link, "a", {"v": 1}), message(link, "b", {"v": 2})), NOW)
    assert Device.objects.count() == 1
    assert books(link) == {"stored": 1, "device_quota": 1}


def test_drops_of_the_worker_reach_the_books(link: MqttConnection) -> None:
    pipeline.store(batch(drops=(Drop(link.site_id, "topic_not_utf8", 3),)), NOW)
    pipeline.store(batch(drops=(Drop(link.site_id, "topic_not_utf8", 2),)), NOW)
    assert books(link) == {"topic_not_utf8": 5}


def test_a_quarantined_message_is_kept_as_it_came(link: MqttConnection) -> None:
    pipeline.store(
        batch(
            message(link, "hall/a", b"\x00poison"), dead_letter_reason="not stored after 3 tries"
        ),
        NOW,
    )
    assert bytes(DeadLetter.objects.get().payload) == b"\x00poison"
    assert books(link) == {"quarantined": 1}


def test_messages_of_a_deleted_connection_vanish_and_the_batch_is_settled(
    link: MqttConnection,
) -> None:
    gone = message(link, "hall/a", {"v": 1})
    link.delete()
    pipeline.store(batch(gone), NOW)
    assert BatchReceipt.objects.count() == 1
    assert values() == []


def test_the_number_of_queries_does_not_grow_with_the_messages(
    link: MqttConnection, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for size in (2, 200):
        with django_assert_max_num_queries(28):
            pipeline.store(batch(*(message(link, f"hall/{n}", {"v": n}) for n in range(size))), NOW)
