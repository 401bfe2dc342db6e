"""Begins tests of connections, and ends those that nobody works off.

pending ──► running ──► succeeded | failed, when a stage failed or nobody finished it

The settings of a test wait encrypted in its row, and are erased when it ends, however it ends.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from mqtt_app.domain.audit import Actor
from mqtt_app.domain.operations import (
    OPEN,
    PROBES,
    OperationKind,
    OperationState,
    Request,
    asked,
)
from mqtt_app.domain.probe.stages import STAGES
from mqtt_app.models import Operation, Site
from mqtt_app.models.locks import PROBES_LOCK
from mqtt_app.services import audit
from mqtt_app.services.operations.requests import asker, publish

PER_USER = 3  # open tests
IN_ALL = 10
PATIENCE = timedelta(minutes=2)  # a test takes a minute at most, and may wait for one before it
NOBODY = (
    "No worker took the test within 2 minutes. Does a worker serve the queue mqtt.probe, and is it "
    "busy with other tests? Ask again."
)
BROKEN_OFF = "The worker that ran the test ended before the test did. Ask again."

_hooks: list[Callable[[UUID], None]] = []


class TooManyTestsError(RuntimeError):
    """`str(error)` says whose limit it is, and what to do."""


def call_when_asked(hook: Callable[[UUID], None]) -> None:
    """Have `hook` called with the id after the commit of each request. It must neither block nor
    raise.
    """
    _hooks.append(hook)


def begin_test(settings: Mapping[str, Any], filters: list[str], listen: int = 0) -> Operation:
    """Test these valid settings of a connection, which are not stored, and `listen` for so many
    seconds. Raises TooManyTestsError.
    """
    given = {"settings": settings, "filters": filters, "listen": listen}
    sealed = msgspec.json.encode(given).decode()
    details = {"broker_host": settings["broker_host"], "broker_port": settings.get("broker_port")}
    return _begin(OperationKind.TEST, "tested", details=details, sealed=sealed)


def begin_explain(site: Site) -> Operation:
    """Test the connection that a site has. Raises TooManyTestsError."""
    return _begin(OperationKind.EXPLAIN, "explained", site=site)


def _begin(
    kind: OperationKind,
    action: str,
    *,
    site: Site | None = None,
    details: Mapping[str, Any] | None = None,
    sealed: str = "",
) -> Operation:
    actor = audit.current_actor()
    request = Request(kind, timezone.now(), asker(actor))
    with transaction.atomic():
        _check_limits(actor)
        operation = Operation.objects.create(
            kind=kind.value,
            site=site,
            total=len(STAGES),
            user_id=actor.user_id,
            asked_by=request.asked_by,
            created_at=request.asked_at,
            timeline=msgspec.to_builtins([asked(request)]),
            result={"stages": []},
            sealed=sealed,
        )
        audit.record(action, operation, details=details or {})
        publish(operation)
        for hook in _hooks:
            _call_on_commit(hook, operation.pk)
    return operation


def _call_on_commit(hook: Callable[[UUID], None], operation_id: UUID) -> None:
    transaction.on_commit(lambda: hook(operation_id))


def _check_limits(actor: Actor) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PROBES_LOCK])
    tests = Operation.objects.filter(kind__in=PROBES, state__in=OPEN)
    if tests.count() >= IN_ALL:
        raise TooManyTestsError(
            f"{IN_ALL} tests of connections run or wait already. Ask again in a minute."
        )
    if tests.filter(user_id=actor.user_id).count() >= PER_USER:
        raise TooManyTestsError(
            f"{PER_USER} of your tests run or wait already. Ask again when one has ended."
        )


def end_abandoned(now: datetime) -> None:
    """Those that nobody took, or that died with their worker."""
    late = Q(created_at__lt=now - PATIENCE)
    rows = Operation.objects.filter(late, kind__in=PROBES, state__in=OPEN)
    for operation in rows.order_by("created_at")[: 10 * IN_ALL]:
        words = NOBODY if operation.state == OperationState.PENDING else BROKEN_OFF
        end(operation.pk, OperationState.FAILED, now, error=words)


def end(
    operation_id: UUID,
    state: OperationState,
    now: datetime,
    *,
    error: str = "",
    error_class: str = "",
) -> None:
    """Erases its settings, too. Nothing happens to one that has ended."""
    with transaction.atomic():
        rows = Operation.objects.filter(pk=operation_id, state__in=OPEN)
        changed = rows.update(
            state=state.value, finished_at=now, error=error, error_class=error_class, sealed=""
        )
        if changed:
            publish(Operation.objects.defer("sealed").get(pk=operation_id))
