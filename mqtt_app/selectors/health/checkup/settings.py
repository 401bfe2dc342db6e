"""What can be judged without asking anybody: Django's checks, ours, and the limits of this machine."""

import resource
from collections.abc import Iterator

from django.core import checks

from mqtt_app.conf import config
from mqtt_app.domain.health.findings import Finding, error, ok, warning

SPARE_DESCRIPTORS = 200  # a worker's own: log files, Redis, PostgreSQL, its threads' pipes


def settings_checks() -> Iterator[Finding]:
    said = checks.run_checks()
    found = [
        message for message in said if message.level >= checks.WARNING and not message.is_silenced()
    ]
    for message in found:
        if message.level >= checks.ERROR:
            make = error
        else:
            make = warning
        yield make(
            "settings",
            f"{message.msg} ({message.id})",
            message.hint or "See the documentation of this check.",
        )
    if not found:
        yield ok("settings", "Settings and the relations between the constants are sound.")
    yield _descriptors()


def _descriptors() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = config().capacity + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return warning(
            "descriptors",
            f"A process may open {hard} files here, and an MQTT worker accepts {config().capacity} connections.",
            "Raise the hard limit (LimitNOFILE, ulimit -Hn) or lower SITEWIRE_CAPACITY.",
        )
    return ok("descriptors", f"A process may open {soft} files here, {hard} when it asks for more.")
