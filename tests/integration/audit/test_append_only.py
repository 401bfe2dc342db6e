"""Entries are added and never altered, whoever asks and however."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from mqtt_app.models import AuditEntry, Site
from mqtt_app.services import audit
from mqtt_app.services.upkeep import pruning

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry() -> AuditEntry:
    audit.record("created", Site.objects.create(name="Plant"))
    return AuditEntry.objects.get()


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def resave(entry: AuditEntry) -> None:
    entry.user_name = "somebody else"
    entry.save()


REFUSED: dict[str, Callable[[AuditEntry], object]] = {
    "save": resave,
    "update of a set": lambda entry: AuditEntry.objects.update(user_name="somebody else"),
    "bulk update": lambda entry: AuditEntry.objects.bulk_update([entry], ["user_name"]),
    "upsert": lambda entry: AuditEntry.objects.bulk_create(
        [entry], update_conflicts=True, unique_fields=["id"], update_fields=["user_name"]
    ),
    "delete": lambda entry: entry.delete(),
    "delete of a set": lambda entry: AuditEntry.objects.all().delete(),
    "raw delete": lambda entry: AuditEntry.objects.all()._raw_delete("default"),
    "SQL update": lambda entry: execute("UPDATE mqtt_auditentry SET changes = '{}'"),
    "SQL delete": lambda entry: execute("DELETE FROM mqtt_auditentry"),
    "SQL truncate": lambda entry: execute("TRUNCATE mqtt_auditentry"),
    "truncate of several": lambda entry: execute(
        "TRUNCATE mqtt_sitebooks, mqtt_auditentry CASCADE"
    ),
    "as a replica": lambda entry: execute(
        "SET LOCAL session_replication_role = replica; DELETE FROM mqtt_auditentry"
    ),
    "pruning of what is newer": lambda entry: execute(
        "SET LOCAL sitewire.audit_prune_before = '2020-01-01'; DELETE FROM mqtt_auditentry"
    ),
}


@pytest.mark.parametrize("way", REFUSED)
def test_no_way_alters_or_removes_an_entry(way: str, entry: AuditEntry) -> None:
    before = AuditEntry.objects.values().get()
    execute("SET LOCAL sitewire.audit_truncate_allowed = 'off'")  # on in the test run alone
    with (
        pytest.raises(IntegrityError, match="Audit entries cannot be changed or removed"),
        transaction.atomic(),
    ):
        REFUSED[way](entry)
    assert AuditEntry.objects.values().get() == before


def test_upkeep_removes_what_is_past_its_retention_and_nothing_newer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "CHUNK", 2)
    now = timezone.now()
    for days in (731, 740, 750, 729, 0):
        AuditEntry.objects.create(at=now - timedelta(days=days), source="api", action="changed")
    pruning.run(now)
    assert sorted((now - at).days for at in AuditEntry.objects.values_list("at", flat=True)) == [
        0,
        729,
    ]


def test_after_pruning_entries_are_as_safe_as_before(entry: AuditEntry) -> None:
    audit.prune(timezone.now() - timedelta(days=1), 10)
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry.objects.all().delete()


def test_an_entry_goes_when_its_change_is_rolled_back() -> None:
    def fail() -> None:
        audit.record("created", Site.objects.create(name="Plant"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        transaction.atomic(fail)()
    assert not AuditEntry.objects.exists()
