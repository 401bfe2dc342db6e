"""Dead letters that nothing waits for go after the days of their site, and earlier where newer ones
need the room. What became of them stays counted as it was.
"""

import logging
from datetime import datetime, timedelta

from django.db import connection

from mqtt_app.conf import config

log = logging.getLogger(__name__)

CHUNK = 5_000  # rows of one statement
LATELY = timedelta(seconds=60)  # several rounds of `make_room`, which runs every 10 s

_EXPIRE = """
DELETE FROM mqtt_deadletter WHERE id IN (
    SELECT k.id FROM mqtt_deadletter k JOIN mqtt_site s ON s.id = k.site_id
    WHERE k.state = 'resting' AND k.created_at < %s - s.dead_letter_days * interval '1 day'
    LIMIT %s
)
"""
_GROWN = """
SELECT DISTINCT site_id, parser_name FROM mqtt_deadletter
WHERE state = 'resting' AND created_at >= %s
"""
_TRIM = """
DELETE FROM mqtt_deadletter WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER newest AS place,
            sum(octet_length(payload)) OVER newest AS size
        FROM mqtt_deadletter
        WHERE site_id = %s AND parser_name = %s AND state = 'resting'
        WINDOW newest AS (ORDER BY id DESC)
    ) AS letters
    WHERE place > %s OR size > %s
)
"""


def expire(now: datetime) -> int:
    """Remove those that are older than their site keeps them. Gives their number."""
    removed = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_EXPIRE, [now, CHUNK])
            found = int(cursor.rowcount)
        removed += found
        if found < CHUNK:
            return removed


def make_room(now: datetime) -> int:
    """Where any came lately, remove the oldest beyond what one parser (or none, for those that no
    parser was asked about) may leave at one site. Gives their number.
    """
    with connection.cursor() as cursor:
        cursor.execute(_GROWN, [now - LATELY])
        groups = cursor.fetchall()
    return sum(_trim(site_id, parser_name) for site_id, parser_name in groups)


def _trim(site_id: int, parser_name: str) -> int:
    limits = (config().resting_letters, config().resting_letter_bytes)
    with connection.cursor() as cursor:
        cursor.execute(_TRIM, [site_id, parser_name, *limits])
        removed = int(cursor.rowcount)
    if removed:
        log.warning(
            "[Site %s] %d dead letters of %s can be replayed no more: newer ones need their room",
            site_id,
            removed,
            parser_name or "no parser",
        )
    return removed
