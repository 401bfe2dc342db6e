"""`python -m project.healthcheck.worker KIND NAME`: what a container of a task worker or an MQTT worker
asks itself.

Like project/healthcheck/process.py, with Redis and without Django.
"""

import os
import socket
import sys
from collections.abc import Callable

import msgspec
import redis
from kombu.exceptions import OperationalError

from mqtt_app.conf import Config
from mqtt_app.coordination import keys
from mqtt_app.coordination.leases import Lease
from mqtt_app.domain.health.vitals import complaint
from project.healthcheck.monitor import app
from project.healthcheck.process import TIMEOUT, report
from project.settings import checked


def worker(name: str) -> str:
    """It takes orders: the loop that does also takes tasks."""
    node = f"{name}@{socket.gethostname()}"
    try:
        answers = app.control.ping(destination=[node], timeout=TIMEOUT, limit=1)
    except (OSError, redis.RedisError, OperationalError) as error:
        return f"Redis: {error}"
    if answers:
        return ""
    return f"{node} does not answer"


def mqtt_worker(instance: str) -> str:
    """It holds its lease, and gets on with its work by its own account."""
    try:
        with redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=TIMEOUT) as client:
            value = client.get(keys.instance(instance))
    except (redis.RedisError, ValueError) as error:
        return f"Redis: {error}"
    if not isinstance(value, bytes):
        return f"{instance} has no lease"
    vitals, limits = msgspec.json.decode(value, type=Lease).vitals, Config(**checked.knobs())
    if vitals is None:
        return ""
    return complaint(
        vitals, scan_interval=limits.scan_interval, receipt_timeout=limits.receipt_timeout
    )


KINDS: dict[str, Callable[..., str]] = {"worker": worker, "mqtt-worker": mqtt_worker}

if __name__ == "__main__":
    sys.exit(report(KINDS, sys.argv[1:]))
