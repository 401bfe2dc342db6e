"""Samples of topics, within the bound of each site, and without those whose topic is gone."""

from django.db import connection

from mqtt_app.conf import config
from mqtt_app.domain.ingest.sampling import MAX_BYTES

CHUNK = 10_000  # rows of one delete

# Sums are taken only when the table is so large that a site may be over its bound.
_SIZE = "SELECT pg_total_relation_size('mqtt_topicsample')"
_TRIM = f"""
DELETE FROM mqtt_topicsample WHERE id IN (
    SELECT id FROM (
        SELECT id, sum(LEAST(size, {MAX_BYTES})) OVER (PARTITION BY site_id ORDER BY id DESC) AS kept
        FROM mqtt_topicsample
    ) s WHERE s.kept > %s
)
"""
_ORPHANS = """
DELETE FROM mqtt_topicsample WHERE id IN (
    SELECT s.id FROM mqtt_topicsample s
    LEFT JOIN mqtt_discoveredtopic t ON t.id = s.topic_id WHERE t.id IS NULL LIMIT %s
)
"""


def trim() -> int:
    """The oldest of sites that keep more than `sample_bytes` go. Gives their number."""
    with connection.cursor() as cursor:
        cursor.execute(_SIZE)
        if cursor.fetchone()[0] < config().sample_bytes:
            return 0
        cursor.execute(_TRIM, [config().sample_bytes])
        return int(cursor.rowcount)


def remove_orphans() -> int:
    """Gives their number."""
    removed = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_ORPHANS, [CHUNK])
            number = int(cursor.rowcount)
        removed += number
        if number < CHUNK:
            return removed
