"""One wish for many links: an operation that is worked off batch by batch in a task worker.

Each batch is a transaction that writes the wishes and what is left to do, so that a task which dies
is gone on with from where it was. Whoever sends the task twice does no harm: the operation's row is
locked while a batch is written.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from mqtt_app.domain.audit import Actor, Source
from mqtt_app.domain.operations import (
    OPEN,
    OperationKind,
    OperationState,
    Request,
    TimelineEvent,
    asked,
)
from mqtt_app.models import Operation
from mqtt_app.services import audit, sites
from mqtt_app.services.operations.requests import asker, publish

BATCH = 500  # sites of one transaction
MAX_ERRORS = 100  # that are listed; more are only counted

_hooks: list[Callable[[], None]] = []


def call_when_pending(hook: Callable[[], None]) -> None:
    """Have `hook` called after the commit of each new operation. It must neither block nor raise;
    without it, operations wait for the next reconcile.
    """
    _hooks.append(hook)


def begin(action: OperationKind, site_ids: Sequence[int]) -> Operation:
    """Record the wish for these sites; a task worker acts on it."""
    actor = audit.current_actor()
    request = Request(action, timezone.now(), asker(actor))
    with transaction.atomic():
        operation = Operation.objects.create(
            kind=OperationKind.BULK.value,
            action=action.value,
            site_ids=list(site_ids),
            total=len(site_ids),
            user_id=actor.user_id,
            asked_by=request.asked_by,
            created_at=request.asked_at,
            timeline=msgspec.to_builtins([asked(request)]),
            result={"changed": 0, "unchanged": 0, "failed": 0, "errors": []},
        )
        audit.record(
            "asked in bulk",
            operation,
            details={"bulk_action": action.value, "sites": len(site_ids)},
        )
        publish(operation)
        for hook in _hooks:
            transaction.on_commit(hook)
    return operation


def is_pending() -> bool:
    """Whether a batch waits to be written."""
    return _open().exists()


def run_batch() -> bool:
    """Write one batch of the oldest operation that nobody else is at; False when there is none."""
    with transaction.atomic():
        rows = _open().select_for_update(skip_locked=True, no_key=True)
        operation = rows.order_by("created_at", "id").first()
        if operation is None:
            return False
        with audit.acting_as(Actor(Source.SYSTEM, operation.user_id, operation.asked_by[:200])):
            _write_batch(operation, timezone.now())
    return True


def _open() -> QuerySet[Operation]:
    return Operation.objects.filter(kind=OperationKind.BULK, state__in=OPEN)


def _write_batch(operation: Operation, now: datetime) -> None:
    batch = operation.site_ids[:BATCH]
    request = Request(OperationKind(operation.action), operation.created_at, operation.asked_by)
    outcome = sites.switch_many(batch, request)
    operation.site_ids = operation.site_ids[BATCH:]
    operation.done += len(batch)
    _add(operation.result, outcome)
    if operation.site_ids:
        operation.state = OperationState.RUNNING.value
    else:
        _end(operation, now)
    operation.save()
    publish(operation)


def _add(result: dict[str, Any], outcome: sites.SwitchedMany) -> None:
    result["changed"] += len(outcome.changed)
    result["unchanged"] += outcome.unchanged
    result["failed"] += len(outcome.errors)
    room = MAX_ERRORS - len(result["errors"])
    for site_id, error in list(outcome.errors.items())[:room]:
        result["errors"].append({"site": site_id, "error": error})


def _end(operation: Operation, now: datetime) -> None:
    failed = operation.result["failed"]
    operation.finished_at = now
    operation.state = OperationState.SUCCEEDED.value
    if failed:
        operation.state = OperationState.FAILED.value
        operation.error = f"{failed:,} of {operation.total:,} sites failed: see result.errors."
    event = TimelineEvent(now, "finished")
    operation.timeline = [*operation.timeline, msgspec.to_builtins(event)]
