"""What is forgotten to the second, what a neighbour keeps, and which months are made and dropped as
tables.
"""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from mqtt_app.models import (
    BatchReceipt,
    Device,
    MqttConnection,
    MqttConnectionLog,
    MqttParsingLog,
    Reading,
    Site,
)
from mqtt_app.services.upkeep import partitions, pruning

pytestmark = pytest.mark.django_db

NOW = datetime(2031, 5, 17, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def device(name: str, **site: int) -> Device:
    return Device.objects.create(site=Site.objects.create(name=name, **site), identifier="dev")


def store(row: Device, time: datetime, received_at: None = None) -> None:
    Reading.objects.create(
        device=row, metric="t", value=1.0, time=time, received_at=received_at or time
    )


def left(row: Device) -> int:
    return Reading.objects.filter(device=row).count()


def test_a_dropped_month_is_no_table_any_more_and_the_next_one_stays() -> None:
    device("Lab", retention_days=10)
    partitions.ensure(NOW)
    names = set(partitions.leaves())
    assert (
        partitions.drop_before(datetime(2031, 6, 1, tzinfo=UTC) - SECOND)[-1]
        == "mqtt_reading_203104"
    )
    assert "mqtt_reading_203105" in partitions.leaves()
    assert partitions.drop_before(datetime(2031, 6, 1, tzinfo=UTC)) == ["mqtt_reading_203105"]
    after = set(partitions.leaves())
    assert {"mqtt_reading_203104", "mqtt_reading_203105"} & after == set()
    assert {"mqtt_reading_default", "mqtt_reading_203106"} <= after < names


@pytest.mark.parametrize(
    ("moment", "first", "count"),
    [
        (datetime(2031, 1, 1, tzinfo=UTC), "mqtt_reading_203012", 5),
        (datetime(2031, 12, 31, 23, tzinfo=UTC), "mqtt_reading_203111", 5),
    ],
)
def test_months_around_new_year(moment: datetime, first: str, count: int) -> None:
    made = partitions.ensure(moment)
    assert (made[0], len(made)) == (first, count)
    assert set(made) <= set(partitions.leaves())


def test_rows_of_a_month_move_into_it_and_their_neighbours_do_not() -> None:
    row = device("Lab")
    edges = [datetime(2031, 5, 1, tzinfo=UTC), datetime(2031, 6, 1, tzinfo=UTC)]
    for time in (
        edges[0] - SECOND,
        edges[0],
        edges[1] - SECOND,
        edges[1],
        datetime(2040, 1, 1, tzinfo=UTC),
    ):
        store(row, time)
    partitions.ensure(NOW)
    assert left(row) == 5
    assert Reading.objects.filter(time__gte=edges[0], time__lt=edges[1]).count() == 2


@pytest.mark.parametrize(
    ("month", "by", "found"),
    [
        ("2031-01-01", -1, "2030-12-01"),
        ("2031-12-01", 1, "2032-01-01"),
        ("2031-05-01", 12, "2032-05-01"),
        ("2031-05-01", 0, "2031-05-01"),
        ("2031-11-01", 3, "2032-02-01"),
    ],
)
def test_months_are_counted_across_years(month: str, by: int, found: str) -> None:
    shifted = partitions.shifted(datetime.fromisoformat(month).date(), by)
    assert shifted.isoformat() == found


def test_each_site_keeps_its_readings_for_its_own_time_to_the_second() -> None:
    short, long = device("Short", retention_days=10), device("Long", retention_days=400)
    partitions.ensure(NOW)
    for row in (short, long):
        for age in (timedelta(days=10) + SECOND, timedelta(days=10), timedelta(days=9)):
            store(row, NOW - age)
    assert pruning.run(NOW).rows == 1
    assert (left(short), left(long)) == (2, 3)


def test_logs_receipts_and_deliveries_are_kept_for_their_time_to_the_second() -> None:
    row = device("Lab")
    link = MqttConnection.objects.create(site=row.site, broker_host="broker.example")
    for seconds in (0, 1):
        old = NOW - timedelta(days=30, seconds=seconds)
        log = MqttConnectionLog.objects.create(connection=link, level="INFO", message="m")
        MqttConnectionLog.objects.filter(pk=log.pk).update(timestamp=old)
        parsing = MqttParsingLog.objects.create(
            site=row.site, error_type="PARSE_ERROR", error_message="m"
        )
        MqttParsingLog.objects.filter(pk=parsing.pk).update(timestamp=old)
        created = NOW - timedelta(days=7, seconds=seconds)
        BatchReceipt.objects.create(id=uuid.uuid4(), instance="i", messages=1, created_at=created)
    assert pruning.run(NOW).rows == 3
    assert pruning.run(NOW).rows == 0
    counts = [model.objects.count() for model in (MqttConnectionLog, MqttParsingLog, BatchReceipt)]
    assert counts == [1, 1, 1]


def test_as_many_days_as_no_calendar_has_keep_everything() -> None:
    assert partitions.retention_start(NOW, 10) == NOW - timedelta(days=10)
    assert partitions.retention_start(NOW, 10_000_000) == datetime.min.replace(tzinfo=UTC)


def test_what_a_run_did_is_reported() -> None:
    report = pruning.run(NOW)
    assert (len(report.partitions_made), report.busy, report.rows) == (5, False, 0)
    assert pruning.run(NOW).partitions_made == ()
    assert pruning.UpkeepReport() == pruning.UpkeepReport((), (), 0, False)
