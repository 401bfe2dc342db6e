"""Readings summed up by hour and day on a real PostgreSQL, in transactions of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from mqtt_app.models import Quality, Reading, Rollup, RollupProgress, Site
from mqtt_app.models.locks import ROLLUP_LOCK
from mqtt_app.services import devices
from mqtt_app.services.rollups import roll_up as rolling
from mqtt_app.services.upkeep import pruning
from tests.integration.rollups.helpers import NOON, device, metric, roll_up_all, store, sums

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def other_session() -> Iterator[psycopg.Connection]:
    values = connection.settings_dict
    place = {name: values[name.upper()] for name in ("host", "port", "user", "password")}
    known = {name: value for name, value in place.items() if value}
    with psycopg.connect(dbname=values["NAME"], **known) as session:
        yield session


def test_readings_are_summed_up_by_hour_and_day() -> None:
    lamp = device()
    for seconds, value in ((0, 1.0), (60, 5.0), (120, 3.0), (3_600, 7.0)):
        store(lamp, seconds, value)
    roll_up_all()
    assert sums(lamp) == [(12, 3, 3, 9.0, 1.0, 5.0, 1.0, 3.0), (13, 1, 1, 7.0, 7.0, 7.0, 7.0, 7.0)]
    assert sums(lamp, hours=24) == [(0, 4, 4, 16.0, 1.0, 7.0, 1.0, 7.0)]


def test_each_reading_counts_once_however_often_it_runs() -> None:
    lamp = device()
    store(lamp, 0, 1.0)
    roll_up_all()
    store(lamp, 60, 2.0)
    for _ in range(3):
        roll_up_all()
    assert sums(lamp) == [(12, 2, 2, 3.0, 1.0, 2.0, 1.0, 2.0)]


def test_late_readings_reach_the_hour_to_which_they_belong() -> None:
    lamp = device()
    store(lamp, 1_800, 5.0)
    roll_up_all()
    store(lamp, 60, 9.0)
    store(lamp, 3_500, 1.0)
    roll_up_all()
    assert sums(lamp) == [(12, 3, 3, 15.0, 1.0, 9.0, 9.0, 1.0)]
    assert sums(lamp, hours=24) == [(0, 3, 3, 15.0, 1.0, 9.0, 9.0, 1.0)]


def test_metrics_and_devices_are_kept_apart() -> None:
    lamp = device()
    other = device("dev-2", "Elsewhere")
    store(lamp, 0, 1.0)
    store(lamp, 0, 50.0, name="h")
    store(other, 0, 7.0)
    roll_up_all()
    assert [row[3] for row in sums(lamp)] == [1.0]
    assert [row[3] for row in sums(lamp, name="h")] == [50.0]
    assert [row[3] for row in sums(other)] == [7.0]


def test_booleans_count_as_numbers_and_texts_are_counted() -> None:
    lamp = device()
    for seconds, value in ((0, True), (10, False), (20, True), (30, True)):
        store(lamp, seconds, value, name="on")
    store(lamp, 0, "idle", name="state")
    store(lamp, 10, "busy", name="state")
    roll_up_all()
    assert sums(lamp, name="on") == [(12, 4, 4, 3.0, 0.0, 1.0, 1.0, 1.0)]
    assert sums(lamp, name="state") == [(12, 2, 0, 0.0, None, None, "idle", "busy")]


def test_readings_at_times_that_cannot_be_right_are_left_out_and_retained_ones_are_not() -> None:
    lamp = device()
    store(lamp, 0, 1.0, quality=Quality.IMPLAUSIBLE_TIME)
    store(lamp, 60, 2.0, quality=Quality.RETAINED)
    roll_up_all()
    assert sums(lamp) == [(12, 1, 1, 2.0, 2.0, 2.0, 2.0, 2.0)]


def test_the_largest_numbers_stop_nobody() -> None:
    lamp = device()
    store(lamp, 0, 1.7e308)
    store(lamp, 1, 1.7e308)
    store(lamp, 0, -1.7e308, name="low")
    store(lamp, 0, 4.0, name="neighbour")
    roll_up_all()
    assert sums(lamp)[0][4:6] == (1.7e308, 1.7e308)
    assert sums(lamp, name="low")[0][4:6] == (-1.7e308, -1.7e308)
    assert [row[3] for row in sums(lamp, name="neighbour")] == [4.0]


def test_what_is_being_stored_is_waited_for_and_then_counted() -> None:
    """Its ids are lower than those of what was stored meanwhile."""
    lamp = device()
    metric(lamp)
    with other_session() as session:
        session.execute(
            "INSERT INTO mqtt_reading (device_id, metric, time, received_at, value)"
            " VALUES (%s, 't', %s, %s, 100)",
            [lamp.pk, NOON, NOON],
        )
        store(lamp, 60, 1.0)
        roll_up_all()
        assert sums(lamp) == []
        session.commit()
    roll_up_all()
    assert [row[1:4] for row in sums(lamp)] == [(2, 2, 101.0)]


def test_work_is_done_in_chunks_and_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rolling, "CHUNK", 3)
    monkeypatch.setattr(rolling, "CHUNKS", 2)
    lamp = device()
    for number in range(10):
        store(lamp, number, float(number))
    first_id = Reading.objects.order_by("id").values_list("id", flat=True).first() or 0
    RollupProgress.objects.update_or_create(
        pk=1, defaults={"done_id": first_id - 1, "mark_id": first_id - 1, "looked_at": NOON}
    )
    assert rolling.roll_up(NOON)
    assert [row[1] for row in sums(lamp)] == [6]
    assert not rolling.roll_up(NOON)
    assert [row[1:4] for row in sums(lamp)] == [(10, 10, 45.0)]


def test_two_at_once_do_no_harm() -> None:
    lamp = device()
    store(lamp, 0, 1.0)
    with other_session() as session:
        session.execute("SELECT pg_advisory_lock(%s)", [ROLLUP_LOCK])
        assert not rolling.roll_up(NOON)
        assert sums(lamp) == []
        # A session that is closed lets go of its locks some time later.
        session.execute("SELECT pg_advisory_unlock(%s)", [ROLLUP_LOCK])
    roll_up_all()
    assert [row[1] for row in sums(lamp)] == [1]


def test_a_merged_device_takes_its_sums_along() -> None:
    kept = device()
    site = kept.site
    gone = device("dev-2", "Elsewhere")
    gone.site = site
    gone.save()
    store(kept, 60, 1.0)
    store(gone, 0, 5.0)
    store(gone, 3_600, 6.0)
    store(gone, 0, 9.0, name="only")
    roll_up_all()
    store(gone, 120, 2.0)  # not summed up yet
    devices.merge(gone, kept)
    roll_up_all()
    assert sums(kept) == [
        (12, 3, 3, 8.0, 1.0, 5.0, 5.0, 2.0),
        (13, 1, 1, 6.0, 6.0, 6.0, 6.0, 6.0),
    ]
    assert [row[3] for row in sums(kept, name="only")] == [9.0]
    assert Rollup.objects.filter(hours=24).count() == 2


def test_a_deleted_device_takes_its_sums_with_it_and_nobody_elses() -> None:
    gone = device()
    stays = device("dev-2", "Elsewhere")
    store(gone, 0, 1.0)
    store(stays, 0, 2.0)
    roll_up_all()
    devices.delete_device(gone)
    assert [row.sum for row in Rollup.objects.filter(hours=1)] == [2.0]


def test_sums_outlive_readings_by_day_longer_than_by_hour() -> None:
    lamp = device()
    Site.objects.update(retention_days=10, rollup_days=1_000)
    store(lamp, 0, 1.0)
    roll_up_all()
    pruning.run(NOON + timedelta(days=400))
    assert not Reading.objects.exists()
    assert (len(sums(lamp)), len(sums(lamp, hours=24))) == (1, 1)
    pruning.run(NOON + timedelta(days=740))
    assert (len(sums(lamp)), len(sums(lamp, hours=24))) == (0, 1)
    pruning.run(NOON + timedelta(days=1_002))
    assert sums(lamp, hours=24) == []


def test_a_site_that_keeps_sums_for_less_loses_them_first() -> None:
    short = device()
    long = device("dev-2", "Elsewhere")
    Site.objects.filter(pk=short.site_id).update(rollup_days=20)
    store(short, 0, 1.0)
    store(long, 0, 2.0)
    roll_up_all()
    pruning.run(NOON + timedelta(days=30))
    assert (sums(short), sums(short, hours=24)) == ([], [])
    assert (len(sums(long)), len(sums(long, hours=24))) == (1, 1)


def test_sums_of_a_deleted_site_are_gone_with_the_next_upkeep() -> None:
    lamp = device()
    store(lamp, 0, 1.0)
    roll_up_all()
    Site.objects.all().delete()
    pruning.run(NOON)
    assert not Rollup.objects.exists()


def test_new_readings_are_found_without_reading_the_table() -> None:
    lamp = device()
    store(lamp, 0, 1.0)
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT * FROM mqtt_reading WHERE id > 5 AND id <= 10")
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET enable_seqscan")
    assert "Seq Scan" not in plan
