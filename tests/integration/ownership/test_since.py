"""Since when a status holds: whoever writes one moves it only with a change, and never at a
neighbour's.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone
from pytest_django.fixtures import Settings

from mqtt_app.domain.ownership.planner import PlannedConnection
from mqtt_app.models import MqttConnection
from mqtt_app.models.fields import _cipher
from mqtt_app.services import ownership, sites
from mqtt_app.services.ownership import bulk_writes, claims
from mqtt_app.services.ownership.bulk_writes import Seen
from tests.integration.ownership.fleet import ago, connection, fresh, let_go, owned, say, take

pytestmark = pytest.mark.django_db

LONG = 1_000.0


def seen(row: MqttConnection) -> Seen:
    row = fresh(row)
    found = PlannedConnection(row.pk, row.is_active, row.owner, row.assigned_instance)
    return Seen(found, row.generation, row.site_id, row.retry_count, row.status_since)


def disowned(row: MqttConnection) -> None:
    bulk_writes.disown([seen(row)], {row.pk: "Its worker is gone."}, timezone.now())


def settled(row: MqttConnection) -> None:
    MqttConnection.objects.filter(pk=row.pk).update(owner="", is_active=False, error_message="old")
    assert bulk_writes.clear_stopped(timezone.now()) == {row.pk}


def let_go_by_its_owner(row: MqttConnection) -> None:
    assert let_go(row, "mqtt-1", 1)


def taken_again(row: MqttConnection) -> None:
    assert take(row, "mqtt-1") is not None


def reported_down(row: MqttConnection) -> None:
    assert not say(row, 1, status="error", error_message="no route").lost


def refused(row: MqttConnection) -> None:
    MqttConnection.objects.filter(pk=row.pk).update(owner="")
    claims._record_unreadable(row.pk, 1, "No key decrypts its password.")


WRITERS: list[tuple[Callable[[MqttConnection], None], str]] = [
    (disowned, "disconnected"),
    (settled, "disconnected"),
    (let_go_by_its_owner, "disconnected"),
    (taken_again, "connecting"),
    (reported_down, "error"),
    (refused, "error"),
]


@pytest.mark.parametrize(("write", "status"), WRITERS)
@pytest.mark.parametrize("before", ["disconnected", "connecting", "connected", "error"])
def test_since_moves_with_the_status_and_only_then(
    write: Callable[..., Any], status: str, before: str
) -> None:
    row, neighbour = (
        owned("mqtt-1", status_since=ago(LONG)),
        owned("mqtt-1", status_since=ago(LONG)),
    )
    MqttConnection.objects.filter(pk=row.pk).update(status=before)
    write(row)
    found = fresh(row)
    assert found.status == status
    age = (timezone.now() - found.status_since).total_seconds()
    assert (age > LONG - 1) is (before == status), f"{age:.0f} s"
    other = fresh(neighbour)
    assert (other.status, other.owner, other.error_message) == ("connected", "mqtt-1", "")
    assert timezone.now() - other.status_since > timedelta(seconds=LONG - 1)


def test_whoever_is_disowned_says_why_and_has_no_link() -> None:
    row, neighbour = owned("mqtt-1", connected_at=ago(5)), owned("mqtt-1")
    MqttConnection.objects.filter(pk=row.pk).update(owned_since=ago(9))
    assert bulk_writes.disown([seen(row), seen(neighbour)], {row.pk: "Gone."}, timezone.now()) == {
        row.pk
    }
    found = fresh(row)
    assert (found.owner, found.owned_since, found.connected_at) == ("", None, None)
    assert (found.error_class, found.error_message, found.error_at is None) == (
        "internal",
        "Gone.",
        False,
    )
    assert fresh(neighbour).owner == "mqtt-1"
    assert bulk_writes.disown([seen(row)], {row.pk: "Gone."}, timezone.now()) == set(), (
        "it is so already"
    )
    assert bulk_writes.disown([seen(row)], {row.pk: ""}, timezone.now()) == {row.pk}
    found = fresh(row)
    assert (found.error_class, found.error_message, found.error_at) == ("", "", None)


@pytest.mark.parametrize(
    "change", [{"generation": 2}, {"owner": "mqtt-2"}, {"assigned_instance": "mqtt-2"}]
)
def test_a_row_that_changed_since_the_look_is_neither_assigned_nor_disowned(
    change: dict[str, int | str],
) -> None:
    row, neighbour = owned("mqtt-1"), owned("mqtt-1")
    looked = [seen(row), seen(neighbour)]
    MqttConnection.objects.filter(pk=row.pk).update(**change)
    targets = {row.pk: "mqtt-9", neighbour.pk: "mqtt-9"}
    assert bulk_writes.disown(looked, {row.pk: "Gone."}, timezone.now()) == set()
    assert bulk_writes.assign(looked, targets, timezone.now()) == {neighbour.pk}
    assert fresh(row).assigned_instance != "mqtt-9"
    assert fresh(neighbour).assigned_at is not None


@pytest.mark.parametrize(
    ("values", "settled_"),
    [
        ({"status": "error"}, True),
        ({"status": "disconnected", "error_message": "old"}, True),
        ({"status": "disconnected", "retry_count": 3}, True),
        ({"status": "disconnected"}, False),
        ({"status": "error", "owner": "mqtt-1"}, False),
        ({"status": "error", "is_active": True}, False),
    ],
)
def test_what_nobody_wants_and_nobody_owns_comes_to_rest(
    values: dict[str, Any], settled_: bool
) -> None:
    row = connection(**{"is_active": False} | values)
    assert (row.pk in bulk_writes.clear_stopped(timezone.now())) is settled_
    if settled_:
        found = fresh(row)
        assert (found.status, found.error_class, found.error_message, found.retry_count) == (
            "disconnected",
            "",
            "",
            0,
        )
        assert (found.error_at, found.connected_at) == (None, None)


def test_what_a_site_that_is_switched_off_has_comes_to_rest_too() -> None:
    row = connection(status="error")
    assert bulk_writes.clear_stopped(timezone.now()) == set()
    row.site.is_active = False
    row.site.save()
    assert bulk_writes.clear_stopped(timezone.now()) == {row.pk}


def test_secrets_without_a_key_are_said_once(settings: Settings) -> None:
    row, neighbour = (
        connection(assigned_instance="mqtt-1", password="s3cret"),
        connection(assigned_instance="mqtt-1"),
    )
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    _cipher.cache_clear()
    try:
        assert ownership.claim(row.pk, "mqtt-1", 0) is None
        first = (
            MqttConnection.objects.filter(pk=row.pk).values_list("error_at", "status_since").get()
        )
        assert ownership.claim(row.pk, "mqtt-1", 0) is None
        assert (
            MqttConnection.objects.filter(pk=row.pk).values_list("error_at", "status_since").get()
            == first
        )
        assert [one.id for one in ownership.claim_all({row.pk: 0, neighbour.pk: 0}, "mqtt-1")] == [
            neighbour.pk
        ]
    finally:
        _cipher.cache_clear()


# What is remembered of a broker


@pytest.mark.parametrize(
    ("field", "value", "forgets", "bumps"),
    [
        ("broker_host", "other.example", True, True),
        ("broker_port", 1884, True, True),
        ("protocol_version", "5", True, True),
        ("username", "other", False, True),
        ("keepalive", 30, False, True),
        ("broker_queue_limit", 500, False, False),
        ("broker_host", "broker.example", False, False),
    ],
)
def test_the_version_that_worked_is_forgotten_with_the_broker_only(
    field: str, value: int | str, forgets: bool, bumps: bool
) -> None:
    row = connection(negotiated_version="3.1.1", assigned_instance="mqtt-1")
    neighbour = connection(negotiated_version="3.1.1")
    before = row.config_version
    setattr(row, field, value)
    saved = sites.save_connection(row, [field])
    assert saved.config_version == before + bumps
    assert fresh(row).negotiated_version == ("" if forgets else "3.1.1")
    assert (fresh(neighbour).negotiated_version, fresh(neighbour).config_version) == (
        "3.1.1",
        before,
    )
    found = take(row, "mqtt-1")
    assert found is not None
    assert found.negotiated_version == ("" if forgets else "3.1.1")


def test_a_report_without_a_version_keeps_the_one_that_worked() -> None:
    row = owned("mqtt-1", negotiated_version="5")
    say(row, 1, status="connected", negotiated_version="3.1.1")
    say(row, 1, status="error", error_message="gone")
    assert fresh(row).negotiated_version == "3.1.1"
