"""services.upkeep and services.partitions on a real PostgreSQL."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from mqtt_app.models import BatchReceipt, Device, MqttConnection, MqttConnectionLog, Reading, Site
from mqtt_app.models.locks import UPKEEP_LOCK
from mqtt_app.services.upkeep import partitions, pruning

pytestmark = pytest.mark.django_db

NOW = datetime(2031, 5, 17, 12, tzinfo=UTC)  # a year for which the migration made no months


@pytest.fixture
def device() -> Device:
    site = Site.objects.create(name="Lab", retention_days=400)
    return Device.objects.create(site=site, identifier="dev-1")


@pytest.fixture
def other_session() -> Iterator[psycopg.Connection]:
    values = connection.settings_dict
    place = {
        "host": values["HOST"],
        "port": values["PORT"],
        "user": values["USER"],
        "password": values["PASSWORD"],
    }
    with psycopg.connect(dbname=values["NAME"], **{k: v for k, v in place.items() if v}) as session:
        yield session
        session.rollback()


def store(device: Device, time: datetime, received_at: datetime | None = None) -> None:
    Reading.objects.create(
        device=device, metric="t", value=1.0, time=time, received_at=received_at or time
    )


def test_months_from_the_last_one_to_three_ahead_are_made_once() -> None:
    assert partitions.ensure(NOW) == [f"mqtt_reading_2031{month:02}" for month in range(4, 9)]
    assert partitions.ensure(NOW) == []


def test_a_month_across_new_year_has_the_right_name_and_bounds(device: Device) -> None:
    partitions.ensure(datetime(2031, 12, 31, 23, 59, tzinfo=UTC))
    store(device, datetime(2032, 1, 1, tzinfo=UTC))
    assert _leaf_of(device) == ["mqtt_reading_203201"]


def test_rows_of_a_missing_month_wait_in_the_default_partition_and_move_when_it_is_made(
    device: Device,
) -> None:
    store(device, NOW)
    assert _leaf_of(device) == ["mqtt_reading_default"]
    partitions.ensure(NOW)
    assert _leaf_of(device) == ["mqtt_reading_203105"]


def test_a_new_month_has_the_indexes_of_the_table() -> None:
    partitions.ensure(NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'mqtt_reading_203105'")
        found = sorted(row[0].partition(" USING ")[2] for row in cursor.fetchall())
    assert [definition.partition(")")[0] for definition in found] == [
        "brin (id",
        'btree (device_id, "time" DESC',
    ]


def test_a_table_that_is_in_use_is_left_for_the_next_run(other_session: psycopg.Connection) -> None:
    other_session.execute("SELECT count(*) FROM mqtt_reading_default")
    assert partitions.ensure(NOW) == []
    other_session.rollback()
    assert len(partitions.ensure(NOW)) == 5


def test_a_month_is_dropped_when_the_longest_retention_has_passed_its_end(device: Device) -> None:
    partitions.ensure(NOW)
    store(device, NOW)
    report = pruning.run(datetime(2031, 6, 1, tzinfo=UTC) + timedelta(days=399))
    assert "mqtt_reading_203105" not in report.partitions_dropped
    report = pruning.run(datetime(2031, 6, 1, tzinfo=UTC) + timedelta(days=400))
    assert "mqtt_reading_203105" in report.partitions_dropped
    assert not Reading.objects.exists()


def test_a_site_that_keeps_less_loses_its_rows_one_by_one(device: Device) -> None:
    short = Device.objects.create(
        site=Site.objects.create(name="Short", retention_days=10), identifier="dev-2"
    )
    for each in (device, short):
        store(each, NOW - timedelta(days=11))
        store(each, NOW - timedelta(days=9))
    pruning.run(NOW)
    assert (
        Reading.objects.filter(device=device).count(),
        Reading.objects.filter(device=short).count(),
    ) == (2, 1)


def test_an_impossible_device_time_is_kept_as_long_as_its_receipt_says(device: Device) -> None:
    for year in (1970, 2262):
        store(device, datetime(year, 1, 1, tzinfo=UTC), received_at=NOW)
    pruning.run(NOW + timedelta(days=399))
    assert Reading.objects.count() == 2
    pruning.run(NOW + timedelta(days=401))
    assert not Reading.objects.exists()


def test_more_rows_than_one_chunk_all_go(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "CHUNK", 3)
    for minute in range(7):
        store(device, NOW - timedelta(days=401, minutes=minute))
    assert pruning.run(NOW).rows == 7


def test_logs_and_receipts_past_their_time_are_forgotten_and_younger_ones_kept(
    device: Device,
) -> None:
    link = MqttConnection.objects.create(site=device.site, broker_host="broker.example")
    for age in (29, 31):
        row = MqttConnectionLog.objects.create(connection=link, level="INFO", message=f"{age} days")
        MqttConnectionLog.objects.filter(pk=row.pk).update(timestamp=NOW - timedelta(days=age))
    for age in (6, 8):
        BatchReceipt.objects.create(
            id=uuid.uuid4(), instance=f"{age}", messages=1, created_at=NOW - timedelta(days=age)
        )
    pruning.run(NOW)
    assert [row.message for row in MqttConnectionLog.objects.all()] == ["29 days"]
    assert [row.instance for row in BatchReceipt.objects.all()] == ["6"]


def test_a_second_upkeep_at_the_same_time_does_nothing(other_session: psycopg.Connection) -> None:
    other_session.execute("SELECT pg_advisory_lock(%s::bigint)", [UPKEEP_LOCK])
    assert pruning.run(NOW).busy
    other_session.execute("SELECT pg_advisory_unlock(%s::bigint)", [UPKEEP_LOCK])
    assert not pruning.run(NOW).busy


def _leaf_of(device: Device) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text FROM mqtt_reading WHERE device_id = %s", [device.pk]
        )
        return [row[0] for row in cursor.fetchall()]
