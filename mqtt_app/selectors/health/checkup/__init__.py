"""Everything that can be wrong with an installation, each as a finding with its remedy; for
`manage.py doctor`.
"""

from mqtt_app.selectors.health.checkup.database import database
from mqtt_app.selectors.health.checkup.exposure import exposure
from mqtt_app.selectors.health.checkup.findings import Finding, Severity
from mqtt_app.selectors.health.checkup.fleet import fleet
from mqtt_app.selectors.health.checkup.redis import memory_and_writes
from mqtt_app.selectors.health.checkup.settings import settings_checks

__all__ = [
    "Finding",
    "Severity",
    "database",
    "exposure",
    "fleet",
    "memory_and_writes",
    "settings_checks",
]
