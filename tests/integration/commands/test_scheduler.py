"""Beat's scheduler while the database is away."""

import contextlib
from collections.abc import Iterator

import pytest
from celery import Celery
from django.db import connection

from project.scheduler import LONG_AGO, Scheduler
from tasks.schedule import sync_schedule
from tests.services import free_port

# Not the project's own app: it would have tasks that other tests call close their database
# connection.
app = Celery("beat", set_as_current=False)
app.config_from_object("django.conf:settings", namespace="CELERY")


@contextlib.contextmanager
def no_database() -> Iterator[None]:
    settings = connection.settings_dict
    port, settings["PORT"] = settings["PORT"], free_port()
    connection.close()
    try:
        yield
    finally:
        settings["PORT"] = port


@pytest.mark.django_db(transaction=True)
def test_beat_goes_on_with_the_schedule_it_knows_and_reads_it_again_afterwards() -> None:
    sync_schedule()
    scheduler = Scheduler(app=app)
    known = set(scheduler.schedule)
    assert "Reconcile MQTT connections" in known
    with no_database():
        scheduler._last_full_sync = LONG_AGO
        assert set(scheduler.schedule) == known
    scheduler.Model.objects.filter(name="Prune logs").update(enabled=False)
    assert set(scheduler.schedule) == known - {"Prune logs"}


@pytest.mark.django_db(transaction=True)
def test_beat_that_starts_without_a_database_reads_the_schedule_once_it_is_there() -> None:
    sync_schedule()
    with no_database():
        scheduler = Scheduler(app=app)
        assert scheduler.schedule == {}
        assert scheduler.max_interval <= 5
    assert "Reconcile MQTT connections" in scheduler.schedule
