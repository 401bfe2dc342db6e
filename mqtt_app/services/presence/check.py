"""Which devices have fallen silent, and of which nothing can be known. Runs every half minute.

    unknown ── heard ──► online ── silent for its time, or its Will ──► offline ── heard ──► online
       ▲                   │                                              │
       └── its site is stopped or unreachable, or its gateway is offline ─┘

Back in reach, an unknown device is unknown until heard, and offline after a whole silence in which
its site's link was up. Going online is a step of ingest (`ingest/devices/presence.py`); everything
else is judged here, by `domain/presence.py`.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from django.db import connection, transaction

from mqtt_app.conf import config
from mqtt_app.domain.presence import GATEWAY_OFFLINE, OFFLINE, ONLINE, SILENT, UNKNOWN, judge
from mqtt_app.models.locks import OFFLINE_CHECK_LOCK
from mqtt_app.services.presence import rhythm, rows
from mqtt_app.services.presence.changes import PresenceChange, publish
from mqtt_app.services.presence.rows import Candidate, Kind, Listening

log = logging.getLogger(__name__)


class OfflineCheckReport(msgspec.Struct, frozen=True):
    """How many this check turned offline. `busy`: another check is running, and did it."""

    gateways: int = 0
    devices: int = 0
    busy: bool = False


def check_offline(now: datetime) -> OfflineCheckReport:
    """Look at those that are due, and at the sites that cannot be heard. Each change is written and
    published once.
    """
    with transaction.atomic():
        if not _locked():
            return OfflineCheckReport(busy=True)
        sites = rows.sites()
        report = _check(sites, now)
    rhythm.learn(sites)
    log.info("Offline check: %d gateways, %d devices", report.gateways, report.devices)
    return report


def _check(sites: Sequence[Listening], now: datetime) -> OfflineCheckReport:
    _lose_sight(sites, now)
    hearable = {site.site_id: site for site in sites if site.since is not None}
    rows.await_again(sorted(hearable), now)
    gateways = _silent("gateway", hearable, now)
    rows.hide_devices([change.id for change in gateways], now)
    late = [
        PresenceChange("device", row.id, row.site_id, UNKNOWN, GATEWAY_OFFLINE)
        for row in rows.hide_late_devices(now)
    ]
    devices = _silent("device", hearable, now)
    publish([*gateways, *late, *devices])
    return OfflineCheckReport(len(gateways), len(devices))


def _lose_sight(sites: Sequence[Listening], now: datetime) -> None:
    """Nothing is known of the devices of a site that is stopped or unreachable."""
    unheard = {site.site_id: site.unheard_because for site in sites if site.since is None}
    for kind in rows.TABLES:
        publish(
            [
                PresenceChange(kind, row.id, row.site_id, UNKNOWN, unheard[row.site_id])
                for row in rows.lose_sight(kind, unheard, now)
            ]
        )


def _silent(kind: Kind, hearable: Mapping[int, Listening], now: datetime) -> list[PresenceChange]:
    """Turn those offline that sent nothing for longer than they may, while the link was up."""
    listened = [number for number, site in hearable.items() if _has_listened(site, now)]
    due = rows.due(kind, listened, now)
    silent = [
        candidate
        for candidate in due
        if _verdict(candidate, hearable[candidate.site_id], now) == OFFLINE
    ]
    written = rows.turn_offline(kind, silent, now)
    return [
        PresenceChange(kind, candidate.id, candidate.site_id, OFFLINE, SILENT)
        for candidate in silent
        if candidate.id in written
    ]


def _has_listened(site: Listening, now: datetime) -> bool:
    return site.since is not None and now.timestamp() >= site.since + config().restart_grace


def _verdict(candidate: Candidate, site: Listening, now: datetime) -> str:
    if site.since is None:
        since = site.since
    else:
        since = max(site.since, candidate.gateway_since)
    silence = candidate.silence_after or site.silence
    return judge(
        ONLINE if candidate.status == ONLINE else UNKNOWN,
        candidate.last_seen,
        float(silence),
        now.timestamp(),
        listening_since=since,
        gateway_status=candidate.gateway_status,
    ).status


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s::bigint)", [OFFLINE_CHECK_LOCK])
        return bool(cursor.fetchone()[0])
