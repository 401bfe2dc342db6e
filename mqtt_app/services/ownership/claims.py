"""Becoming and ceasing to be the owner of a connection."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from mqtt_app.conf import config
from mqtt_app.domain.link.connection_config import ConnectionConfig
from mqtt_app.models import ConnectionStatus, ErrorClass, MqttConnection
from mqtt_app.models.fields import UndecryptableError
from mqtt_app.models.locks import TAKE_LOCK_CLASS, take_lock_key
from mqtt_app.services.ownership.configs import configs_from
from mqtt_app.services.ownership.connection_rows import WANTED
from mqtt_app.services.ownership.status import StatusWrite, write_statuses

# a batch of the former owner that takes longer than this to commit: try again at the next scan
LOCK_TIMEOUT = "5s"


def claim(connection_id: int, instance_id: str, generation: int) -> ConnectionConfig | None:
    """Become the owner, one generation later; None when it is not (or no longer) ours to claim.

    An instance that drains a connection keeps it for `force_after` seconds after it was assigned
    away. Secrets that no key decrypts are recorded as an error of the connection.
    """
    try:
        with transaction.atomic():
            claimed = _claim({connection_id: generation}, instance_id, timezone.now())
            if claimed:
                return claimed[0]
            return None
    except UndecryptableError as error:
        remedy = "Add the key it was written with, or enter the secret again."
        _record_unreadable(connection_id, generation, f"{error}. {remedy}")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
    return None


def claim_all(wanted: Mapping[int, int], instance_id: str) -> list[ConnectionConfig]:
    """`claim` for many, connection id -> generation, in one transaction: a fleet changes hands in
    seconds. Gives those that are ours now.

    When one of them has unreadable secrets or is locked, each is claimed by itself.
    """
    if not wanted:
        return []
    try:
        with transaction.atomic():
            return _claim(wanted, instance_id, timezone.now())
    except UndecryptableError:
        pass
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
    singly = (claim(number, instance_id, generation) for number, generation in wanted.items())
    return [claimed for claimed in singly if claimed is not None]


def release_all(held: Mapping[int, int], instance_id: str) -> frozenset[int]:
    """Cease to be the owner of these, connection id -> generation. A connection that the operator
    stopped loses its error; one that is still wanted keeps it.

    Gives those that are still ours because another transaction has locked the row: no lock is
    waited for, so two writers of many rows cannot wait for each other.
    """
    now = timezone.now()
    mine = MqttConnection.objects.filter(pk__in=held, owner=instance_id)
    with transaction.atomic():
        free = mine.select_for_update(skip_locked=True, no_key=True).order_by("pk")
        is_wanted = Case(When(WANTED, then=Value(True)), default=Value(False))
        rows = free.annotate(is_wanted=is_wanted).values_list("pk", "generation", "is_wanted")
        writes = [
            _released(number, generation, is_wanted=is_wanted)
            for number, generation, is_wanted in rows
            if generation == held[number]
        ]
        ours = [write.id for write in writes]
        write_statuses(writes, now)
        MqttConnection.objects.filter(pk__in=ours).update(owner="", owned_since=None)
    if len(ours) == len(held):
        return frozenset()
    left = mine.values_list("pk", "generation")
    return frozenset(number for number, generation in left if generation == held[number])


def _released(number: int, generation: int, *, is_wanted: bool) -> StatusWrite:
    status = ConnectionStatus.DISCONNECTED
    if is_wanted:
        return StatusWrite(number, generation, status)
    return StatusWrite(number, generation, status, ErrorClass.NONE, "", retry_count=0)


def _claim(wanted: Mapping[int, int], instance_id: str, now: datetime) -> list[ConnectionConfig]:
    _lock(wanted)
    rows = [
        row
        for row in MqttConnection.objects.select_related("site")
        .filter(pk__in=wanted)
        .order_by("pk")
        if row.generation == wanted[row.pk]  # it changes under our lock only
    ]
    configs = configs_from(rows, later=1)
    unchanged = MqttConnection.objects.filter(pk__in=[row.pk for row in rows])
    claimable = unchanged.filter(WANTED, _free_for(instance_id, now), assigned_instance=instance_id)
    claimable.update(owner=instance_id, owned_since=now, generation=F("generation") + 1)
    ours = unchanged.filter(owner=instance_id)
    claimed = {
        number: generation
        for number, generation in ours.values_list("pk", "generation")
        if generation == wanted[number] + 1
    }
    status = ConnectionStatus.CONNECTING
    write_statuses(
        [
            StatusWrite(number, generation, status, ErrorClass.NONE, "")
            for number, generation in claimed.items()
        ],
        now,
    )
    return [config for config in configs if config.id in claimed]


def _free_for(instance_id: str, now: datetime) -> Q:
    """Unowned, mine already (an earlier start of this instance), or held by one that is stuck in
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


def _record_unreadable(connection_id: int, generation: int, message: str) -> None:
    """Only of a connection that is still unowned: an owner reports its own status."""
    status = ConnectionStatus.ERROR
    write = StatusWrite(connection_id, generation, status, ErrorClass.CONFIGURATION, message)
    with transaction.atomic():
        unowned = MqttConnection.objects.select_for_update(no_key=True).filter(
            pk=connection_id, generation=generation, owner=""
        )
        if unowned.exists():
            write_statuses([write], timezone.now())
