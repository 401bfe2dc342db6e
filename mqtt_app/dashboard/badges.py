"""How a state looks: a word, a shape and a tone, in one place. The shape alone is enough to tell
states apart.
"""

from dataclasses import dataclass

from mqtt_app.selectors.status.facets import SiteStatus


@dataclass(frozen=True, slots=True)
class Badge:
    """`tone` names both the colours (parts.css) and the shape (icons.svg)."""

    tone: str
    word: str


OK, WAIT, OFF, WARN, BAD = "ok", "wait", "off", "warn", "bad"

KINDS = {
    "running": Badge(OK, "Running"),
    "starting": Badge(WAIT, "Connecting…"),
    "degraded": Badge(WARN, "Degraded"),
    "refused": Badge(BAD, "Refused"),
    "stopped": Badge(OFF, "Stopped"),
}
STOPPING = Badge(WAIT, "Stopping…")

LINKS = {
    "connected": Badge(OK, "Connected"),
    "connecting": Badge(WAIT, "Connecting…"),
    "disconnected": Badge(OFF, "Disconnected"),
    "error": Badge(BAD, "Error"),
}

DEVICES = {
    "online": Badge(OK, "Online"),
    "offline": Badge(BAD, "Offline"),
    "unknown": Badge(OFF, "Unknown"),
    "asleep": Badge(OFF, "Asleep"),
}

LEVELS = {
    "DEBUG": Badge(OFF, "Debug"),
    "INFO": Badge(OK, "Info"),
    "WARNING": Badge(WARN, "Warning"),
    "ERROR": Badge(BAD, "Error"),
    "CRITICAL": Badge(BAD, "Critical"),
}


def headline_badge(status: SiteStatus) -> Badge:
    if status.kind == "degraded" and not status.desired.wanted:
        return STOPPING
    return KINDS[status.kind]


def group(status: SiteStatus) -> str:
    """The tile of the overview that counts this site."""
    if status.kind == "refused":
        return "degraded"
    return status.kind
