"""django-celery-beat's scheduler, but it outlives a database that is away just when the schedule is
read anew.
"""

import datetime
import logging
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django_celery_beat.schedulers import DatabaseScheduler

log = logging.getLogger(__name__)

LONG_AGO = datetime.datetime(2000, 1, 1)  # local and without a zone, as the library compares


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # the library has no types
    """A health check sees that it turns: by the age of a file, for beat answers nobody.

    Until the database answers, the schedule stays as it was last known (none at the start), and
    each turn of beat, five seconds at most, asks again.
    """

    def tick(self, *arguments: Any, **named: Any) -> Any:
        if settings.BEAT_HEARTBEAT is not None:
            settings.BEAT_HEARTBEAT.touch()
        return super().tick(*arguments, **named)

    def all_as_schedule(self) -> Any:
        try:
            return super().all_as_schedule()
        except (DatabaseError, InterfaceError) as error:
            log.warning(
                "The schedule cannot be read (%s); beat goes on with what it knows",
                type(error).__name__,
            )
            self._last_full_sync = LONG_AGO
            return self._schedule or {}
