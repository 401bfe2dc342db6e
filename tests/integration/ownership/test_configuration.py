"""A change of configuration is seen however it is made, and a stale object takes nothing back."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.db import connection as database
from django.utils import timezone

from mqtt_app.domain.link.connection_config import LinkStatus
from mqtt_app.domain.ownership.claims import LinkKey
from mqtt_app.models import CONFIGURATION, MqttConnection, MqttTopic
from mqtt_app.services import ownership
from tests.integration.ownership.fleet import connection, fresh, owned, take

pytestmark = pytest.mark.django_db

CHANGES = {
    "broker_host": "new.example",
    "broker_port": 8883,
    "username": "u",
    "password": "p",
    "use_tls": True,
    "tls_ca_certificate": "ca",
    "tls_client_certificate": "c",
    "tls_client_key": "k",
    "tls_verify": False,
    "protocol_version": "5",
    "client_id": "me",
    "keepalive": 30,
    "ack_mode": "queued",
}
MACHINE = (
    "owner",
    "owned_since",
    "generation",
    "assigned_instance",
    "assigned_at",
    "status",
    "status_since",
    "error_class",
    "error_message",
    "error_at",
    "retry_count",
    "connected_at",
    "negotiated_version",
    "config_version",
    "subscribed_version",
    "obsolete_filters",
)


def by_save(row: MqttConnection, **changes: object) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.save()


def by_named_save(row: MqttConnection, **changes: object) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=list(changes))


def by_update(row: MqttConnection, **changes: object) -> None:
    MqttConnection.objects.filter(pk=row.pk).update(**changes)


def by_bulk_update(row: MqttConnection, **changes: object) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    MqttConnection.objects.bulk_update([row], list(changes))


def by_update_or_create(row: MqttConnection, **changes: object) -> None:
    MqttConnection.objects.update_or_create(pk=row.pk, defaults=changes)


WAYS = (by_save, by_named_save, by_update, by_bulk_update, by_update_or_create)


def version(row: MqttConnection) -> int:
    return fresh(row).config_version


def obsolete(row: MqttConnection) -> list[str]:
    return fresh(row).obsolete_filters


def machine(row: MqttConnection) -> dict[str, object]:
    found = fresh(row)
    return {name: getattr(found, name) for name in MACHINE}


def in_line(row: MqttConnection) -> None:
    """As if the owner had asked for everything."""
    MqttConnection.objects.filter(pk=row.pk).update(
        subscribed_version=version(row), obsolete_filters=[]
    )


def test_the_changes_tried_here_are_all_that_a_link_notices() -> None:
    assert set(CHANGES) == CONFIGURATION


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", sorted(CONFIGURATION))
def test_each_column_that_a_link_notices_raises_the_version_in_whatever_way_it_is_written(
    name: str, way: Callable[..., Any]
) -> None:
    row = owned("mqtt-1")
    before = fresh(row)
    way(row, **{name: CHANGES[name]})
    assert getattr(fresh(row), name) == CHANGES[name]
    assert version(row) == before.config_version + 1
    assert fresh(row).updated_at > before.updated_at


def test_sql_of_somebody_else_is_seen_too() -> None:
    row = owned("mqtt-1")
    with database.cursor() as cursor:
        cursor.execute("UPDATE mqtt_mqttconnection SET broker_port = 2 WHERE id = %s", [row.pk])
    assert version(row) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"broker_queue_limit": 5},
        {"is_active": False},
        {"broker_host": "broker.example"},
        {"status": "error"},
    ],
)
def test_what_concerns_no_link_leaves_the_version(changes: dict[str, Any]) -> None:
    row = owned("mqtt-1")
    by_update(row, **changes)
    assert version(row) == 1


def test_a_switch_by_sql_has_its_time() -> None:
    row = owned("mqtt-1")
    before = fresh(row).updated_at
    by_update(row, is_active=False)
    assert fresh(row).updated_at > before


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({"broker_host": "n.example"}, ""),
        ({"broker_port": 2}, ""),
        ({"protocol_version": "5"}, ""),
        ({"keepalive": 9}, "3.1.1"),
        ({"password": "p"}, "3.1.1"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_what_mqtt_version_a_broker_speaks_is_found_out_anew_at_another_broker_only(
    way: Callable[..., Any], changes: dict[str, int | str], known: str
) -> None:
    row = owned("mqtt-1", negotiated_version="3.1.1")
    way(row, **changes)
    assert fresh(row).negotiated_version == known


# Stale objects


@pytest.mark.parametrize("way", WAYS)
def test_an_object_from_before_the_claim_takes_nothing_back(way: Callable[..., Any]) -> None:
    row = connection(assigned_instance="mqtt-1")
    stale = fresh(row)
    assert take(row, "mqtt-1") is not None
    MqttTopic.objects.create(connection=row, filter="#")
    ownership.record_statuses(
        {LinkKey(row.pk, 1): LinkStatus("connected", retry_count=2, connected_at=timezone.now())}
    )
    before = machine(row)
    way(stale, broker_queue_limit=7)
    assert fresh(row).broker_queue_limit == 7
    assert machine(row) == before


def test_an_object_of_the_same_generation_takes_back_no_status() -> None:
    row = owned("mqtt-1")
    stale = fresh(row)
    ownership.record_statuses({LinkKey(row.pk, 1): LinkStatus("error", "network", "no route", 3)})
    by_save(stale, keepalive=30)
    now = fresh(row)
    assert (now.status, now.error_message, now.retry_count, now.keepalive) == (
        "error",
        "no route",
        3,
        30,
    )


@pytest.mark.parametrize(
    "lower", [{"generation": 0}, {"generation": 3, "owner": "", "status": "disconnected"}]
)
def test_a_generation_never_goes_back_and_neither_does_what_came_with_it(
    lower: dict[str, int | str],
) -> None:
    row = owned("mqtt-1")
    by_update(row, generation=4)
    before = machine(row)
    by_update(row, **lower)
    assert machine(row) == before


def test_a_version_of_the_configuration_never_goes_back() -> None:
    row = owned("mqtt-1")
    by_update(row, config_version=5)
    by_update(row, config_version=4, subscribed_version=0)
    assert version(row) == 5


def test_a_column_of_the_machine_is_written_by_whoever_names_it() -> None:
    row = owned("mqtt-1")
    row.status = "error"
    row.save()
    assert fresh(row).status == "connected"
    row.save(update_fields=["status"])
    assert fresh(row).status == "error"


def test_a_row_is_inserted_whole_and_a_row_that_is_gone_stays_gone() -> None:
    row = owned("mqtt-1", retry_count=3)
    assert (fresh(row).owner, fresh(row).retry_count) == ("mqtt-1", 3)
    stale = fresh(row)
    row.delete()
    with pytest.raises(DatabaseError):
        stale.save()


def test_columns_that_were_not_loaded_are_not_written() -> None:
    row = owned("mqtt-1", password="secret")
    part = MqttConnection.objects.only("broker_port").get(pk=row.pk)
    part.broker_port = 2
    part.save()
    assert (fresh(row).broker_port, fresh(row).password) == (2, "secret")


def test_a_batch_of_statuses_is_no_change_of_configuration() -> None:
    rows = [owned("mqtt-1") for _ in range(3)]
    ownership.record_statuses(
        {LinkKey(row.pk, 1): LinkStatus("error", "network", "no") for row in rows}
    )
    assert {version(row) for row in rows} == {1}
