"""The writes of a reconcile: one statement for all rows, each row only if it is still as the
planner saw it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Q

from mqtt_app.domain.ownership.planner import PlannedConnection
from mqtt_app.models import ConnectionStatus, ErrorClass, MqttConnection
from mqtt_app.services.ownership.connection_rows import WANTED
from mqtt_app.services.ownership.status import StatusWrite, write_statuses


class Seen(msgspec.Struct, frozen=True):
    """A connection as reconcile read it. `row` is the planner's part."""

    row: PlannedConnection
    generation: int
    site_id: int
    retry_count: int
    status_since: datetime

    @property
    def id(self) -> int:
        return self.row.id


# `s` is what was seen; a row that changed since then does not match and is left for the next cycle.
_SEEN = """
unnest(%(ids)s::bigint[], %(generations)s::bigint[], %(owners)s::text[], %(assigned)s::text[], %(values)s::text[])
    AS s(id, generation, owner, assigned, value)
"""
_AS_SEEN = (
    "c.id = s.id AND c.generation = s.generation AND c.owner = s.owner"
    " AND c.assigned_instance = s.assigned"
)
_ASSIGN = f"""
UPDATE mqtt_mqttconnection c SET assigned_instance = s.value, assigned_at = %(now)s
FROM {_SEEN} WHERE {_AS_SEEN} RETURNING c.id
"""
_LOCK = f"""
SELECT c.id FROM mqtt_mqttconnection c JOIN {_SEEN} ON {_AS_SEEN}
ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED
"""


def assign(seen: Sequence[Seen], targets: Mapping[int, str], now: datetime) -> set[int]:
    """Write `targets` (connection id -> instance); gives the ids that were still as seen."""
    return _run(_ASSIGN, seen, targets, now)


def disown(seen: Sequence[Seen], messages: Mapping[int, str], now: datetime) -> set[int]:
    """No instance holds these links: no owner, `disconnected`, and the message that says why; gives
    the ids that changed.
    """
    locked = _run(_LOCK, seen, messages, now)
    rows = [row for row in seen if row.id in locked]
    owned = {row.id for row in rows if row.row.owner}
    MqttConnection.objects.filter(pk__in=owned).update(owner="", owned_since=None)
    changed = write_statuses([_disowned(row, messages[row.id]) for row in rows], now)
    return owned | changed


def clear_stopped(now: datetime) -> set[int]:
    """Stopped connections without an owner: `disconnected`, without an old error; gives the ids
    that changed.
    """
    unclear = ~Q(status=ConnectionStatus.DISCONNECTED) | ~Q(error_message="") | ~Q(retry_count=0)
    rows = MqttConnection.objects.select_for_update(skip_locked=True, no_key=True)
    stopped = rows.filter(unclear, ~WANTED, owner="").order_by("pk")
    writes = [
        StatusWrite(
            number, generation, ConnectionStatus.DISCONNECTED, ErrorClass.NONE, "", retry_count=0
        )
        for number, generation in stopped.values_list("pk", "generation")
    ]
    return set(write_statuses(writes, now))


def _disowned(row: Seen, message: str) -> StatusWrite:
    if message:
        error_class = ErrorClass.INTERNAL
    else:
        error_class = ErrorClass.NONE
    return StatusWrite(row.id, row.generation, ConnectionStatus.DISCONNECTED, error_class, message)


def _run(
    statement: str, seen: Sequence[Seen], values: Mapping[int, str], now: datetime
) -> set[int]:
    chosen = [row for row in seen if row.id in values]
    if not chosen:
        return set()
    parameters: dict[str, Any] = {
        "ids": [row.id for row in chosen],
        "generations": [row.generation for row in chosen],
        "owners": [row.row.owner for row in chosen],
        "assigned": [row.row.assigned for row in chosen],
        "values": [values[row.id] for row in chosen],
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {found[0] for found in cursor.fetchall()}
