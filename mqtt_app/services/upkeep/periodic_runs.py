"""The only writer of when a periodic task last ended well."""

from datetime import datetime

from mqtt_app.domain.health.periodic import PeriodicTaskName
from mqtt_app.models import PeriodicRun


def record(task: PeriodicTaskName, finished_at: datetime) -> None:
    """At the end of the task: a run that failed, or was sent and never done, leaves none."""
    PeriodicRun.objects.update_or_create(task=task, defaults={"finished_at": finished_at})
