"""Take, let go, and the writes of an owner: whoever is not the owner of this generation changes
nothing.
"""

import threading

import pytest
from cryptography.fernet import Fernet
from django.db import connection as database
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from mqtt_app.domain.link.connection_config import Filter, SubackResults
from mqtt_app.domain.ownership.claims import LinkKey
from mqtt_app.models import MqttConnection, MqttTopic
from mqtt_app.models.fields import _cipher
from mqtt_app.models.locks import TAKE_LOCK_CLASS, take_lock_key
from mqtt_app.services import ownership
from mqtt_app.services.ownership import claims
from tests.integration.ownership.fleet import ago, connection, fresh, let_go, owned, say, take
from tests.narrowing import present

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_that_take_at_once_one_wins() -> None:
    row = connection(assigned_instance="mqtt-1", assigned_at=timezone.now())
    start, found = threading.Barrier(2), []

    def run() -> None:
        start.wait()
        found.append(ownership.claim(row.pk, "mqtt-1", 0))
        database.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [one is None for one in found].count(False) == 1
    assert fresh(row).generation == 1


def test_only_the_assigned_instance_may_take() -> None:
    row = connection(assigned_instance="mqtt-1")
    assert take(row, "mqtt-2") is None
    assert fresh(row).owner == ""


def test_what_is_not_wanted_is_not_taken() -> None:
    assert take(connection(is_active=False, assigned_instance="mqtt-1"), "mqtt-1") is None


def test_an_instance_that_restarted_takes_its_own_again_at_once() -> None:
    row = owned("mqtt-1")
    assert present(take(row, "mqtt-1")).generation == 2


def test_an_owner_that_is_stuck_in_its_drain_is_replaced_after_a_while() -> None:
    row = owned("mqtt-1")
    MqttConnection.objects.update(assigned_instance="mqtt-2", assigned_at=ago(14))
    assert take(row, "mqtt-2") is None
    MqttConnection.objects.update(assigned_at=ago(16))
    assert present(take(row, "mqtt-2")).generation == 2


def test_the_owner_is_told_all_it_needs_and_its_repr_hides_the_secrets() -> None:
    row = connection(
        assigned_instance="mqtt-1", username="u", password="s3cret", tls_client_key="KEY"
    )
    MqttTopic.objects.create(connection=row, filter="a/#", qos=1)
    MqttTopic.objects.create(connection=row, filter="b", qos=0, is_active=False)
    found = take(row, "mqtt-1")
    assert (
        present(found).host,
        present(found).port,
        present(found).password,
        present(found).tls_client_key,
    ) == (
        "broker.example",
        1883,
        "s3cret",
        "KEY",
    )
    assert present(found).filters == (Filter("a/#", 1),)
    assert present(found).client_id == f"sitewire-{row.pk}"
    assert "s3cret" not in repr(found)
    assert "KEY" not in repr(found)


def test_a_take_waits_for_the_batches_of_the_former_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "LOCK_TIMEOUT", "200ms")
    row = connection(assigned_instance="mqtt-1")
    held, leave = threading.Event(), threading.Event()

    def batch() -> None:
        with transaction.atomic(), database.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock_shared(%s::int, %s::int)",
                [TAKE_LOCK_CLASS, take_lock_key(row.pk)],
            )
            held.set()
            leave.wait(10)
        database.close()

    thread = threading.Thread(target=batch)
    thread.start()
    held.wait(10)
    assert take(row, "mqtt-1") is None
    leave.set()
    thread.join(10)
    assert take(row, "mqtt-1") is not None


def test_secrets_that_no_key_decrypts_are_an_error_of_the_connection(settings: Settings) -> None:
    row = connection(assigned_instance="mqtt-1", password="s3cret")
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    _cipher.cache_clear()
    try:
        assert ownership.claim(row.pk, "mqtt-1", 0) is None
    finally:
        _cipher.cache_clear()
    said = MqttConnection.objects.filter(pk=row.pk).values_list("status", "error_class", "owner")
    assert list(said) == [("error", "configuration", "")]


def test_a_stale_generation_changes_nothing() -> None:
    row = owned("mqtt-1", error_message="before")
    MqttConnection.objects.update(generation=2, owner="mqtt-2")
    before = MqttConnection.objects.values().get(pk=row.pk)
    assert say(row, 1, status="error", error_message="late").lost == {(row.pk, 1)}
    assert not ownership.record_suback_results({LinkKey(row.pk, 1): SubackResults({"#": 1})})
    assert not let_go(row, "mqtt-1", 1)
    assert not let_go(row, "mqtt-1", 2)
    assert MqttConnection.objects.values().get(pk=row.pk) == before


def test_nobody_writes_a_status_after_letting_go() -> None:
    row = owned("mqtt-1")
    assert let_go(row, "mqtt-1", 1)
    assert say(row, 1, status="connected").lost
    assert fresh(row).status == "disconnected"


def test_a_stop_forgets_the_error_and_a_handover_keeps_it() -> None:
    stopped = owned("mqtt-1", error_class="network", error_message="refused", retry_count=4)
    moving = owned("mqtt-1", error_class="network", error_message="refused", retry_count=4)
    MqttConnection.objects.filter(pk=stopped.pk).update(is_active=False)
    for row in (stopped, moving):
        assert let_go(row, "mqtt-1", 1)
    assert (fresh(stopped).error_message, fresh(stopped).retry_count) == ("", 0)
    assert (fresh(moving).error_message, fresh(moving).retry_count) == ("refused", 4)


def test_since_moves_only_when_the_status_does() -> None:
    row = owned("mqtt-1", status_since=ago(100))
    assert not say(row, 1, status="connected", negotiated_version="5").lost
    assert fresh(row).status_since < ago(99)
    assert not say(row, 1, status="error", error_message="a\0b\ud800", retry_count=1).lost
    assert fresh(row).status_since > ago(10)
    assert (fresh(row).error_message, fresh(row).negotiated_version) == ("a␀b?", "5")


def test_each_filter_gets_the_brokers_answer() -> None:
    row = owned("mqtt-1")
    for name in ("a", "b"):
        MqttTopic.objects.create(connection=row, filter=name)
    assert (
        ownership.record_suback_results({LinkKey(row.pk, 1): SubackResults({"a": 1, "b": 0x87})})
        == 2
    )
    found = {topic.filter: (topic.granted_qos, topic.refusal) for topic in row.topics.all()}
    assert found["a"] == (1, "")
    assert found["b"][0] == 0x87
    assert "not authorized" in found["b"][1]


def test_my_rows_are_those_assigned_to_me_and_those_i_still_own(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    mine, leaving = connection(assigned_instance="mqtt-1"), owned("mqtt-1")
    connection(assigned_instance="mqtt-2")
    MqttConnection.objects.filter(pk=leaving.pk).update(assigned_instance="mqtt-2")
    with django_assert_num_queries(1):
        rows = ownership.rows_of("mqtt-1")
    assert [(row.id, row.owner, row.wanted) for row in rows] == [
        (mine.pk, "", True),
        (leaving.pk, "mqtt-1", True),
    ]
