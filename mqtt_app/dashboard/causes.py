"""What keeps several sites down at once, each cause one line: the broker, and the class of the
failure. Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mqtt_app.selectors.pages import BrokerAddress
from mqtt_app.selectors.status.facets import LastError, SiteStatus

FEWEST = 2  # sites; one alone is said by its own row
MOST = 10  # causes that are shown
DOWN = frozenset(("refused", "degraded"))
CLASSES = {
    "configuration": "wrong settings",
    "credentials": "refuses user name or password",
    "network": "cannot be reached",
    "tls": "TLS fails",
    "broker": "the broker ends the connection",
    "conflict": "another client has the client id",
    "internal": "a fault of this installation",
}


@dataclass(frozen=True, slots=True)
class SharedCause:
    """`said` by most of the sites, `remedy` what to do; `since` the earliest of them."""

    host: str
    error_class: str
    words: str
    said: str
    remedy: str
    sites: int
    since: datetime | None


def causes(
    statuses: Iterable[SiteStatus], addresses: Mapping[int, BrokerAddress]
) -> list[SharedCause]:
    """Those with the most sites first."""
    groups: defaultdict[tuple[str, str], list[SiteStatus]] = defaultdict(list)
    for status in statuses:
        address = addresses.get(status.site_id)
        error = failure_of(status)
        if address is not None and error is not None:
            groups[address.host, error.error_class].append(status)
    found = [
        _cause(host, error_class, members)
        for (host, error_class), members in groups.items()
        if len(members) >= FEWEST
    ]
    return sorted(found, key=_rank)[:MOST]


def failure_of(status: SiteStatus) -> LastError | None:
    """Why the link is down; None for one that is up, stopped, or down for another reason."""
    if status.kind not in DOWN or status.status == "connected" or not status.desired.wanted:
        return None
    if not status.owner.alive:
        return None  # whoever said it is gone; what keeps the link down is that nobody owns it
    return status.link.last_error


def _cause(host: str, error_class: str, members: list[SiteStatus]) -> SharedCause:
    errors = [error for status in members if (error := failure_of(status)) is not None]
    said, _ = Counter(error.message for error in errors).most_common(1)[0]
    remedy = next(error.remedy for error in errors if error.message == said)
    times = [status.link.since for status in members if status.link.since is not None]
    return SharedCause(
        host=host,
        error_class=error_class,
        words=CLASSES.get(error_class, error_class),
        said=said,
        remedy=remedy,
        sites=len(members),
        since=min(times, default=None),
    )


def _rank(cause: SharedCause) -> tuple[int, str, str]:
    return (-cause.sites, cause.host, cause.error_class)
