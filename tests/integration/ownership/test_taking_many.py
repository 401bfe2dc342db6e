"""Taking a fleet in one go is taking each of them."""

import threading

import pytest
from django.db import connection as database
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from mqtt_app.models import MqttConnection, MqttTopic
from mqtt_app.services import ownership
from tests.integration.ownership.fleet import connection, owned

pytestmark = pytest.mark.django_db


def owners() -> list[tuple[str, int]]:
    return list(MqttConnection.objects.order_by("pk").values_list("owner", "generation"))


def test_all_that_are_free_are_taken_with_their_own_filters() -> None:
    rows = [connection(assigned_instance="mqtt-1") for _ in range(3)]
    for number, row in enumerate(rows):
        MqttTopic.objects.create(connection=row, filter=f"hall/{number}/#", qos=1)
    found = ownership.claim_all({row.pk: row.generation for row in rows}, "mqtt-1")
    assert [[one.filter for one in config.filters] for config in found] == [
        ["hall/0/#"],
        ["hall/1/#"],
        ["hall/2/#"],
    ]
    assert owners() == [("mqtt-1", row.generation + 1) for row in rows]


def test_what_is_not_ours_or_has_changed_hands_is_left_out() -> None:
    ours, others = connection(assigned_instance="mqtt-1"), connection(assigned_instance="mqtt-2")
    moved = connection(assigned_instance="mqtt-1", generation=7)
    wanted = {ours.pk: ours.generation, others.pk: others.generation, moved.pk: 6}
    assert [config.id for config in ownership.claim_all(wanted, "mqtt-1")] == [ours.pk]
    assert owners() == [("mqtt-1", ours.generation + 1), ("", others.generation), ("", 7)]


def test_taking_again_with_the_old_generation_gives_nothing() -> None:
    row = connection(assigned_instance="mqtt-1")
    wanted = {row.pk: row.generation}
    assert len(ownership.claim_all(wanted, "mqtt-1")) == 1
    assert ownership.claim_all(wanted, "mqtt-1") == []


def test_one_unreadable_secret_stops_none_of_the_others() -> None:
    good, bad = (
        connection(assigned_instance="mqtt-1"),
        connection(assigned_instance="mqtt-1", password="x"),
    )

    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE mqtt_mqttconnection SET password = 'gAAAAABnotatoken' WHERE id = %s", [bad.pk]
        )
    found = ownership.claim_all({good.pk: good.generation, bad.pk: bad.generation}, "mqtt-1")
    assert [config.id for config in found] == [good.pk]


def test_the_number_of_statements_does_not_grow_with_the_fleet(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    rows = [connection(assigned_instance="mqtt-1") for _ in range(30)]
    with django_assert_max_num_queries(10):
        assert len(ownership.claim_all({row.pk: row.generation for row in rows}, "mqtt-1")) == 30


def test_a_fleet_is_let_go_in_a_few_statements(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    rows = [owned("mqtt-1") for _ in range(30)]
    with django_assert_max_num_queries(6):
        assert ownership.release_all({row.pk: 1 for row in rows}, "mqtt-1") == frozenset()
    assert owners() == [("", 1)] * 30


def test_only_what_is_ours_in_this_generation_is_let_go() -> None:
    mine, others, later = owned("mqtt-1"), owned("mqtt-2"), owned("mqtt-1")
    MqttConnection.objects.filter(pk=later.pk).update(generation=2)
    assert (
        ownership.release_all({row.pk: 1 for row in (mine, others, later)}, "mqtt-1") == frozenset()
    )
    assert owners() == [("", 1), ("mqtt-2", 1), ("mqtt-1", 2)]


@pytest.mark.django_db(transaction=True)
def test_one_that_somebody_else_is_writing_is_named_and_holds_up_no_other() -> None:
    locked, free = owned("mqtt-1"), owned("mqtt-1")
    answers: list[frozenset[int]] = []

    def leave() -> None:
        answers.append(ownership.release_all({locked.pk: 1, free.pk: 1}, "mqtt-1"))
        database.close()

    with transaction.atomic():
        MqttConnection.objects.select_for_update().get(pk=locked.pk)
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join(10)
    assert answers == [frozenset({locked.pk})]
    assert owners() == [("mqtt-1", 1), ("", 1)]
