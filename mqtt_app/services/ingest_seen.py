"""Who has just been heard, and who said goodbye. Each change of a status is told once."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec
from django.db import connection

from mqtt_app.domain.messages import Envelope
from mqtt_app.domain.presence import ANNOUNCED
from mqtt_app.domain.readings import Availability, Description, Fact
from mqtt_app.models import DeviceStatus
from mqtt_app.services.ingest_devices import Directory

TABLES = {"gateway": "mqtt_gateway", "device": "mqtt_device"}  # in the order in which their rows are locked


class Change(msgspec.Struct, frozen=True):
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


def mark_seen(
    facts: Iterable[tuple[Envelope, Fact]], who: Directory, silence: Mapping[int, float], now: datetime
) -> list[Change]:
    """`silence`: seconds a device of a site may be quiet, by site id.

    A retained message proves nothing about now, except a retained goodbye: its Will says that the link is gone.
    """
    heard = _heard(facts, who)
    changes: list[Change] = []
    for kind, table in TABLES.items():
        found = heard[kind]
        changes += _write(kind, table, found, silence, now)
    gone = [
        change.device_id for change in changes if change.kind == "gateway" and change.status == DeviceStatus.OFFLINE
    ]
    if gone:
        _hide_devices(gone, now)
    return changes


def _heard(facts: Iterable[tuple[Envelope, Fact]], who: Directory) -> dict[str, dict[int, _Heard]]:
    heard: dict[str, dict[int, _Heard]] = {kind: {} for kind in TABLES}
    for message, fact in facts:
        if isinstance(fact, Description):
            continue
        live = not message.retain
        if fact.gateway and live and fact.gateway in {name for _, name in who.gateways}:
            _note(heard["gateway"], who.gateways[message.site_id, fact.gateway].id, message, DeviceStatus.ONLINE)
        if isinstance(fact, Availability):
            kind = "gateway" if fact.is_gateway else "device"
            found = (who.gateways if fact.is_gateway else who.devices).get((message.site_id, fact.identifier))
            status = DeviceStatus.ONLINE if fact.online else DeviceStatus.OFFLINE
            if found is not None and (live or not fact.online):
                _note(heard[kind], found.id, message, status)
        elif live and (found := who.devices.get((message.site_id, fact.device))) is not None:
            _note(heard["device"], found.id, message, DeviceStatus.ONLINE)
    return heard


def _note(heard: dict[int, _Heard], row_id: int, message: Envelope, status: str) -> None:
    entry = heard.setdefault(row_id, _Heard(message.site_id))
    entry.status = status
    if status == DeviceStatus.ONLINE:
        entry.seen = max(entry.seen, message.received_at)


def _write(
    kind: str, table: str, heard: Mapping[int, _Heard], silence: Mapping[int, float], now: datetime
) -> list[Change]:
    if not heard:
        return []
    ids = sorted(heard)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, status FROM {table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [ids])
        before = dict(cursor.fetchall())
        entries = [heard[row_id] for row_id in ids]
        cursor.execute(
            f"UPDATE {table} d SET last_seen = GREATEST(d.last_seen, v.seen),"
            " due_at = GREATEST(d.last_seen, v.seen) + make_interval(secs => coalesce(d.silence_after, v.silence)),"
            " status = v.status, status_reason = v.reason,"
            " status_since = CASE WHEN d.status = v.status THEN d.status_since ELSE %s END"
            " FROM unnest(%s::bigint[], %s::timestamptz[], %s::float8[], %s::text[], %s::text[])"
            " AS v(id, seen, silence, status, reason) WHERE d.id = v.id",
            [
                now,
                ids,
                [datetime.fromtimestamp(entry.seen, UTC) if entry.seen else None for entry in entries],
                [float(silence.get(entry.site_id, 0.0)) for entry in entries],
                [entry.status for entry in entries],
                [ANNOUNCED if entry.status == DeviceStatus.OFFLINE else "" for entry in entries],
            ],
        )
    return [
        Change(heard[row_id].site_id, row_id, kind, heard[row_id].status, _reason(heard[row_id]))
        for row_id in ids
        if before.get(row_id) != heard[row_id].status
    ]


def _reason(entry: _Heard) -> str:
    return ANNOUNCED if entry.status == DeviceStatus.OFFLINE else ""


def _hide_devices(gateway_ids: list[int], now: datetime) -> None:
    """Nothing is known of devices behind a gateway that is gone; the gateway's event stands for all of theirs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE mqtt_device d SET status = 'unknown', status_since = %s,"
            " status_reason = left('gateway ' || coalesce(nullif(g.name, ''), g.identifier) || ' is offline', 100)"
            " FROM mqtt_gateway g WHERE g.id = d.gateway_id AND g.id = ANY(%s) AND d.status <> 'unknown'",
            [now, gateway_ids],
        )
