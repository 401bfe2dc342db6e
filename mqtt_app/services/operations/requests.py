"""Begins operations. Called in the transaction of the wish that they are about."""

from collections.abc import Collection
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils import timezone

from mqtt_app import events
from mqtt_app.domain.audit import Actor
from mqtt_app.domain.operations import (
    OPEN,
    SWITCHES,
    OperationKind,
    OperationState,
    Request,
    TimelineEvent,
    asked,
    supersede,
)
from mqtt_app.models import Operation
from mqtt_app.services.audit import current_actor


def begin_switch(kind: OperationKind, site_id: int) -> Operation:
    """A start, stop or restart of one site's link; supersedes what is open about that link."""
    actor = current_actor()
    request = Request(kind, timezone.now(), asker(actor))
    supersede_open([site_id], request)
    operation = Operation.objects.create(
        kind=kind.value,
        site_id=site_id,
        user_id=actor.user_id,
        asked_by=request.asked_by,
        created_at=request.asked_at,
        timeline=msgspec.to_builtins([asked(request)]),
    )
    publish(operation)
    return operation


def supersede_open(site_ids: Collection[int], request: Request) -> None:
    rows = Operation.objects.select_for_update(no_key=True).filter(
        site__in=site_ids, kind__in=SWITCHES, state__in=OPEN
    )
    for operation in rows.order_by("id"):
        timeline = msgspec.convert(operation.timeline, list[TimelineEvent])
        state, extended = supersede(timeline, request)
        operation.state = state.value
        operation.timeline = msgspec.to_builtins(extended)
        operation.finished_at = request.asked_at
        operation.save(update_fields=("state", "timeline", "finished_at"))
        publish(operation)


def asker(actor: Actor) -> str:
    """The user's name, with that of the token if there was one."""
    name = actor.user_name or actor.source.value
    if actor.token_name:
        return f"{name} (token {actor.token_name})"
    return name


def publish(operation: Operation) -> None:
    """Tell browsers on commit."""
    transaction.on_commit(
        partial(
            events.operation_changed,
            operation_id=str(operation.id),
            kind=operation.kind,
            state=operation.state,
            site_id=operation.site_id,
            user_id=operation.user_id,
            done=operation.done,
            total=operation.total,
        )
    )


def finish(
    operation_id: UUID, state: OperationState, at: datetime, *, error: str = ""
) -> Operation | None:
    """End an operation that is open still; None when it has ended otherwise."""
    rows = Operation.objects.filter(pk=operation_id, state__in=OPEN)
    if not rows.update(state=state.value, finished_at=at, error=error):
        return None
    operation = Operation.objects.get(pk=operation_id)
    publish(operation)
    return operation
