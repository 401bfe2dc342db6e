"""Dead letters that nothing waits for go after the days of their site, and earlier where newer ones
need the room. What became of them stays counted as it was.
"""

import logging
from datetime import datetime

from django.db import connection

from mqtt_app.conf import config

log = logging.getLogger(__name__)

CHUNK = 5_000  # rows of one statement

_EXPIRE = """
DELETE FROM mqtt_deadletter WHERE id IN (
    SELECT k.id FROM mqtt_deadletter k JOIN mqtt_site s ON s.id = k.site_id
    WHERE k.state = 'resting' AND k.created_at < %s - s.dead_letter_days * interval '1 day'
    LIMIT %s
)
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
_UNPARSED = """
SELECT DISTINCT site_id FROM mqtt_deadletter WHERE parser_name = '' AND state = 'resting'
"""


def expire(now: datetime) -> int:
    """A bounded number of those that are older than their site keeps them. Gives their number."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, [now, CHUNK])
        return int(cursor.rowcount)


def trim(site_id: int, parser_name: str) -> int:
    """The oldest beyond what one parser may leave at one site. Gives their number."""
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


def trim_unparsed() -> int:
    """The same for those that no parser was asked about, of every site. Gives their number."""
    with connection.cursor() as cursor:
        cursor.execute(_UNPARSED)
        sites = [row[0] for row in cursor.fetchall()]
    return sum(trim(site_id, "") for site_id in sites)
