"""What beat sends is in the database, complete after a migrate, and belongs to the operator."""

import pytest
from django.core.management import call_command
from django_celery_beat.models import PeriodicTask

from tasks import queues
from tasks.schedule import entries, sync_schedule

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_entry_is_there_after_a_migrate() -> None:
    call_command("migrate", verbosity=0)
    names = {
        "Reconcile MQTT connections",
        "Check for silent devices",
        "Try paused parsers again",
        "Prune logs",
    }
    assert names <= set(PeriodicTask.objects.values_list("name", flat=True))


def test_each_expires_before_the_next_and_goes_to_a_queue_of_ours() -> None:
    for entry in entries():
        assert 0 < entry.expires < entry.every
        assert entry.queue in queues.ALL


def test_an_operators_edit_survives_and_what_is_missing_comes_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sync_schedule()
    PeriodicTask.objects.filter(name="Prune logs").update(enabled=False, expire_seconds=7)
    PeriodicTask.objects.filter(name="Check for silent devices").delete()
    call_command("sync_schedule")
    assert capsys.readouterr().out == "created: Check for silent devices\n"
    assert PeriodicTask.objects.values_list("enabled", "expire_seconds").get(name="Prune logs") == (
        False,
        7,
    )
