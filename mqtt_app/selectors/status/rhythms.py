"""What is usual at sites at this hour of the week."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from mqtt_app.domain.status.silence import MONDAY, WEEK, Rhythm, hour_of_week, usual_gap

# Two hours of the week are asked for, not all of them: a page may be about ten thousand sites.
_USUAL = """
SELECT r.site_id, r.last, r.gaps, r.longest, r.hour_longest, coalesce(w.hours[%(hour)s + 1], 0),
    coalesce(w.hours[floor((r.last - %(monday)s) / 3600)::bigint %% %(week)s + 1], 0)
FROM mqtt_siterhythm r LEFT JOIN mqtt_siteweek w ON w.site_id = r.site_id
WHERE r.site_id = ANY(%(sites)s)
"""


def usual_gaps(site_ids: Sequence[int], now: float) -> dict[int, float]:
    """Site id -> seconds; without those of which too little is known. `now` in unix seconds."""
    values: dict[str, Any] = {
        "hour": hour_of_week(now),
        "monday": MONDAY,
        "week": WEEK,
        "sites": list(site_ids),
    }
    found: dict[int, float] = {}
    with connection.cursor() as cursor:
        cursor.execute(_USUAL, values)
        for site_id, last, gaps, longest, hour_longest, *hours in cursor.fetchall():
            usual = usual_gap(Rhythm(last, gaps, longest, hour_longest), hours)
            if usual is not None:
                found[site_id] = usual
    return found
