"""Who has just been heard, and who said goodbye. Each change of a status is told once."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from django.db import connection, transaction

from mqtt_app import events
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import Availability, DeviceDescription, Fact, Liveness
from mqtt_app.domain.presence import ANNOUNCED
from mqtt_app.models import DeviceStatus
from mqtt_app.services.ingest.admission.claim import Admission
from mqtt_app.services.ingest.memory import StaleError
from mqtt_app.services.ingest.devices.directory import Directory
from mqtt_app.services.postgres.columns import microseconds, numbers, texts
from mqtt_app.services.postgres.statements import Cursor, rows

TABLES = {
    "gateway": "mqtt_gateway",
    "device": "mqtt_device",
}  # in the order in which their rows are locked


_HEARD = """unnest(%(ids)s::bigint[], %(seen)s::bigint[], %(at)s::bigint[], %(silence)s::float8[], %(status)s::text[],
    %(reason)s::text[]) AS v(id, seen, at, silence, status, reason)"""
_LAST_SEEN = "GREATEST(d.last_seen, to_timestamp(v.seen / 1e6::float8))"
_DUE_AT = f"{_LAST_SEEN} + make_interval(secs => coalesce(d.silence_after, v.silence))"
# `due_at` is indexed, and an update that changes no index is far cheaper: while it lies ahead it
# stays, as the earliest moment at which silence may be judged.
_STILL = f"""
UPDATE {{table}} d SET last_seen = {_LAST_SEEN}, due_at = CASE WHEN d.due_at > %(now)s THEN d.due_at ELSE {_DUE_AT} END
FROM {_HEARD} WHERE d.id = v.id AND d.status = v.status RETURNING d.id
"""
# Batches commit in any order: a goodbye counts only against what was heard before it, and a sign of
# life only after it.
_OLD = f"""
(v.status = 'offline' AND to_timestamp(v.at / 1e6::float8) < b.last_seen) OR (v.status = 'online'
    AND b.status_reason = '{ANNOUNCED}' AND to_timestamp(v.at / 1e6::float8) <= b.status_since)
"""
_CHANGED = f"""
WITH before AS (
    SELECT id, status, status_reason, status_since, last_seen FROM {{table}} WHERE id = ANY(%(ids)s::bigint[])
    ORDER BY id FOR NO KEY UPDATE),
judged AS (
    SELECT v.id, v.seen, v.at, v.silence, b.status AS was, CASE WHEN old THEN b.status ELSE v.status END AS status,
        CASE WHEN old THEN b.status_reason ELSE v.reason END AS reason
    FROM before b JOIN {_HEARD} ON v.id = b.id CROSS JOIN LATERAL (SELECT ({_OLD}) IS TRUE AS old) AS o)
UPDATE {{table}} d SET last_seen = {_LAST_SEEN}, due_at = {_DUE_AT}, status = v.status, status_reason = v.reason,
    status_since = CASE WHEN v.was = v.status THEN d.status_since
        WHEN v.status = 'offline' THEN to_timestamp(v.at / 1e6::float8) ELSE %(now)s::timestamptz END
FROM judged v WHERE d.id = v.id RETURNING d.id, v.was, v.status
"""


class StatusChange(msgspec.Struct, frozen=True):
    """The fields of events.device_changed."""

    site_id: int
    device_id: int
    kind: str
    status: str
    reason: str


class _Heard(msgspec.Struct):
    """What a batch says of one device or gateway. `seen` 0.0: not heard itself."""

    site_id: int
    seen: float = 0.0
    status: str = ""
    at: float = 0.0  # when the newest message about it came


def mark_seen(
    facts: Iterable[tuple[Envelope, Fact]],
    who: Directory,
    context: Admission,
    now: datetime,
) -> None:
    """Later: StaleError when somebody is gone, and word to the browsers after the commit.

    A retained message proves nothing about now, except a retained goodbye: its Will says that the
    link is gone.
    """
    silence = {rules.site_id: rules.silence for rules in context.rules.values()}
    heard = _heard(facts, who)
    if context.late:
        heard = {kind: _still_news(TABLES[kind], heard[kind], silence, now) for kind in TABLES}
    still = [
        (
            kind,
            heard[kind],
            context.later.add(_STILL.format(table=table), _columns(heard[kind], silence, now)),
        )
        for kind, table in TABLES.items()
        if heard[kind]
    ]
    context.later.then(lambda: _settle(still, silence, now))


def _settle(
    still: Iterable[tuple[str, dict[int, _Heard], Cursor]],
    silence: Mapping[int, float],
    now: datetime,
) -> None:
    changes = [
        change
        for kind, heard, found in still
        for change in _change(kind, heard, found, silence, now)
    ]
    gone = [
        change.device_id
        for change in changes
        if change.kind == "gateway" and change.status == DeviceStatus.OFFLINE
    ]
    if gone:
        _hide_devices(gone, now)
    for change in changes:
        transaction.on_commit(partial(events.device_changed, **msgspec.structs.asdict(change)))


def _heard(facts: Iterable[tuple[Envelope, Fact]], who: Directory) -> dict[str, dict[int, _Heard]]:
    heard: dict[str, dict[int, _Heard]] = {kind: {} for kind in TABLES}
    for message, fact in facts:
        if isinstance(fact, DeviceDescription):
            continue
        live = not message.retain
        if fact.gateway and live:
            _note(
                heard["gateway"],
                who.gateways[message.site_id, fact.gateway].id,
                message,
                DeviceStatus.ONLINE,
            )
        if isinstance(fact, Availability):
            kind = "gateway" if fact.is_gateway else "device"
            found = (who.gateways if fact.is_gateway else who.devices).get(
                (message.site_id, fact.identifier)
            )
            status = DeviceStatus.ONLINE if fact.state is Liveness.ONLINE else DeviceStatus.OFFLINE
            if found is not None and (live or fact.state is not Liveness.ONLINE):
                _note(heard[kind], found.id, message, status)
        elif live and (found := who.devices.get((message.site_id, fact.device))) is not None:
            _note(heard["device"], found.id, message, DeviceStatus.ONLINE)
    return heard


def _note(heard: dict[int, _Heard], row_id: int, message: Envelope, status: str) -> None:
    entry = heard.setdefault(row_id, _Heard(message.site_id))
    entry.status = status
    entry.at = max(entry.at, message.received_at)
    if status == DeviceStatus.ONLINE:
        entry.seen = max(entry.seen, message.received_at)


def _still_news(
    table: str, heard: Mapping[int, _Heard], silence: Mapping[int, float], now: datetime
) -> dict[int, _Heard]:
    """Without those who were heard since, or whose sign of life is older than the silence they may
    keep.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, coalesce(extract(epoch FROM last_seen), 0)::float8 FROM {table} WHERE id = ANY(%s)",
            [sorted(heard)],
        )
        last_seen = dict(cursor.fetchall())
    return {
        row_id: entry
        for row_id, entry in heard.items()
        if last_seen.get(row_id, 0.0) < entry.at
        and (
            entry.status == DeviceStatus.OFFLINE
            or now.timestamp() - entry.at < silence.get(entry.site_id, 0.0)
        )
    }


def _change(
    kind: str,
    heard: Mapping[int, _Heard],
    still: Cursor,
    silence: Mapping[int, float],
    now: datetime,
) -> list[StatusChange]:
    """`still` has those whose status stays. Raises StaleError when somebody is gone.

    These rows are locked after the books. Only a goodbye and a hello of one device in two batches
    at the same moment can meet in a deadlock, and then one of them is done again.
    """
    unchanged = {row_id for (row_id,) in still.fetchall()}
    others = {row_id: entry for row_id, entry in heard.items() if row_id not in unchanged}
    if not others:
        return []
    changed = rows(_CHANGED.format(table=TABLES[kind]), _columns(others, silence, now))
    if len(changed) != len(others):
        raise StaleError
    return [
        StatusChange(heard[row_id].site_id, row_id, kind, status, _reason(heard[row_id]))
        for row_id, before, status in changed
        if before != status
    ]


def _columns(
    heard: Mapping[int, _Heard], silence: Mapping[int, float], now: datetime
) -> dict[str, Any]:
    ids = sorted(heard)
    entries = [heard[row_id] for row_id in ids]
    return {
        "now": now,
        "ids": numbers(ids),
        "seen": numbers(microseconds(entry.seen) if entry.seen else None for entry in entries),
        "at": numbers(microseconds(entry.at) for entry in entries),
        "silence": numbers(float(silence.get(entry.site_id, 0.0)) for entry in entries),
        "status": texts(entry.status for entry in entries),
        "reason": texts(_reason(entry) for entry in entries),
    }


def _reason(entry: _Heard) -> str:
    return ANNOUNCED if entry.status == DeviceStatus.OFFLINE else ""


def _hide_devices(gateway_ids: list[int], now: datetime) -> None:
    """Nothing is known of devices behind a gateway that is gone; the gateway's event stands for all
    of theirs.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE mqtt_device d SET status = 'unknown', status_since = %s,"
            " status_reason = left('gateway ' || coalesce(nullif(g.name, ''), g.identifier) || ' is offline', 100)"
            " FROM mqtt_gateway g WHERE g.id = d.gateway_id AND g.id = ANY(%s) AND d.status <> 'unknown'",
            [now, gateway_ids],
        )
