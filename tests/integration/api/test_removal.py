"""A site that is deleted while others still write about it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection
from django.db.models import QuerySet

from mqtt_app.models import AuditEntry, MqttConnection, MqttConnectionLog, Site
from mqtt_app.services import sites
from tests.integration.api.client import connected_site

pytestmark = pytest.mark.django_db(transaction=True)

LOG = """
INSERT INTO mqtt_mqttconnectionlog (connection_id, timestamp, level, message, exception_type,
    exception_traceback, broker_host)
VALUES (%s, now(), 'INFO', 'late', '', '', '')
"""


@pytest.fixture
def writer() -> Iterator[psycopg.Connection]:
    values = connection.settings_dict
    place = {name: values[name.upper()] for name in ("host", "port", "user", "password")}
    known = {name: value for name, value in place.items() if value}
    with psycopg.connect(dbname=values["NAME"], autocommit=True, **known) as session:
        yield session


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch, writer: psycopg.Connection) -> dict[str, int]:
    """`late["rows"]`: how often another process writes a log row between Django's reading of the log
    and its delete of the connection.
    """
    wanted = {"rows": 0}
    delete = QuerySet._raw_delete

    def disturbed(rows: QuerySet[Any], using: str | None) -> Any:
        done = delete(rows, using)
        if rows.model is MqttConnectionLog and wanted["rows"]:
            wanted["rows"] -= 1
            for row in MqttConnection.objects.all():
                writer.execute(LOG, [row.pk])
        return done

    monkeypatch.setattr(QuerySet, "_raw_delete", disturbed)
    return wanted


def test_rows_that_come_in_between_are_deleted_too(late: dict[str, int]) -> None:
    site = connected_site()
    MqttConnectionLog.objects.create(connection=site.connection, level="INFO", message="early")
    late["rows"] = 3
    sites.delete_site(site)
    assert not Site.objects.exists()
    assert not MqttConnectionLog.objects.exists()
    assert AuditEntry.objects.filter(action="deleted").count() == 1


def test_a_connection_goes_the_same_way(late: dict[str, int]) -> None:
    site = connected_site()
    MqttConnectionLog.objects.create(connection=site.connection, level="INFO", message="early")
    late["rows"] = 1
    sites.delete_connection(site.connection)
    assert not MqttConnection.objects.exists()
    assert Site.objects.exists()


def test_whoever_writes_for_ever_is_an_error_and_nothing_is_half_deleted(
    late: dict[str, int],
) -> None:
    site = connected_site()
    MqttConnectionLog.objects.create(connection=site.connection, level="INFO", message="early")
    late["rows"] = 99
    with pytest.raises(IntegrityError):
        sites.delete_site(site)
    assert Site.objects.exists()
    assert not AuditEntry.objects.filter(action="deleted").exists()
