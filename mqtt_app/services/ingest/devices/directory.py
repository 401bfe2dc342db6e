"""The devices and gateways that facts speak of: found or made, named, tied together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from django.db import connection

from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.facts import Availability, DeviceDescription, Fact
from mqtt_app.services.ingest.admission.claim import Admission
from mqtt_app.services.ingest.memory import Known
from mqtt_app.services.postgres.columns import numbers, texts

Key = tuple[int, str]  # site id, identifier


class Who(msgspec.Struct):
    """A row of mqtt_device or mqtt_gateway."""

    id: int
    name: str
    gateway_id: int | None = None


class Directory(msgspec.Struct, frozen=True):
    """Everyone a batch speaks of. `is_full`: devices are missing here, because their site's quota
    is used up.
    """

    devices: Mapping[Key, Who]
    gateways: Mapping[Key, Who]
    is_full: bool


_known: Known[Key, Who] = Known()
forget = _known.forget


def look_up(facts: Iterable[tuple[Envelope, Fact]], context: Admission, now: datetime) -> Directory:
    """Makes whoever is new."""
    gateway_of: dict[Key, str | None] = {}
    gateways: set[Key] = set()
    names: dict[Key, str] = {}
    heard: set[Key] = (
        set()
    )  # those of whom mark_seen will find out whether they still are what is remembered
    for message, fact in facts:
        site_id = message.site_id
        if fact.gateway:
            gateways.add((site_id, fact.gateway))
        if isinstance(fact, Availability) and fact.is_gateway:
            gateways.add((site_id, fact.identifier))
            continue
        key = (site_id, fact.identifier if isinstance(fact, Availability) else fact.device)
        gateway_of[key] = fact.gateway or gateway_of.get(key)
        if isinstance(fact, DeviceDescription):
            names[key] = fact.name or names.get(key, "")
        elif not message.retain:
            heard.add(key)
    found_gateways = _gateways(gateways, now)
    wanted = {
        key: found_gateways[key[0], name].id if name else None for key, name in gateway_of.items()
    }
    devices = _known.of(heard)
    devices |= _devices({key: wanted[key] for key in wanted if key not in devices}, context, now)
    _known.learn(devices)
    _tie(devices, wanted)
    _name(devices, names)
    return Directory(devices, found_gateways, len(devices) < len(wanted))


def _gateways(keys: set[Key], now: datetime) -> dict[Key, Who]:
    if not keys:
        return {}
    found = _find("mqtt_gateway", "NULL::bigint", keys)
    missing = sorted(keys - found.keys())
    if missing:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO mqtt_gateway (site_id, identifier, name, status, status_reason, status_since, created_at)"
                " SELECT w.site_id, w.identifier, '', 'unknown', '', %s, %s"
                " FROM unnest(%s::bigint[], %s::text[]) AS w(site_id, identifier) ON CONFLICT DO NOTHING",
                [now, now, numbers(key[0] for key in missing), texts(key[1] for key in missing)],
            )
        found |= _find("mqtt_gateway", "NULL::bigint", missing)
    return found


def _devices(wanted: Mapping[Key, int | None], context: Admission, now: datetime) -> dict[Key, Who]:
    if not wanted:
        return {}
    found = _find("mqtt_device", "gateway_id", wanted)
    missing = sorted(wanted.keys() - found.keys())
    if missing:
        allowed = _within_quota(missing, context)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO mqtt_device"
                " (site_id, identifier, name, status, status_reason, status_since, created_at, gateway_id)"
                " SELECT w.site_id, w.identifier, '', 'unknown', '', %s, %s, w.gateway_id"
                " FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS w(site_id, identifier, gateway_id)"
                " ON CONFLICT DO NOTHING",
                [
                    now,
                    now,
                    numbers(key[0] for key in allowed),
                    texts(key[1] for key in allowed),
                    numbers(wanted[key] for key in allowed),
                ],
            )
        found |= _find("mqtt_device", "gateway_id", missing)
    return found


def _find(table: str, gateway: str, keys: Iterable[Key]) -> dict[Key, Who]:
    wanted = sorted(keys)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT d.site_id, d.identifier, d.id, d.name, {gateway} FROM {table} d"
            " JOIN unnest(%s::bigint[], %s::text[]) AS w(site_id, identifier)"
            " ON d.site_id = w.site_id AND d.identifier = w.identifier",
            [numbers(key[0] for key in wanted), texts(key[1] for key in wanted)],
        )
        return {(row[0], row[1]): Who(row[2], row[3], row[4]) for row in cursor.fetchall()}


def _within_quota(keys: Iterable[Key], context: Admission) -> list[Key]:
    limits = {rules.site_id: rules.max_devices for rules in context.rules.values()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT site_id, count(*) FROM mqtt_device WHERE site_id = ANY(%s) GROUP BY site_id",
            [sorted({key[0] for key in keys})],
        )
        used: defaultdict[int, int] = defaultdict(int, cursor.fetchall())
    allowed = []
    for key in keys:
        if used[key[0]] < limits.get(key[0], 0):
            used[key[0]] += 1
            allowed.append(key)
    return allowed


def _tie(devices: Mapping[Key, Who], wanted: Mapping[Key, int | None]) -> None:
    """A device that turns up behind a gateway, or behind another one than before."""
    moved = {
        who.id: gateway_id
        for key, who in devices.items()
        if (gateway_id := wanted.get(key)) is not None and gateway_id != who.gateway_id
    }
    if moved:
        forget()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE mqtt_device d SET gateway_id = v.gateway_id"
                " FROM unnest(%s::bigint[], %s::bigint[]) AS v(id, gateway_id) WHERE d.id = v.id",
                [list(moved), list(moved.values())],
            )


def _name(devices: Mapping[Key, Who], names: Mapping[Key, str]) -> None:
    """A name given by a person stays: only an empty one is filled."""
    given = {
        devices[key].id: name
        for key, name in names.items()
        if key in devices and not devices[key].name
    }
    if given:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE mqtt_device d SET name = v.name FROM unnest(%s::bigint[], %s::text[]) AS v(id, name)"
                " WHERE d.id = v.id AND d.name = ''",
                [list(given), list(given.values())],
            )
