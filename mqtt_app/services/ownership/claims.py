"""Becoming and ceasing to be the owner of a connection."""

from collections.abc import Iterable, Mapping
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
from mqtt_app.services.ownership.configs import ConnectionConfig, configs_from
from mqtt_app.services.ownership.connection_rows import WANTED
from mqtt_app.services.ownership.status import since

# a batch of the former owner that takes longer than this to commit: try again at the next scan
LOCK_TIMEOUT = "5s"


def take(connection_id: int, instance_id: str, generation: int) -> ConnectionConfig | None:
    """Become the owner, one generation later; None when it is not (or no longer) ours to take.

    Whoever is being drained keeps it for `force_after` seconds after it was assigned away. Secrets
    that no key decrypts are recorded as an error of the connection.
    """
    try:
        with transaction.atomic():
            found = _take({connection_id: generation}, instance_id, timezone.now())
            return found[0] if found else None
    except UndecryptableError as error:
        _refuse(
            connection_id,
            generation,
            f"{error}. Add the key it was written with, or enter the secret again.",
        )
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
    return None


def take_all(wanted: Mapping[int, int], instance_id: str) -> list[ConnectionConfig]:
    """`take` for many, connection id -> generation, in one transaction: a fleet changes hands in
    seconds.

    When one of them has unreadable secrets or is locked, each is taken by itself.
    """
    if not wanted:
        return []
    try:
        with transaction.atomic():
            return _take(wanted, instance_id, timezone.now())
    except UndecryptableError:
        pass
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
    singly = (
        take(connection_id, instance_id, generation) for connection_id, generation in wanted.items()
    )
    return [one for one in singly if one is not None]


def let_go_all(held: Mapping[int, int], instance_id: str) -> frozenset[int]:
    """Cease to be the owner of these, connection id -> generation. One that the operator stopped
    forgets its error; one on its way keeps it.

    Gives those that are still ours because somebody else is writing the row: nobody waits for a
    lock here, so two writers of many rows cannot wait for each other.
    """
    now = timezone.now()
    mine = MqttConnection.objects.filter(pk__in=held, owner=instance_id)
    with transaction.atomic():
        free = mine.select_for_update(skip_locked=True, no_key=True).order_by("pk")
        ours = [
            pk for pk, generation in free.values_list("pk", "generation") if generation == held[pk]
        ]
        MqttConnection.objects.filter(pk__in=ours).update(
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
        announce(ours)
    if len(ours) == len(held):
        return frozenset()
    return frozenset(
        pk for pk, generation in mine.values_list("pk", "generation") if generation == held[pk]
    )


def _take(wanted: Mapping[int, int], instance_id: str, now: datetime) -> list[ConnectionConfig]:
    _lock(wanted)
    rows = [
        row
        for row in MqttConnection.objects.select_related("site")
        .filter(pk__in=wanted)
        .order_by("pk")
        if row.generation == wanted[row.pk]  # it changes under our lock only
    ]
    found = configs_from(rows, later=1)
    takeable = MqttConnection.objects.filter(
        WANTED,
        _free_for(instance_id, now),
        pk__in=[row.pk for row in rows],
        assigned_instance=instance_id,
    )
    takeable.update(
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
    ours = MqttConnection.objects.filter(pk__in=wanted, owner=instance_id)
    taken = {
        pk
        for pk, generation in ours.values_list("pk", "generation")
        if generation == wanted[pk] + 1
    }
    changed = [
        row for row in rows if (row.status, row.error_message) != (ConnectionStatus.CONNECTING, "")
    ]
    announce([row.pk for row in changed if row.pk in taken])
    return [one for one in found if one.id in taken]


def _free_for(instance_id: str, now: datetime) -> Q:
    """Nobody's, mine already (an earlier start of this instance), or held by one that is stuck in
    its drain.
    """
    overdue = now - timedelta(seconds=config().force_after)
    return Q(owner__in=("", instance_id)) | Q(assigned_at__lte=overdue)


def _lock(connection_ids: Iterable[int]) -> None:
    keys = sorted({take_lock_key(connection_id) for connection_id in connection_ids})
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
        cursor.execute(
            "SELECT count(pg_advisory_xact_lock(%s::int, key)) FROM unnest(%s::int[]) AS key",
            [TAKE_LOCK_CLASS, keys],
        )


def _unless_stopped(field: str, otherwise: Any) -> Case:
    column: Field[Any, Any] = getattr(MqttConnection, field).field
    return Case(When(WANTED, then=F(field)), default=Value(otherwise, column), output_field=column)


def _refuse(connection_id: int, generation: int, message: str) -> None:
    now = timezone.now()
    said = {
        "status": ConnectionStatus.ERROR,
        "error_class": ErrorClass.CONFIGURATION,
        "error_message": message,
    }
    with transaction.atomic():
        unowned = MqttConnection.objects.filter(pk=connection_id, generation=generation, owner="")
        changed = unowned.exclude(**said).update(
            **said, status_since=since(ConnectionStatus.ERROR, now), error_at=now, connected_at=None
        )
        if changed:
            announce([connection_id])
