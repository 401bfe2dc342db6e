"""The devices and gateways that facts name: found or made, named, tied together."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import msgspec

from mqtt_app.domain.facts import Availability, DeviceDescription
from mqtt_app.services.ingest.parsing.facts import FactOfMessage, NamingFact
from mqtt_app.services.ingest.records import DeviceKey, KnownDevice
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import numbers, texts
from mqtt_app.services.postgres.statements import ask

_FIND = """
SELECT d.id, d.site_id, d.identifier, d.name, {gateway} AS gateway_id FROM {table} d
JOIN unnest(%s::bigint[], %s::text[]) AS w(site_id, identifier)
    ON d.site_id = w.site_id AND d.identifier = w.identifier
"""
_FIND_GATEWAYS = _FIND.format(table="mqtt_gateway", gateway="NULL::bigint")
_FIND_DEVICES = _FIND.format(table="mqtt_device", gateway="d.gateway_id")
_MAKE_GATEWAYS = """
INSERT INTO mqtt_gateway
    (site_id, identifier, name, status, status_reason, status_since, created_at)
SELECT w.site_id, w.identifier, '', 'unknown', '', %(now)s::timestamptz, %(now)s::timestamptz
FROM unnest(%(sites)s::bigint[], %(identifiers)s::text[]) AS w(site_id, identifier)
ON CONFLICT DO NOTHING
"""
_MAKE_DEVICES = """
INSERT INTO mqtt_device
    (site_id, identifier, name, status, status_reason, status_since, created_at, gateway_id)
SELECT w.site_id, w.identifier, '', 'unknown', '', %(now)s::timestamptz, %(now)s::timestamptz,
    w.gateway_id
FROM unnest(%(sites)s::bigint[], %(identifiers)s::text[], %(gateways)s::bigint[])
    AS w(site_id, identifier, gateway_id)
ON CONFLICT DO NOTHING
"""
_COUNT = """
SELECT site_id, count(*) FROM mqtt_device WHERE site_id = ANY(%s::bigint[]) GROUP BY site_id
"""
_TIE = """
UPDATE mqtt_device d SET gateway_id = v.gateway_id
FROM unnest(%s::bigint[], %s::bigint[]) AS v(id, gateway_id) WHERE d.id = v.id
"""
_NAME = """
UPDATE mqtt_device d SET name = v.name
FROM unnest(%s::bigint[], %s::text[]) AS v(id, name) WHERE d.id = v.id AND d.name = ''
"""


class Directory(msgspec.Struct, frozen=True):
    """All that a batch names. `is_full`: devices are missing here, because their site's quota is
    used up.
    """

    devices: Mapping[DeviceKey, KnownDevice]
    gateways: Mapping[DeviceKey, KnownDevice]
    is_full: bool


class _Named:
    """`gateway_of` has all devices. `heard`: those of which `presence.mark` will find out whether
    they still are what is remembered.
    """

    def __init__(self, naming: Iterable[FactOfMessage[NamingFact]]) -> None:
        self.gateway_of: dict[DeviceKey, str | None] = {}
        self.gateways: set[DeviceKey] = set()
        self.names: dict[DeviceKey, str] = {}
        self.heard: set[DeviceKey] = set()
        for found in naming:
            self._add(found)

    def _add(self, found: FactOfMessage[NamingFact]) -> None:
        fact = found.fact
        site_id = found.message.site_id
        if fact.gateway:
            self.gateways.add((site_id, fact.gateway))
        if isinstance(fact, Availability):
            if fact.is_gateway:
                self.gateways.add((site_id, fact.identifier))
                return
            key = (site_id, fact.identifier)
        else:
            key = (site_id, fact.device)
        self.gateway_of[key] = fact.gateway or self.gateway_of.get(key)
        if isinstance(fact, DeviceDescription):
            self.names[key] = fact.name or self.names.get(key, "")
        elif not found.message.retain:
            self.heard.add(key)


def look_up(naming: Iterable[FactOfMessage[NamingFact]], run: Run) -> Directory:
    """Makes those that are new."""
    named = _Named(naming)
    gateways = _gateways(named.gateways, run)
    wanted = {
        (site_id, identifier): gateways[site_id, gateway].id if gateway else None
        for (site_id, identifier), gateway in named.gateway_of.items()
    }
    devices = run.memory.known_devices(named.heard)
    missing = {key: gateway_id for key, gateway_id in wanted.items() if key not in devices}
    if missing:
        found = _devices(missing, run)
        run.memory.devices |= found
        devices |= found
    _tie(devices, wanted, run)
    _name(devices, named.names)
    return Directory(devices, gateways, len(devices) < len(wanted))


def _gateways(keys: Collection[DeviceKey], run: Run) -> dict[DeviceKey, KnownDevice]:
    if not keys:
        return {}
    found = _find(_FIND_GATEWAYS, keys)
    missing = sorted(keys - found.keys())
    if missing:
        ask(_MAKE_GATEWAYS, {"now": run.now, **_columns(missing)})
        found |= _find(_FIND_GATEWAYS, missing)
    return found


def _devices(wanted: Mapping[DeviceKey, int | None], run: Run) -> dict[DeviceKey, KnownDevice]:
    """`wanted`: ids of their gateways."""
    found = _find(_FIND_DEVICES, wanted)
    missing = sorted(wanted.keys() - found.keys())
    if missing:
        allowed = _within_quota(missing, run)
        if allowed:
            gateways = numbers(wanted[key] for key in allowed)
            ask(_MAKE_DEVICES, {"now": run.now, "gateways": gateways, **_columns(allowed)})
        found |= _find(_FIND_DEVICES, missing)
    return found


def _find(statement: str, keys: Iterable[DeviceKey]) -> dict[DeviceKey, KnownDevice]:
    columns = _columns(sorted(keys))
    rows = ask(statement, [columns["sites"], columns["identifiers"]]).records(KnownDevice)
    return {device.key: device for device in rows}


def _columns(keys: Collection[DeviceKey]) -> dict[str, str]:
    return {
        "sites": numbers(site_id for site_id, _ in keys),
        "identifiers": texts(identifier for _, identifier in keys),
    }


def _within_quota(keys: Iterable[DeviceKey], run: Run) -> list[DeviceKey]:
    limits = {rules.site_id: rules.max_devices for rules in run.rules.values()}
    sites = numbers(sorted({site_id for site_id, _ in keys}))
    used: defaultdict[int, int] = defaultdict(int, ask(_COUNT, [sites]).rows())
    allowed = []
    for key in keys:
        site_id = key[0]
        if used[site_id] < limits.get(site_id, 0):
            used[site_id] += 1
            allowed.append(key)
    return allowed


def _tie(
    devices: dict[DeviceKey, KnownDevice], wanted: Mapping[DeviceKey, int | None], run: Run
) -> None:
    """A device that turns up behind a gateway, or behind another one than before."""
    moved = {
        key: msgspec.structs.replace(devices[key], gateway_id=gateway_id)
        for key, gateway_id in wanted.items()
        if gateway_id is not None and key in devices and devices[key].gateway_id != gateway_id
    }
    if moved:
        ids = numbers(device.id for device in moved.values())
        ask(_TIE, [ids, numbers(device.gateway_id for device in moved.values())])
        run.memory.devices |= moved


def _name(devices: Mapping[DeviceKey, KnownDevice], names: Mapping[DeviceKey, str]) -> None:
    """A name given by a person stays: only an empty one is filled."""
    given = {
        devices[key].id: name
        for key, name in names.items()
        if key in devices and not devices[key].name
    }
    if given:
        ask(_NAME, [numbers(given), texts(given.values())])
