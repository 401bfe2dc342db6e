"""The devices and gateways that facts name: found or made, named, tied together."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import msgspec

from mqtt_app.domain.facts import Availability
from mqtt_app.services.ingest.devices.descriptions import APPLY_TO_DEVICES, APPLY_TO_GATEWAYS
from mqtt_app.services.ingest.parsing.facts import FactOfMessage, NamingFact
from mqtt_app.services.ingest.records import DeviceKey, KnownDevice
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.postgres.columns import numbers, texts
from mqtt_app.services.postgres.statements import ask

_FIND = """
SELECT d.id, d.site_id, d.identifier, {columns} FROM {table} d
JOIN unnest(%s::bigint[], %s::text[]) AS w(site_id, identifier)
    ON d.site_id = w.site_id AND d.identifier = w.identifier
"""
_FIND_GATEWAYS = _FIND.format(table="mqtt_gateway", columns="NULL::bigint AS gateway_id")
_FIND_DEVICES = _FIND.format(table="mqtt_device", columns="d.gateway_id, d.clock_skew")
_FIND_ALIASES = """
SELECT d.id, d.site_id, d.identifier, d.gateway_id, d.clock_skew, a.identifier AS asked
FROM mqtt_devicealias a
JOIN unnest(%s::bigint[], %s::text[]) AS w(site_id, identifier)
    ON a.site_id = w.site_id AND a.identifier = w.identifier
JOIN mqtt_device d ON d.id = a.device_id
"""
# `+ 0`: found by the beginning of the identifier, not one by one among all devices of the site
_STANDS_FOR_OTHERS = """
SELECT w.site_id, w.identifier
FROM unnest(%s::bigint[], %s::text[]) AS w(site_id, identifier)
WHERE EXISTS (SELECT FROM mqtt_device d WHERE d.site_id + 0 = w.site_id
    AND d.identifier ~>=~ (w.identifier || '/') AND d.identifier ~<~ (w.identifier || '0'))
"""
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


class Directory(msgspec.Struct, frozen=True):
    """All that a batch names. `is_full`: devices are missing here, because their site's quota is
    used up.
    """

    devices: Mapping[DeviceKey, KnownDevice]
    gateways: Mapping[DeviceKey, KnownDevice]
    is_full: bool


class _Named:
    """`gateway_of` has all devices. `heard`: those of which `presence.mark` will find out whether
    they still are what is remembered. `speaking`: those that gave a reading. `of_gateways`: what
    would be the devices that gateways are themselves.
    """

    def __init__(self, naming: Iterable[FactOfMessage[NamingFact]]) -> None:
        self.gateway_of: dict[DeviceKey, str | None] = {}
        self.gateways: set[DeviceKey] = set()
        self.of_gateways: set[DeviceKey] = set()
        self.speaking: set[DeviceKey] = set()
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
                self.of_gateways.add((site_id, fact.identifier))
                return
            key = (site_id, fact.identifier)
        else:
            key = (site_id, fact.device)
            self.speaking.add(key)
        is_behind = fact.gateway is not None and fact.gateway != key[1]
        self.gateway_of[key] = fact.gateway if is_behind else self.gateway_of.get(key)
        if not found.message.retain:
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
        found = _devices(missing, named.speaking, run)
        run.memory.devices |= found
        devices |= found
    unnamed = named.of_gateways - devices.keys()
    if unnamed:
        devices |= _find(_FIND_DEVICES, unnamed)
    _tie(devices, wanted, run)
    return Directory(devices, gateways, not named.speaking <= devices.keys())


def _gateways(keys: Collection[DeviceKey], run: Run) -> dict[DeviceKey, KnownDevice]:
    if not keys:
        return {}
    found = _find(_FIND_GATEWAYS, keys)
    missing = sorted(keys - found.keys())
    if missing:
        columns = _columns(missing)
        ask(_MAKE_GATEWAYS, {"now": run.now, **columns})
        ask(APPLY_TO_GATEWAYS, [columns["sites"], columns["identifiers"]])
        found |= _find(_FIND_GATEWAYS, missing)
    return found


def _devices(
    wanted: Mapping[DeviceKey, int | None], speaking: Collection[DeviceKey], run: Run
) -> dict[DeviceKey, KnownDevice]:
    """`wanted`: ids of their gateways."""
    found = _find(_FIND_DEVICES, wanted)
    missing = wanted.keys() - found.keys()
    if missing:
        found |= _find(_FIND_ALIASES, missing)
        missing -= found.keys()
    if missing:
        missing -= _standing_for_others(missing - set(speaking))
        allowed = _within_quota(sorted(missing), run)
        if allowed:
            gateways = numbers(wanted[key] for key in allowed)
            columns = _columns(allowed)
            ask(_MAKE_DEVICES, {"now": run.now, "gateways": gateways, **columns})
            ask(APPLY_TO_DEVICES, [columns["sites"], columns["identifiers"]])
        found |= _find(_FIND_DEVICES, missing)
    return found


def _standing_for_others(keys: Collection[DeviceKey]) -> set[DeviceKey]:
    """Those that only their availability names, and that stand for devices below them: a node
    without a value of its own is no device.
    """
    if not keys:
        return set()
    columns = _columns(sorted(keys))
    return set(ask(_STANDS_FOR_OTHERS, [columns["sites"], columns["identifiers"]]).rows())


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
