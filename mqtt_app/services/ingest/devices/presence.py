"""Who has just been heard, and who said goodbye. Each change of a status is published once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from mqtt_app.domain.presence import ANNOUNCED, OFFLINE
from mqtt_app.services.ingest.devices.directory import Directory
from mqtt_app.services.ingest.devices.heard import Death, RowNews, collect, still_news
from mqtt_app.services.ingest.parsing.facts import FactOfMessage, NamingFact
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import booleans, microseconds, numbers, texts
from mqtt_app.services.postgres.statements import Query, ask
from mqtt_app.services.presence.changes import PresenceChange, publish
from mqtt_app.services.presence.rows import TABLES, Kind, RowOfSite, hide_devices

_HEARD = """
unnest(%(ids)s::bigint[], %(seen)s::bigint[], %(at)s::bigint[], %(silence)s::float8[],
    %(status)s::text[], %(reason)s::text[], %(hint)s::bool[])
    AS v(id, seen, at, silence, status, reason, hint)
"""
_LAST_SEEN = "GREATEST(d.last_seen, to_timestamp(v.seen / 1e6::float8))"
_DUE_AT = f"""CASE WHEN v.status <> 'asleep'
    THEN {_LAST_SEEN} + make_interval(
        secs => coalesce(d.silence_after, d.described_silence, v.silence)) END"""
# `due_at` is indexed, and an update that changes no index is far cheaper: while it lies ahead it
# stays, as the earliest moment at which silence may be judged.
_STILL = f"""
UPDATE {{table}} d SET last_seen = {_LAST_SEEN},
    due_at = CASE WHEN d.due_at > %(now)s THEN d.due_at ELSE {_DUE_AT} END
FROM {_HEARD} WHERE d.id = v.id AND d.status = v.status RETURNING d.id
"""
# Batches commit in any order: a goodbye counts only against what was heard before it, and a sign of
# life only after it. A retained goodbye may be older than all that was heard live.
_OLD = f"""
(v.status <> 'online' AND (to_timestamp(v.at / 1e6::float8) < b.last_seen
    OR (v.hint AND b.status = 'online') OR b.retired_at IS NOT NULL))
OR (v.status = 'online' AND b.status_reason = '{ANNOUNCED}'
    AND to_timestamp(v.at / 1e6::float8) <= b.status_since)
"""
_CHANGE = f"""
WITH before AS (
    SELECT id, status, status_reason, status_since, last_seen, retired_at FROM {{table}}
    WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE),
judged AS (
    SELECT v.id, v.seen, v.at, v.silence, b.status AS was, o.old,
        CASE WHEN old THEN b.status ELSE v.status END AS status,
        CASE WHEN old THEN b.status_reason ELSE v.reason END AS reason
    FROM before b JOIN {_HEARD} ON v.id = b.id
    CROSS JOIN LATERAL (SELECT ({_OLD}) IS TRUE AS old) AS o)
UPDATE {{table}} d SET last_seen = {_LAST_SEEN}, status = v.status, status_reason = v.reason,
    due_at = CASE WHEN v.old AND v.seen IS NULL THEN d.due_at ELSE {_DUE_AT} END,
    retired_at = CASE WHEN v.status <> 'online' THEN d.retired_at END,
    status_since = CASE WHEN v.was = v.status THEN d.status_since
        WHEN v.status IN ('offline', 'asleep') THEN to_timestamp(v.at / 1e6::float8)
        ELSE %(now)s::timestamptz END
FROM judged v WHERE d.id = v.id RETURNING d.id, v.was, v.status
"""
# Those below a node or gateway that is gone, and were not heard since. In the order of bytes all
# that begins with `a/` lies between `a/` and `a0`, so an index finds it.
_REACH = f"""
WITH gone AS (
    SELECT d.id, max(w.at) AS at
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bool[], %s::bool[])
        AS w(site_id, identifier, at, hint, is_gateway)
    CROSS JOIN LATERAL (
        SELECT * FROM mqtt_device b WHERE b.identifier ~>=~ (w.identifier || '/')
            AND b.identifier ~<~ (w.identifier || '0') OFFSET 0) AS d
    WHERE d.site_id = w.site_id AND d.status NOT IN ('offline', 'asleep') AND d.retired_at IS NULL
        AND (d.last_seen IS NULL OR d.last_seen <= to_timestamp(w.at / 1e6::float8))
        AND NOT (w.hint AND d.status = 'online') AND NOT (w.is_gateway AND d.gateway_id IS NOT NULL)
    GROUP BY d.id),
locked AS (
    SELECT d.id, gone.at FROM mqtt_device d JOIN gone ON gone.id = d.id
    ORDER BY d.id FOR NO KEY UPDATE OF d)
UPDATE mqtt_device d SET status = 'offline', status_reason = '{ANNOUNCED}',
    status_since = to_timestamp(locked.at / 1e6::float8)
FROM locked WHERE d.id = locked.id RETURNING d.id, d.site_id
"""


class Marked(msgspec.Struct, frozen=True):
    """Those of one kind that a batch heard. `still` gives the ids of those whose status stays."""

    kind: Kind
    heard: Mapping[int, RowNews]
    still: Query


class _Changed(msgspec.Struct, frozen=True):
    id: int
    was: str
    status: str


def mark(
    naming: Iterable[FactOfMessage[NamingFact]], directory: Directory, run: Run
) -> list[Marked]:
    """The statements that mark those that were heard; `change` looks at their answers."""
    heard = collect(naming, directory)
    silence = _silence(run)
    if run.is_replay:
        heard = still_news(heard, silence, run.now)
    return [
        Marked(kind, heard[kind], Query(_STILL.format(table=table), _columns(heard[kind], run)))
        for kind, table in TABLES.items()
        if heard[kind]
    ]


def change(marked: Iterable[Marked], gone: Sequence[Death], run: Run) -> bool:
    """Write and publish each status that changes, `gone` with those below. False when a device or
    gateway was removed.

    These rows are locked after the accounting. Only a goodbye and a hello of one device in two
    batches at the same moment can meet in a deadlock, and then one of them is done again.
    """
    changes: list[PresenceChange] = []
    for of_kind in marked:
        unchanged = {row_id for (row_id,) in of_kind.still.rows()}
        others = {
            row_id: entry for row_id, entry in of_kind.heard.items() if row_id not in unchanged
        }
        if not others:
            continue
        found = _write(of_kind.kind, others, run)
        if len(found) != len(others):
            return False
        changes += [
            PresenceChange(
                of_kind.kind, row.id, others[row.id].site_id, row.status, others[row.id].reason
            )
            for row in found
            if row.was != row.status
        ]
    hide_devices(_gone_gateways(changes), run.now)
    publish([*changes, *_reach(gone)])
    return True


def _reach(gone: Sequence[Death]) -> list[PresenceChange]:
    if not gone:
        return []
    columns = [
        numbers(death.site_id for death in gone),
        texts(death.identifier for death in gone),
        numbers(microseconds(death.at) for death in gone),
        booleans(death.is_hint for death in gone),
        booleans(death.is_gateway for death in gone),
    ]
    reached = ask(_REACH, columns).records(RowOfSite)
    return [PresenceChange("device", row.id, row.site_id, OFFLINE, ANNOUNCED) for row in reached]


def _write(kind: Kind, heard: Mapping[int, RowNews], run: Run) -> list[_Changed]:
    statement = _CHANGE.format(table=TABLES[kind])
    return ask(statement, _columns(heard, run)).records(_Changed)


def _gone_gateways(changes: Iterable[PresenceChange]) -> list[int]:
    return [
        change.id for change in changes if change.kind == "gateway" and change.status == OFFLINE
    ]


def _silence(run: Run) -> dict[int, float]:
    """Seconds that a device of a site may be silent, by site id."""
    return {rules.site_id: float(rules.silence) for rules in run.rules.values()}


def _columns(heard: Mapping[int, RowNews], run: Run) -> dict[str, Any]:
    silence = _silence(run)
    ids = sorted(heard)
    entries = [heard[row_id] for row_id in ids]
    return {
        "now": run.now,
        "ids": numbers(ids),
        "seen": numbers(microseconds(entry.seen) if entry.seen else None for entry in entries),
        "at": numbers(microseconds(entry.at) for entry in entries),
        "silence": numbers(silence.get(entry.site_id, 0.0) for entry in entries),
        "status": texts(entry.status for entry in entries),
        "reason": texts(entry.reason for entry in entries),
        "hint": booleans(entry.is_hint for entry in entries),
    }
