"""Which filters have ever matched, as their owners report it: the next owner starts with nothing in
memory.
"""

import msgspec
from django.db import connection

from mqtt_app.domain.link.connection_config import FilterMatches

_WRITE = """
UPDATE mqtt_mqtttopic t SET matched_at = to_timestamp(m.at)
FROM json_to_recordset(%s::json) AS m(id bigint, filter text, at double precision)
WHERE t.connection_id = m.id AND t.filter = m.filter
    AND (t.matched_at IS NULL OR t.matched_at < to_timestamp(m.at))
"""


def record_matches(matches: FilterMatches) -> int:
    """Gives how many were written; a time never goes back."""
    rows = [
        {"id": number, "filter": name, "at": at}
        for number, filters in matches.items()
        for name, at in filters.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [msgspec.json.encode(rows).decode()])
        written: int = cursor.rowcount
        return written
