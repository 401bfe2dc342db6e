"""Becoming and ceasing to be the owner of a connection."""

from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Case, F, Field, Q, Value, When
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from mqtt_app.conf import config
from mqtt_app.models import ConnectionStatus, ErrorClass, MqttConnection
from mqtt_app.models.fields import UndecryptableError
from mqtt_app.models.locks import TAKE_LOCK_CLASS, take_lock_key
from mqtt_app.services.ownership.announce import announce
from mqtt_app.services.ownership.rows import WANTED
from mqtt_app.services.ownership.settings import ConnectionConfig, config_from
from mqtt_app.services.ownership.status import since

LOCK_TIMEOUT = "5s"  # a batch of the former owner that takes longer than this to commit: try again at the next scan


def take(connection_id: int, instance_id: str, generation: int) -> ConnectionConfig | None:
    """Become the owner, one generation later; None when it is not (or no longer) ours to take.

    Whoever is being drained keeps it for `force_after` seconds after it was assigned away. Secrets that no key decrypts
    are recorded as an error of the connection.
    """
    try:
        with transaction.atomic():
            return _take(connection_id, instance_id, generation, timezone.now())
    except UndecryptableError as error:
        _refuse(connection_id, generation, f"{error}. Add the key it was written with, or enter the secret again.")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
    return None


def let_go(connection_id: int, instance_id: str, generation: int) -> bool:
    """Cease to be the owner. A connection that the operator stopped forgets its error; one on its way keeps it."""
    now = timezone.now()
    with transaction.atomic():
        mine = MqttConnection.objects.filter(pk=connection_id, owner=instance_id, generation=generation)
        changed = mine.update(
            owner="",
            owned_since=None,
            connected_at=None,
            status=ConnectionStatus.DISCONNECTED,
            status_since=since(ConnectionStatus.DISCONNECTED, now),
            error_class=_unless_stopped("error_class", ""),
            error_message=_unless_stopped("error_message", ""),
            error_at=_unless_stopped("error_at", None),
            retry_count=_unless_stopped("retry_count", 0),
        )
        if changed:
            announce([connection_id])
    return changed == 1


def _take(connection_id: int, instance_id: str, generation: int, now: datetime) -> ConnectionConfig | None:
    _lock(connection_id)
    row = MqttConnection.objects.select_related("site").filter(pk=connection_id, generation=generation).first()
    if row is None:
        return None
    found = config_from(row, generation + 1)
    takeable = MqttConnection.objects.filter(
        WANTED, _free_for(instance_id, now), pk=connection_id, generation=generation, assigned_instance=instance_id
    )
    taken = takeable.update(
        owner=instance_id,
        owned_since=now,
        generation=F("generation") + 1,
        status=ConnectionStatus.CONNECTING,
        status_since=since(ConnectionStatus.CONNECTING, now),
        error_class=ErrorClass.NONE,
        error_message="",
        error_at=None,
        connected_at=None,
    )
    if not taken:
        return None
    if (row.status, row.error_message) != (ConnectionStatus.CONNECTING, ""):
        announce([connection_id])
    return found


def _free_for(instance_id: str, now: datetime) -> Q:
    """Nobody's, mine already (an earlier start of this instance), or held by one that is stuck in its drain."""
    overdue = now - timedelta(seconds=config().force_after)
    return Q(owner__in=("", instance_id)) | Q(assigned_at__lte=overdue)


def _lock(connection_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s::int, %s::int)", [TAKE_LOCK_CLASS, take_lock_key(connection_id)]
        )


def _unless_stopped(field: str, otherwise: Any) -> Case:
    column: Field[Any, Any] = getattr(MqttConnection, field).field
    return Case(When(WANTED, then=F(field)), default=Value(otherwise, column), output_field=column)


def _refuse(connection_id: int, generation: int, message: str) -> None:
    now = timezone.now()
    said = {"status": ConnectionStatus.ERROR, "error_class": ErrorClass.CONFIGURATION, "error_message": message}
    with transaction.atomic():
        unowned = MqttConnection.objects.filter(pk=connection_id, generation=generation, owner="")
        changed = unowned.exclude(**said).update(
            **said, status_since=since(ConnectionStatus.ERROR, now), error_at=now, connected_at=None
        )
        if changed:
            announce([connection_id])
