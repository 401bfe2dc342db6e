"""Months of readings: the last 100 of a device, a day and a year of one metric, summing them up, and
dropping a month while others write.

A device tells two metrics each minute of the last month and of this one.
"""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import requests

from tests.benchmarks import rows
from tests.benchmarks.machine import Machine, machine
from tests.benchmarks.result import Figures, Result, median
from tests.stack import ROOT, Stack

METRICS = 2
MINUTES = 1_440  # of a day
ASKED = 20  # devices in one run
PAGE = 500  # readings on the largest page of the API
RATE = 200  # writes a second beside the drop

DAY = """
INSERT INTO mqtt_reading (device_id, metric, time, received_at, value)
SELECT d, m, t, t + interval '80 ms', 20 + sin(extract(epoch FROM t)::float8 / 7000) + d %% 10
FROM generate_series(%(day)s::timestamptz, %(day)s::timestamptz + interval '1439 minutes', interval '1 minute') t,
     unnest(%(devices)s::bigint[]) d, unnest(ARRAY['temperature', 'humidity']) m
"""
LAST = "SELECT * FROM mqtt_reading WHERE device_id = %s ORDER BY time DESC, id DESC LIMIT 100"
YEAR = """
INSERT INTO mqtt_rollup (metric_id, hours, start, count, numbers, sum, min, max, first_time, first, last_time, last)
SELECT m.id, h.hours, t, 60 * h.hours, 60 * h.hours, 1200 * h.hours, 19, 21, t, 20, t + interval '59 minutes', 20
FROM mqtt_metric m, (VALUES (1), (24)) h(hours),
    generate_series(current_date - interval '365 days', current_date, make_interval(hours => h.hours)) t
WHERE m.device_id = ANY(%s)
ON CONFLICT DO NOTHING
"""
METRIC_ROWS = """
INSERT INTO mqtt_metric (device_id, name, label, type, unit, source_unit, diagnostic, other_types, other_units)
SELECT d, m, '', 'number', '', '', false, '', ''
FROM unnest(%s::bigint[]) d, unnest(ARRAY['temperature', 'humidity']) m ON CONFLICT DO NOTHING
"""
ROLL_UP = """
import json, time
import django; django.setup()
from django.utils import timezone
from mqtt_app.models import RollupProgress
from mqtt_app.services.rollups.roll_up import roll_up
begun = time.monotonic()
while roll_up(timezone.now()) and time.monotonic() - begun < 20: pass
print(json.dumps([RollupProgress.objects.get().done_id, time.monotonic() - begun]))
"""
CHART = """
SELECT time, value FROM mqtt_reading
WHERE device_id = %s AND metric = 'temperature' AND time >= %s AND time <= %s ORDER BY time DESC, id DESC
"""
WRITE = """
INSERT INTO mqtt_reading (device_id, metric, time, received_at, value)
VALUES (%s, 'pressure', now(), now(), 1)
"""
DROP = """
import json, sys, time
from datetime import UTC, datetime
import django; django.setup()
from mqtt_app.services.upkeep import partitions
partitions.leaves()  # connected, as upkeep is by then
begun = time.monotonic()
dropped = partitions.drop_before(datetime.fromisoformat(sys.argv[1]))
print(json.dumps([dropped, begun, time.monotonic()]))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--millions", type=float, default=10.0, help="of readings (default 10)")
    parser.add_argument(
        "--runs", type=int, default=3, help="runs, of which the median counts (default 3)"
    )


def run(options: argparse.Namespace) -> Result:
    with machine(postgres_options=("max_wal_size=4GB",)) as place:
        today = datetime.now(UTC).date()
        days = list(_days(today))
        site = place.stack.site("first", place.broker.port)
        wanted = options.millions * 1e6 / (len(days) * MINUTES * METRICS)
        devices = rows.devices(place, site, max(round(wanted), 1))
        begun = time.monotonic()
        for day in days:
            place.stack.db.execute(DAY, {"day": day, "devices": devices})
        filled = time.monotonic() - begun
        place.stack.db.execute("VACUUM ANALYZE mqtt_reading")
        summed_up = _roll_up(place, devices)
        runs = [_one(place.stack, devices, day) for day in days[-options.runs :]]
        figures = {
            "million readings": len(days) * MINUTES * METRICS * len(devices) / 1e6,
            "rows/s, by SQL": len(days) * MINUTES * METRICS * len(devices) / filled,
            "GB with index": _size(place) / 2**30,
        }
        figures |= summed_up | median(runs) | _drop(place, devices[0], today.replace(day=1))
    return Result(figures, runs)


def _days(today: date) -> Iterator[date]:
    """From the first day of the last month until yesterday."""
    day = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    while day < today:
        yield day
        day += timedelta(days=1)


def _one(stack: Stack, devices: list[int], day: date) -> Figures:
    """Other devices and another day than in the runs before."""
    asked = [devices[(number * 7 + day.day) % len(devices)] for number in range(ASKED)]
    end = f"{day} 23:59:59.999+00"
    return {
        "last 100 of a device, SQL, ms": _milliseconds(
            stack, LAST, [(device,) for device in asked]
        ),
        "day of a metric, SQL, ms": _milliseconds(
            stack, CHART, [(device, day, end) for device in asked]
        ),
        "last 100 of a device, API, ms": statistics.median(
            _last_100(stack, device) for device in asked
        ),
        "day of a metric, API, all its pages, ms": statistics.median(
            _day(stack, device, day) for device in asked
        ),
    }


def _roll_up(place: Machine, devices: list[int]) -> Figures:
    """For 20 s at most; then a year of sums beside what was summed up."""
    place.stack.db.execute(METRIC_ROWS, (devices,))
    done = subprocess.run(
        [sys.executable, "-c", ROLL_UP],
        cwd=ROOT,
        env=place.stack.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    number, seconds = json.loads(done.stdout.splitlines()[-1])
    place.stack.db.execute(YEAR, (devices[:ASKED],))
    place.stack.db.execute("VACUUM ANALYZE mqtt_rollup")
    return {"readings summed up/s": number / seconds} | {
        f"year of a metric by {bucket}, API, ms": statistics.median(
            _year(place.stack, device, bucket) for device in devices[:ASKED]
        )
        for bucket in ("1d", "1h")
    }


def _year(stack: Stack, device: int, bucket: str) -> float:
    today = datetime.now(UTC).date()
    window = f"metric=temperature&from={today - timedelta(days=364)}&bucket={bucket}"
    address = f"{stack.url}/api/v1/mqtt/devices/{device}/readings/?{window}"
    begun = time.monotonic()
    assert len(_page(stack, address)["results"]) >= 365
    return (time.monotonic() - begun) * 1000


def _milliseconds(stack: Stack, query: str, values: list[tuple[Any, ...]]) -> float:
    """Of the middle one, rows read by us included."""
    taken = []
    for value in values:
        begun = time.monotonic()
        stack.rows(query, *value)
        taken.append((time.monotonic() - begun) * 1000)
    return statistics.median(taken)


def _last_100(stack: Stack, device: int) -> float:
    address = f"{stack.url}/api/v1/mqtt/devices/{device}/readings/?page_size=100"
    begun = time.monotonic()
    assert len(_page(stack, address)["results"]) == 100
    return (time.monotonic() - begun) * 1000


def _day(stack: Stack, device: int, day: date) -> float:
    window = f"metric=temperature&from={day}T00:00:00Z&to={day}T23:59:59Z&page_size={PAGE}"
    address = f"{stack.url}/api/v1/mqtt/devices/{device}/readings/?{window}"
    begun, found = time.monotonic(), 0
    while address:
        page = _page(stack, address)
        found, address = found + len(page["results"]), page["next"]
    assert found == MINUTES, found
    return (time.monotonic() - begun) * 1000


def _page(stack: Stack, address: str) -> Any:
    answer = requests.get(address, headers={"Authorization": f"Token {stack.token}"}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _size(place: Machine) -> int:
    query = "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'mqtt_reading'::regclass"
    return int(place.stack.one(query))


def _drop(place: Machine, device: int, before: date) -> Figures:
    """Drops the last month as upkeep does, while another connection writes.

    It is gone, and every lock with it, before the file system has freed its files, which the one
    who drops waits for.
    """
    month = f"mqtt_reading_{before - timedelta(days=1):%Y%m}"
    count = place.stack.one(f"SELECT count(*) FROM {month}")
    gone: list[float] = []
    watcher = threading.Thread(target=_watch, args=(place.stack.database_url, month, gone))
    with _writing(place.stack.database_url, device) as waits:
        watcher.start()
        time.sleep(1.0)
        command = [sys.executable, "-c", DROP, f"{before}T00:00:00+00:00"]
        env = place.stack.env
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True
        )
        time.sleep(1.0)
    watcher.join()
    dropped, begun, freed = json.loads(done.stdout.splitlines()[-1])
    assert dropped == [month], dropped
    return {
        "month dropped, million readings": count / 1e6,
        "until it is gone, ms": (gone[0] - begun) * 1000,
        "until its files are freed, too, ms": (freed - begun) * 1000,
        "longest wait of a writer meanwhile, ms": max(waits) * 1000,
    }


def _watch(database_url: str, table: str, gone: list[float]) -> None:
    """Notes when it is there no more, by the monotonic clock."""
    with psycopg.connect(database_url, autocommit=True) as database:
        while database.execute("SELECT to_regclass(%s)", (table,)).fetchone() != (None,):
            time.sleep(0.002)
    gone.append(time.monotonic())


@contextmanager
def _writing(database_url: str, device: int) -> Iterator[list[float]]:
    """Single rows, each committed; gives the seconds that each took."""
    waits, over = [], threading.Event()

    def write() -> None:
        with psycopg.connect(database_url, autocommit=True) as database:
            while not over.wait(1 / RATE):
                begun = time.monotonic()
                database.execute(WRITE, (device,))
                waits.append(time.monotonic() - begun)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield waits
    finally:
        over.set()
        writer.join()
