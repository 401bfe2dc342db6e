"""What Sitewire replaces: a thread of the MQTT library for each connection, one Celery task for
each message, get_or_create for the device and save for each reading.
"""

import os
import subprocess
import sys
import time

from celery import Celery
from celery.signals import worker_ready

from tests.benchmarks.machine import Machine
from tests.stack import ROOT, wait_for

app = Celery("naive", broker=os.environ.get("REDIS_URL"))
app.conf.update(
    task_ignore_result=True, worker_hijack_root_logger=False, task_default_queue="naive"
)
app.conf["CELERY_DB_REUSE_MAX"] = (
    1_000_000_000  # else a new database connection for each task, three times as slow
)

LISTENER = "tests.benchmarks.naive_listener"
SECONDS = 10.0
MESSAGES = 6_000  # more than it stores in that time


@worker_ready.connect
def _say_so(**_: object) -> None:
    """At the level where Celery itself would say it, it also writes two lines for each task."""
    print("ready.", flush=True)


@app.task(name="naive.store")
def store(site: int, topic: str, payload: str) -> None:
    from tests.benchmarks.naive_store import save

    save(site, topic, payload)


def measure(place: Machine, sites: int, devices: int) -> float:
    """Messages a second, over 10 s of a full queue."""
    from tests.benchmarks.generator import Generator

    stack = place.stack
    stack.db.execute("VACUUM ANALYZE")  # what was written before is not to slow it down
    stack.db.execute("CHECKPOINT")
    stack.start(
        "naive-worker",
        "-m",
        "celery",
        "-A",
        "tests.benchmarks.naive",
        "worker",
        "-c",
        "2",
        "-Q",
        "naive",
    )
    wait_for(lambda: b"ready." in stack.log("naive-worker"), what="the naive worker")
    environment = stack.env | {"NAIVE_SITES": str(sites), "NAIVE_PORT": str(place.broker.port)}
    listener = subprocess.Popen([sys.executable, "-m", LISTENER], cwd=ROOT, env=environment)
    try:
        time.sleep(3.0)
        generator = Generator(place.broker.port, sites, devices)
        for _ in range(MESSAGES // 100):
            generator.chunk(100)
            generator.drain(0.0)
        count = "SELECT count(*) FROM mqtt_reading"
        wait_for(lambda: stack.redis.llen("naive") > MESSAGES / 3, what="a full queue")
        before, begun = stack.one(count), time.monotonic()
        time.sleep(SECONDS)
        return float(stack.one(count) - before) / 2 / (time.monotonic() - begun)
    finally:
        listener.kill()
        listener.wait()
        stack.kill("naive-worker")
