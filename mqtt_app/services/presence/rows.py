"""The statements of the offline check. Each writes a row only if it is still as it was judged.

Rows that are locked are being written by ingest, so they have just been heard: they are passed
over.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from django.db import connection

from mqtt_app.domain.presence import NOT_HEARD, SILENT, SITE_STOPPED, SITE_UNREACHABLE

Kind = Literal["gateway", "device"]
# in the order in which their rows are locked, by ingest too
TABLES: dict[Kind, str] = {"gateway": "mqtt_gateway", "device": "mqtt_device"}

_SITES = """
SELECT s.id, s.silence_after, s.is_active AND coalesce(c.is_active, false),
    CASE WHEN s.is_active AND c.is_active AND c.status = 'connected'
        THEN extract(epoch FROM c.connected_at)::float8 END
FROM mqtt_site s LEFT JOIN mqtt_mqttconnection c ON c.site_id = s.id ORDER BY s.id
"""
_LOSE_SIGHT = """
WITH lost AS (
    SELECT d.id, d.status, w.reason FROM {table} d
    JOIN unnest(%(sites)s::bigint[], %(reasons)s::text[]) AS w(site_id, reason)
        ON w.site_id = d.site_id
    WHERE (d.status, d.status_reason) IS DISTINCT FROM ('unknown', w.reason)
        AND d.retired_at IS NULL
    ORDER BY d.id FOR NO KEY UPDATE OF d SKIP LOCKED
)
UPDATE {table} d SET status = 'unknown', status_reason = lost.reason,
    status_since = CASE WHEN lost.status = 'unknown' THEN d.status_since ELSE %(now)s END
FROM lost WHERE d.id = lost.id RETURNING d.id, d.site_id, lost.status <> 'unknown'
"""
_AWAIT_AGAIN = """
UPDATE {table} SET status_reason = %(not_heard)s WHERE id IN (
    SELECT d.id FROM {table} d {gateway}
    WHERE d.site_id = ANY(%(sites)s) AND d.status = 'unknown' AND d.retired_at IS NULL
        AND d.status_reason NOT IN ('', %(not_heard)s) {in_reach}
    ORDER BY d.id FOR NO KEY UPDATE OF d SKIP LOCKED
)
"""
# Two branches: the first one is read from the partial index on the due time of those that are
# online.
_DUE = """
SELECT d.id, d.site_id, d.status, extract(epoch FROM d.last_seen)::float8,
    coalesce(d.silence_after, d.described_silence), {gateway_columns}
FROM (
    SELECT * FROM {table} WHERE status = 'online' AND due_at <= %(now)s
    UNION ALL
    SELECT * FROM {table} WHERE status = 'unknown' AND due_at <= %(now)s
) d {gateway}
WHERE d.site_id = ANY(%(sites)s) AND d.retired_at IS NULL {speaks} ORDER BY d.id
"""
# A node that only says that it is there is no device that can fall silent while those below it speak.
_SPEAKS = """
AND (EXISTS (SELECT FROM mqtt_latestreading l WHERE l.device_id = d.id)
    OR NOT EXISTS (SELECT FROM mqtt_device b WHERE b.site_id + 0 = d.site_id AND b.status = 'online'
        AND b.identifier ~>=~ (d.identifier || '/') AND b.identifier ~<~ (d.identifier || '0')))
"""
_OFFLINE = """
WITH silent AS (
    SELECT d.id FROM {table} d
    JOIN unnest(%(ids)s::bigint[], %(statuses)s::text[], %(seen)s::float8[])
        AS w(id, status, seen) ON w.id = d.id
    WHERE d.status = w.status
        AND extract(epoch FROM d.last_seen)::float8 IS NOT DISTINCT FROM w.seen
    ORDER BY d.id FOR NO KEY UPDATE OF d SKIP LOCKED
)
UPDATE {table} d SET status = 'offline', status_reason = %(reason)s, status_since = %(now)s
FROM silent WHERE d.id = silent.id RETURNING d.id
"""
_HIDE = """
WITH hidden AS (
    SELECT d.id, left(
        'gateway ' || coalesce(nullif(g.name, ''), g.identifier) || ' is offline', 100) AS reason
    FROM mqtt_device d JOIN mqtt_gateway g ON g.id = d.gateway_id
    WHERE {which} AND g.status = 'offline' AND d.status <> 'unknown'
    ORDER BY d.id FOR NO KEY UPDATE OF d SKIP LOCKED
)
UPDATE mqtt_device d SET status = 'unknown', status_reason = hidden.reason, status_since = %(now)s
FROM hidden WHERE d.id = hidden.id RETURNING d.id, d.site_id
"""
_HIDE_BEHIND = _HIDE.format(which="g.id = ANY(%(gateways)s)")
# heard behind a gateway that had gone already, and silent since
_HIDE_LATE = _HIDE.format(which="d.status = 'online' AND d.due_at <= %(now)s")
_GATEWAY_COLUMNS = """
g.status, CASE g.status WHEN 'online' THEN extract(epoch FROM g.status_since)::float8 ELSE 0.0 END
"""
_JOIN_GATEWAY = "LEFT JOIN mqtt_gateway g ON g.id = d.gateway_id"


class Listening(msgspec.Struct, frozen=True):
    """A site. `since`: unix seconds since when its link is up, None while it is down. `silence`:
    its default in s.
    """

    site_id: int
    silence: int
    wanted: bool
    since: float | None

    @property
    def unheard_because(self) -> str:
        if self.wanted:
            return SITE_UNREACHABLE
        return SITE_STOPPED


class RowOfSite(msgspec.Struct, frozen=True):
    """A device or gateway."""

    id: int
    site_id: int


class Candidate(msgspec.Struct, frozen=True):
    """A device or gateway whose time is up. Unix seconds; `gateway_since` is 0.0 without one.
    `silence_after`: a limit of its own, in s.
    """

    id: int
    site_id: int
    status: str
    last_seen: float | None
    silence_after: float | None
    gateway_status: str | None
    gateway_since: float


def sites() -> list[Listening]:
    return [Listening(*row) for row in _run(_SITES, {})]


def lose_sight(kind: Kind, unheard: Mapping[int, str], now: datetime) -> list[RowOfSite]:
    """`unheard`: site id -> why. Gives those of which something was known until now."""
    values = {"sites": list(unheard), "reasons": list(unheard.values()), "now": now}
    if unheard:
        found = _run(_LOSE_SIGHT.format(table=TABLES[kind]), values)
    else:
        found = []
    return [RowOfSite(row_id, site_id) for row_id, site_id, was_known in found if was_known]


def await_again(site_ids: Sequence[int], now: datetime) -> None:
    """Devices that are in reach again have it in their reason; their status stays unknown until
    they are heard.
    """
    values: dict[str, Any] = {"sites": list(site_ids), "not_heard": NOT_HEARD, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(_AWAIT_AGAIN.format(table="mqtt_gateway", gateway="", in_reach=""), values)
        in_reach = "AND g.status IS DISTINCT FROM 'offline'"
        cursor.execute(
            _AWAIT_AGAIN.format(table="mqtt_device", gateway=_JOIN_GATEWAY, in_reach=in_reach),
            values,
        )


def due(kind: Kind, site_ids: Sequence[int], now: datetime) -> list[Candidate]:
    if kind == "gateway":
        statement = _DUE.format(
            table=TABLES[kind], gateway="", gateway_columns="NULL::text, 0.0::float8", speaks=""
        )
    else:
        statement = _DUE.format(
            table=TABLES[kind],
            gateway=_JOIN_GATEWAY,
            gateway_columns=_GATEWAY_COLUMNS,
            speaks=_SPEAKS,
        )
    return [Candidate(*row) for row in _run(statement, {"sites": list(site_ids), "now": now})]


def turn_offline(kind: Kind, silent: Sequence[Candidate], now: datetime) -> set[int]:
    """Gives the ids of those that were still as they were read, and so are offline now."""
    if not silent:
        return set()
    values = {
        "ids": [candidate.id for candidate in silent],
        "statuses": [candidate.status for candidate in silent],
        "seen": [candidate.last_seen for candidate in silent],
        "now": now,
        "reason": SILENT,
    }
    return {row[0] for row in _run(_OFFLINE.format(table=TABLES[kind]), values)}


def hide_devices(gateway_ids: Sequence[int], now: datetime) -> None:
    """Nothing is known of devices behind a gateway that is gone. The event of the gateway stands
    for all of theirs.
    """
    if gateway_ids:
        _run(_HIDE_BEHIND, {"gateways": list(gateway_ids), "now": now})


def hide_late_devices(now: datetime) -> list[RowOfSite]:
    """Those that were heard behind a gateway that was offline before, and are silent since."""
    return [RowOfSite(*row) for row in _run(_HIDE_LATE, {"now": now})]


def _run(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
