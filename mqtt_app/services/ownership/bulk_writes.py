"""The writes of a reconcile: one statement for all rows, each row only if it is still as the
planner saw it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from mqtt_app.domain.ownership.planner import PlannedConnection


class Seen(msgspec.Struct, frozen=True):
    """A connection as reconcile read it. `row` is the planner's part."""

    row: PlannedConnection
    generation: int
    site_id: int
    retry_count: int
    status_since: datetime


# `s` is what was seen; a row that changed since then does not match and is left for the next cycle.
_SEEN = """
FROM unnest(%(ids)s::bigint[], %(generations)s::bigint[], %(owners)s::text[], %(assigned)s::text[], %(values)s::text[])
    AS s(id, generation, owner, assigned, value)
WHERE c.id = s.id AND c.generation = s.generation AND c.owner = s.owner AND c.assigned_instance = s.assigned
"""
_ASSIGN = f"""
UPDATE mqtt_mqttconnection c SET assigned_instance = s.value, assigned_at = %(now)s {_SEEN} RETURNING c.id
"""
_DISOWN = f"""
UPDATE mqtt_mqttconnection c SET owner = '', owned_since = NULL, connected_at = NULL, status = 'disconnected',
    status_since = CASE WHEN c.status = 'disconnected' THEN c.status_since ELSE %(now)s END,
    error_class = CASE WHEN s.value = '' THEN '' ELSE 'internal' END,
    error_message = s.value,
    error_at = CASE WHEN s.value = '' THEN NULL ELSE %(now)s::timestamptz END
{_SEEN} AND (c.owner, c.status, c.error_message) IS DISTINCT FROM ('', 'disconnected', s.value) RETURNING c.id
"""
_SETTLE = """
UPDATE mqtt_mqttconnection c SET status = 'disconnected', error_class = '', error_message = '', error_at = NULL,
    status_since = CASE WHEN c.status = 'disconnected' THEN c.status_since ELSE %(now)s END,
    retry_count = 0, connected_at = NULL
FROM mqtt_site site
WHERE site.id = c.site_id AND c.owner = '' AND NOT (c.is_active AND site.is_active)
    AND (c.status <> 'disconnected' OR c.error_message <> '' OR c.retry_count <> 0) RETURNING c.id
"""


def assign(seen: Sequence[Seen], targets: Mapping[int, str], now: datetime) -> set[int]:
    """Write `targets` (connection id -> instance); gives the ids that were still as seen."""
    return _each(_ASSIGN, seen, targets, now)


def disown(seen: Sequence[Seen], messages: Mapping[int, str], now: datetime) -> set[int]:
    """Nobody holds these links: no owner, `disconnected`, and the message that says why; gives the
    ids that changed.
    """
    return _each(_DISOWN, seen, messages, now)


def settle_stopped(now: datetime) -> set[int]:
    """Stopped connections that nobody owns: `disconnected`, without an old error; gives the ids
    that changed.
    """
    return _run(_SETTLE, {"now": now})


def _each(
    statement: str, seen: Sequence[Seen], values: Mapping[int, str], now: datetime
) -> set[int]:
    chosen = [one for one in seen if one.row.id in values]
    if not chosen:
        return set()
    parameters = {
        "ids": [one.row.id for one in chosen],
        "generations": [one.generation for one in chosen],
        "owners": [one.row.owner for one in chosen],
        "assigned": [one.row.assigned for one in chosen],
        "values": [values[one.row.id] for one in chosen],
        "now": now,
    }
    return _run(statement, parameters)


def _run(statement: str, parameters: dict[str, Any]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {row[0] for row in cursor.fetchall()}
