"""Who has fallen silent, and of whom nothing can be known. Runs every half minute.

    unknown ── heard ──► online ── silent for its time, or its Will ──► offline ── heard ──► online
       ▲                   │                                              │
       └── its site is stopped or unreachable, or its gateway is offline ─┘

Back in reach, somebody unknown is unknown until heard, and offline after a whole silence in which
we listened. Going online is the ingest's (`ingest_seen.py`); everything else is judged here, by
`domain/presence.py`.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from django.db import connection, transaction

from mqtt_app.conf import config
from mqtt_app.domain.presence import GATEWAY_OFFLINE, OFFLINE, ONLINE, SILENT, UNKNOWN, judge
from mqtt_app.models.locks import OFFLINE_CHECK_LOCK
from mqtt_app.services.presence import rows
from mqtt_app.services.presence.changes import PresenceChange, tell
from mqtt_app.services.presence.rows import Candidate, Kind, Listening

log = logging.getLogger(__name__)


class OfflineCheckReport(msgspec.Struct, frozen=True):
    """How many this check turned offline. `busy`: another check is running, this one did nothing."""

    gateways: int = 0
    devices: int = 0
    busy: bool = False


def check_offline(now: datetime) -> OfflineCheckReport:
    """Look at those who are due, and at the sites that nobody can hear. Each change is written and
    told once.
    """
    with transaction.atomic():
        if not _locked():
            return OfflineCheckReport(busy=True)
        report = _check(now)
    log.info("Offline check: %d gateways, %d devices", report.gateways, report.devices)
    return report


def _check(now: datetime) -> OfflineCheckReport:
    sites = rows.sites()
    _lose_sight(sites, now)
    hearable = {site.site_id: site for site in sites if site.since is not None}
    rows.await_again(sorted(hearable), now)
    gateways = _silent("gateway", hearable, now)
    hidden = rows.hide_devices([change.id for change in gateways], now)
    late = [
        PresenceChange("device", row_id, site_id, UNKNOWN, GATEWAY_OFFLINE)
        for row_id, site_id in hidden
    ]
    devices = _silent("device", hearable, now)
    tell([*gateways, *late, *devices])
    return OfflineCheckReport(len(gateways), len(devices))


def _lose_sight(sites: Sequence[Listening], now: datetime) -> None:
    """Nobody at a site that is stopped or unreachable can be heard, so nothing is known of them."""
    unheard = {site.site_id: site.unheard_because for site in sites if site.since is None}
    for kind in rows.TABLES:
        lost = rows.lose_sight(kind, unheard, now)
        tell(
            [
                PresenceChange(kind, row_id, site_id, UNKNOWN, unheard[site_id])
                for row_id, site_id in lost
            ]
        )


def _silent(kind: Kind, hearable: Mapping[int, Listening], now: datetime) -> list[PresenceChange]:
    """Turn those offline that said nothing for longer than they may, while we listened."""
    listened = [number for number, site in hearable.items() if _has_listened(site, now)]
    due = rows.due(kind, listened, now)
    silent = [one for one in due if _verdict(one, hearable[one.site_id], now) == OFFLINE]
    written = rows.turn_offline(kind, silent, now)
    return [
        PresenceChange(kind, one.id, one.site_id, OFFLINE, SILENT)
        for one in silent
        if one.id in written
    ]


def _has_listened(site: Listening, now: datetime) -> bool:
    return site.since is not None and now.timestamp() >= site.since + config().restart_grace


def _verdict(one: Candidate, site: Listening, now: datetime) -> str:
    since = site.since if site.since is None else max(site.since, one.gateway_since)
    silence = one.silence_after or site.silence
    return judge(
        ONLINE if one.status == ONLINE else UNKNOWN,
        one.last_seen,
        float(silence),
        now.timestamp(),
        listening_since=since,
        gateway_status=one.gateway_status,
    ).status


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s::bigint)", [OFFLINE_CHECK_LOCK])
        return bool(cursor.fetchone()[0])
