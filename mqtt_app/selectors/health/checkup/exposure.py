"""Protection that was given up on purpose."""

from collections.abc import Iterator

from mqtt_app.conf import config
from mqtt_app.domain.health.findings import Finding, ok, warning
from mqtt_app.selectors.health.exposure import allow_listed, unverified_tls
from mqtt_app.selectors.status.system import SystemSnapshot

SHOWN = 5  # connections that are named


def exposure(seen: SystemSnapshot, *, database: bool) -> Iterator[Finding]:
    if database:
        yield _unverified()
    yield _allow_list(seen)


def _unverified() -> Finding:
    rows = unverified_tls().select_related("site").only("site__name", "broker_host").order_by("id")
    count = rows.count()
    if not count:
        return ok("tls", "Every connection that uses TLS verifies its broker.")
    named = ", ".join(f"[Site {row.site_id}] {row.site.name}" for row in rows[:SHOWN])
    if count > SHOWN:
        more = f" and {count - SHOWN} more"
    else:
        more = ""
    return warning(
        "tls",
        f"{count} connections do not verify their broker: {named}{more}.",
        "Anyone in between can read and alter everything. Give them the broker's CA and turn verification on.",
    )


def _allow_list(seen: SystemSnapshot) -> Finding:
    knobs = config()
    private = f"Brokers in private networks: {knobs.broker_private}."
    if not knobs.broker_allow:
        return ok("allow-list", f"SITEWIRE_BROKER_ALLOW is empty. {private}")
    if seen.reachable:
        links = f"{allow_listed(seen)} links exist by it alone"
    else:
        links = "how many links need it is not known"
    return ok(
        "allow-list",
        f"SITEWIRE_BROKER_ALLOW permits {', '.join(knobs.broker_allow)}; {links}. {private}",
    )
