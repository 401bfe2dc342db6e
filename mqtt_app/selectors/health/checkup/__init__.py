"""What `manage.py doctor` looks at beyond what `domain/health` judges: versions, clocks, room, keys."""

from mqtt_app.selectors.health.checkup.connections import failing_connections
from mqtt_app.selectors.health.checkup.database import database
from mqtt_app.selectors.health.checkup.exposure import exposure
from mqtt_app.selectors.health.checkup.redis import memory_and_writes
from mqtt_app.selectors.health.checkup.settings import settings_checks

__all__ = [
    "database",
    "exposure",
    "failing_connections",
    "memory_and_writes",
    "settings_checks",
]
