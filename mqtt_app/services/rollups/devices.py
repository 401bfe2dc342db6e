"""What becomes of the sums of a device that becomes another one, or goes. Within a transaction of
the caller.
"""

from django.db import connection

from mqtt_app.models.locks import ROLLUP_LOCK
from mqtt_app.services.rollups import statements

# Sums of readings that are on their way to another device would be made of neither.
_LOCK = "SELECT pg_advisory_xact_lock(%(lock)s::bigint)"


def wait_for_turn() -> None:
    """Nothing is rolled up until the transaction ends. Rolling up locks no row of a device, so that
    neither waits for the other in a circle.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, {"lock": ROLLUP_LOCK})


def move(source: int, target: int) -> None:
    """Ids of devices. The metrics of `source` are there at `target` already."""
    with connection.cursor() as cursor:
        cursor.execute(statements.MOVE, {"source": source, "target": target})


def remove(device: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements.REMOVE, {"device": device})
