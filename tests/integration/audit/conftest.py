from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from mqtt_app.models import (
    AuditEntry,
    DeadLetter,
    Device,
    DiscoveredTopic,
    Gateway,
    MappingVersion,
    MqttConnection,
    PayloadMapping,
    Problem,
    Site,
    SiteBooks,
    TopicRule,
)
from mqtt_app.services import audit
from tests.integration.api.client import Caller, connected_site, superuser
from tests.integration.mappings.definitions import DEFINITION
from tests.narrowing import present

Fingerprint = dict[str, list[dict[str, Any]]]
NOT_PEOPLES = {
    "mqtt.AuditEntry",
    "admin.LogEntry",
    "sessions.Session",
    "mqtt.ApiToken",
    "django_celery_beat.PeriodicTasks",
}


@pytest.fixture
def site(db: None) -> Site:
    """With a row of everything that people write about."""
    site = connected_site(password="canary")
    connection = MqttConnection.objects.get()
    SiteBooks.objects.create(site=site, received=2, failed=1, quarantined=1)
    Gateway.objects.create(site=site, identifier="gw")
    Device.objects.create(site=site, identifier="dev")
    Problem.objects.create(
        site=site,
        kind="parsing",
        fingerprint=uuid4(),
        title="a parsing error",
        count=1,
        first_at=timezone.now(),
        last_at=timezone.now(),
    )
    mapping = PayloadMapping.objects.create(site=site, name="press")
    MappingVersion.objects.create(mapping=mapping, number=1, definition=DEFINITION)
    TopicRule.objects.create(site=site, position=1, filter="plant/#", is_active=True)
    DiscoveredTopic.objects.create(
        connection=connection, topic="plant/a", is_active=False, is_processable=True
    )
    raw = {"site": site, "topic": "t", "payload": b"1", "qos": 1, "received_at": timezone.now()}
    DeadLetter.objects.create(
        **raw,
        connection=connection,
        retain=False,
        parser_name="scalar",
        reason="failed",
        state="resting",
    )
    return site


@pytest.fixture
def root(db: None) -> Caller:
    return Caller(superuser())


@pytest.fixture
def mate(db: None) -> User:
    user = User.objects.create_user("mate", password="correct-horse")
    user.groups.add(Group.objects.create(name="clerks"))
    user.user_permissions.add(present(Permission.objects.first()))
    return user


@pytest.fixture
def no_entries_possible(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("The audit trail cannot be written")

    return lambda: monkeypatch.setattr(audit, "_add", refuse)


def fingerprint() -> Fingerprint:
    """Every row that people write, however it was written."""
    models = [model for model in apps.get_models() if model._meta.label not in NOT_PEOPLES]
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values()) for model in models
    }


def new_entries(known: int = 0) -> list[AuditEntry]:
    return list(AuditEntry.objects.order_by("id")[known:])
