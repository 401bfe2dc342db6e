"""Who is there: judged from last messages, announcements, and whether anybody could have heard
them. Unix seconds.
"""

from dataclasses import dataclass

ONLINE, OFFLINE, UNKNOWN = "online", "offline", "unknown"
SILENT = "silent"
ANNOUNCED = "announced"
GATEWAY_OFFLINE = "gateway offline"
SITE_UNREACHABLE = "site unreachable"
SITE_STOPPED = "site stopped"
NOT_HEARD = "not heard since it became reachable again"


@dataclass(frozen=True, slots=True)
class PresenceVerdict:
    status: str
    reason: str = ""


def due_at(last_seen: float, silence: float) -> float:
    """When silence becomes offline; `silence` is the allowed time in seconds."""
    return last_seen + silence


def grace_until(listening_since: float, silence: float) -> float:
    """Nobody is silent before we have listened for as long as they may be: after a restart, or a
    link that was down.
    """
    return listening_since + silence


def is_silent(last_seen: float, silence: float, now: float, grace_end: float) -> bool:
    return now >= max(due_at(last_seen, silence), grace_end)


def effective_status(
    device_status: str, gateway_status: str | None, *, site_reachable: bool
) -> PresenceVerdict:
    """What can be said of a device: nothing while nobody could hear it. `gateway_status` is None
    without a gateway.
    """
    if not site_reachable:
        return PresenceVerdict(UNKNOWN, SITE_UNREACHABLE)
    if gateway_status == OFFLINE:
        return PresenceVerdict(UNKNOWN, GATEWAY_OFFLINE)
    return PresenceVerdict(device_status, SILENT if device_status == OFFLINE else "")


def judge(
    status: str,
    last_seen: float | None,
    silence: float,
    now: float,
    *,
    listening_since: float | None,
    gateway_status: str | None = None,
) -> PresenceVerdict:
    """The status of a device (or of a gateway, which has none above it).

    `listening_since` is when the site's link last came up with all filters granted; None while it
    is down. Who was never heard stays unknown.
    """
    reachable = listening_since is not None
    if listening_since is None or gateway_status == OFFLINE:
        return effective_status(status, gateway_status, site_reachable=reachable)
    if last_seen is None:
        return PresenceVerdict(UNKNOWN)
    if is_silent(last_seen, silence, now, grace_until(listening_since, silence)):
        return PresenceVerdict(OFFLINE, SILENT)
    return PresenceVerdict(ONLINE if last_seen >= listening_since or status == ONLINE else UNKNOWN)
