"""The one place that writes the status of a connection, and publishes what browsers show of it."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any

import msgspec
from django.db import connection, transaction

from mqtt_app import events
from mqtt_app.domain.link.answers.capabilities import BrokerCapabilities
from mqtt_app.domain.link.trouble.memory import LinkMemory
from mqtt_app.services.operations.settle import settle


class StatusWrite(msgspec.Struct, frozen=True):
    """What the row of `id` is to have, if it is of this generation still. `connected_at`: since
    when its link is up. A None elsewhere, or an empty `negotiated_version`, keeps what it has.
    """

    id: int
    generation: int
    status: str
    error_class: str | None = None
    error_message: str | None = None
    retry_count: int | None = None
    connected_at: datetime | None = None
    negotiated_version: str = ""
    capabilities: BrokerCapabilities | None = None
    link_memory: LinkMemory | None = None


# A row that another transaction has locked is passed over: two writers of many rows would
# otherwise wait for each other. Callers that need every row lock them before.
_WRITE = """
WITH new AS (
    SELECT c.id, c.status AS old_status, c.error_class AS old_class, c.error_message AS old_message, w.status,
        coalesce(w.error_class, c.error_class) AS error_class,
        coalesce(w.error_message, c.error_message) AS error_message,
        coalesce(w.retry_count, c.retry_count) AS retry_count,
        w.connected_at,
        coalesce(nullif(w.negotiated_version, ''), c.negotiated_version) AS negotiated_version,
        coalesce(w.capabilities, c.capabilities) AS capabilities,
        coalesce(w.link_memory, c.link_memory) AS link_memory,
        CASE WHEN c.status = w.status THEN c.status_since ELSE %(now)s::timestamptz END AS status_since,
        CASE WHEN w.error_message IS NULL THEN c.error_at
             WHEN w.error_message = '' THEN NULL
             WHEN (c.status, c.error_class, c.error_message) = (w.status, w.error_class, w.error_message)
             THEN c.error_at
             ELSE %(now)s::timestamptz END AS error_at
    FROM json_to_recordset(%(writes)s::json) AS w(id bigint, generation bigint, status text, error_class text,
            error_message text, retry_count int, connected_at timestamptz, negotiated_version text,
            capabilities jsonb, link_memory jsonb)
        JOIN mqtt_mqttconnection c ON c.id = w.id AND c.generation = w.generation
    ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED)
UPDATE mqtt_mqttconnection c SET status = new.status, status_since = new.status_since,
    error_class = new.error_class, error_message = new.error_message, error_at = new.error_at,
    retry_count = new.retry_count, connected_at = new.connected_at, negotiated_version = new.negotiated_version,
    capabilities = new.capabilities, link_memory = new.link_memory
FROM new
WHERE c.id = new.id
    AND (c.status, c.error_class, c.error_message, c.retry_count, c.connected_at, c.negotiated_version, c.error_at,
            c.capabilities, c.link_memory)
        IS DISTINCT FROM (new.status, new.error_class, new.error_message, new.retry_count, new.connected_at,
            new.negotiated_version, new.error_at, new.capabilities, new.link_memory)
RETURNING c.id, (new.old_status, new.old_class, new.old_message) IS DISTINCT FROM (c.status, c.error_class,
    c.error_message), c.site_id, c.is_active, c.status, c.error_class, c.error_message
"""


def write_statuses(writes: Sequence[StatusWrite], now: datetime) -> frozenset[int]:
    """Gives the ids of the rows that changed. `status_since` moves only with the status, `error_at`
    only with what is shown. Publishes on commit what browsers see of the changes. Call it in a
    transaction.
    """
    if not writes:
        return frozenset()
    parameters: dict[str, Any] = {"now": now, "writes": msgspec.json.encode(writes).decode()}
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, parameters)
        written = [_WrittenRow(*values) for values in cursor.fetchall()]
    shown = [row for row in sorted(written, key=attrgetter("id")) if row.is_shown]
    for row in shown:
        transaction.on_commit(partial(_publish, row))
    if shown:
        settle([row.site_id for row in shown], now)
    return frozenset(row.id for row in written)


class _WrittenRow(msgspec.Struct, frozen=True):
    """`is_shown`: a column changed that browsers show."""

    id: int
    is_shown: bool
    site_id: int
    is_active: bool
    status: str
    error_class: str
    error_message: str


def _publish(row: _WrittenRow) -> None:
    events.connection_changed(
        site_id=row.site_id,
        status=row.status,
        is_active=row.is_active,
        error_class=row.error_class,
        error_message=row.error_message,
    )
