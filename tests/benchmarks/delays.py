"""From the time a message was published, which it carries as `ts`, to the time at which its rows
were committed.

PostgreSQL keeps that of each transaction when asked to (`track_commit_timestamp`). `ts` is in whole
milliseconds, cut off, so a delay is up to 1 ms too long.
"""

from collections.abc import Sequence

from tests.benchmarks.machine import Machine
from tests.benchmarks.result import Figures

POSTGRES_OPTIONS = ("track_commit_timestamp=on",)

_DELAYS = """
SELECT percentile_cont(ARRAY[0.5, 0.99, 1.0]) WITHIN GROUP (
    ORDER BY (extract(epoch FROM pg_xact_commit_timestamp(r.xmin) - r.time) * 1000)::float8
)
FROM mqtt_reading r JOIN mqtt_device d ON d.id = r.device_id
WHERE r.metric = 'temperature' AND r.received_at >= to_timestamp(%s) AND d.site_id = ANY(%s)
"""


def to_row(place: Machine, since: float, sites: Sequence[int]) -> Figures:
    """Milliseconds, of the messages of these sites that were received from `since` on, in Unix
    seconds.
    """
    middle, high, highest = place.stack.one(_DELAYS, since, list(sites))
    return {"p50 ms": middle, "p99 ms": high, "max ms": highest}
