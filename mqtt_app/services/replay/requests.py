"""Replays that people ask for: operations that are worked off behind live traffic, can be stopped,
and gone on with.

pending ──► running ──► succeeded, or failed when some failed again
   └───────────┴─ stop ─► superseded ─ resume ─► running

Dead letters are asked for a chunk at a time, each in a transaction that also writes how far it has
come, so that a process that dies, or a database that goes away, leaves nothing half done.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from mqtt_app.domain.dead_letters.selection import ReplayResult, Selection
from mqtt_app.domain.operations import (
    OPEN,
    OperationKind,
    OperationState,
    Request,
    TimelineEvent,
    asked,
)
from mqtt_app.models import DeadLetter, DeadLetterState, Operation, Site
from mqtt_app.selectors.dead_letters import selected
from mqtt_app.services import accounting, audit
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.dead_letters import rows as letters
from mqtt_app.services.operations.requests import asker, publish
from mqtt_app.services.replay import progress
from mqtt_app.services.replay.progress import TRIAL, ReplayPlan

CHUNK = 2_000  # dead letters that are asked for at once, and wait to be replayed at most

_hooks: list[Callable[[], None]] = []


class ReplayError(ValueError):
    """What was asked for cannot be done. `str(error)` says why, and what can."""


def call_when_asked(hook: Callable[[], None]) -> None:
    """Have `hook` called after the commit of each request. It must neither block nor raise; without
    it, the next periodic replay does the work.
    """
    _hooks.append(hook)


def begin(
    site: Site, selection: Selection, parser_name: str = "", *, is_trial: bool = False
) -> Operation:
    """Replay what is selected now, in the order in which it came; `is_trial`: only show what would
    come of it. Raises ReplayError when there is nothing, and TopicError.
    """
    with transaction.atomic():
        found = selected(site.pk, selection).exclude(state=DeadLetterState.REQUESTED)
        total = found.count()
        if not total:
            raise ReplayError(
                "Nothing to replay: no dead letter of this site matches. GET dead-letters/ with the"
                " same filter shows what there is."
            )
        last = found.aggregate(last=Max("id"))["last"]
        plan = ReplayPlan(selection=selection, parser_name=parser_name, last=last)
        actor = audit.current_actor()
        request = Request(OperationKind.REPLAY, timezone.now(), asker(actor))
        operation = Operation(
            kind=OperationKind.REPLAY.value,
            action=TRIAL if is_trial else "",
            site=site,
            total=total,
            user_id=actor.user_id,
            asked_by=request.asked_by,
            created_at=request.asked_at,
            timeline=msgspec.to_builtins([asked(request)]),
        )
        progress.write(operation, plan, ReplayResult())
        operation.save(force_insert=True)
        details = {"messages": total, "selection": msgspec.to_builtins(selection)}
        if not is_trial:
            audit.record("replayed", operation, details=details)
        publish(operation)
        _wake()
    return operation


def stop(operation: Operation) -> Operation:
    """What is not replayed yet rests again. Raises ReplayError when it has ended."""
    with transaction.atomic():
        operation = _locked(operation)
        if operation.action == TRIAL:
            raise ReplayError("A trial changes nothing and ends by itself.")
        if operation.state not in OPEN:
            raise ReplayError(f"This replay has ended already: {operation.state}.")
        tally = AccountingTally()
        before = letters.take_back(operation.pk, tally)
        accounting.move(tally)
        plan = progress.plan_of(operation)
        if before:
            plan = msgspec.structs.replace(plan, after=min(plan.after, before))
        progress.write(operation, plan, progress.result_of(operation))
        _end_early(operation, timezone.now())
        audit.record("stopped", operation)
    return operation


def resume(operation: Operation) -> Operation:
    """Go on where it was stopped. Raises ReplayError when it was not."""
    with transaction.atomic():
        operation = _locked(operation)
        if operation.state != OperationState.SUPERSEDED:
            raise ReplayError(
                f"Only a replay that was stopped is resumed; this one is {operation.state}."
            )
        operation.state = OperationState.RUNNING.value
        operation.finished_at = None
        operation.error = ""
        _note(operation, timezone.now(), "resumed")
        operation.save()
        audit.record("resumed", operation)
        publish(operation)
        _wake()
    return operation


def ask_for_next() -> bool:
    """Ask for the next chunk of the oldest replay, unless enough waits already. Called before each
    batch of dead letters; False when no replay has any left to ask for.
    """
    with transaction.atomic():
        rows = Operation.objects.select_for_update(skip_locked=True, no_key=True)
        open_ones = rows.filter(kind=OperationKind.REPLAY, state__in=OPEN).exclude(action=TRIAL)
        for operation in open_ones.order_by("created_at", "id"):
            plan = progress.plan_of(operation)
            if plan.has_more:
                return _ask(operation, plan)
    return False


def _ask(operation: Operation, plan: ReplayPlan) -> bool:
    waiting = DeadLetter.objects.filter(
        operation_id=operation.pk, state=DeadLetterState.REQUESTED
    ).count()
    if waiting >= CHUNK:
        return True
    assert operation.site_id is not None
    found = selected(operation.site_id, plan.selection).exclude(state=DeadLetterState.REQUESTED)
    found = found.filter(id__gt=plan.after, id__lte=plan.last)
    ids = list(found.values_list("id", flat=True)[: CHUNK - waiting])
    tally = AccountingTally()
    number = letters.request(ids, tally, operation_id=operation.pk, parser_name=plan.parser_name)
    accounting.move(tally)
    after = plan.last
    if len(ids) == CHUNK - waiting:
        after = ids[-1]
    plan = msgspec.structs.replace(plan, after=after)
    progress.write(operation, plan, progress.result_of(operation))
    operation.state = OperationState.RUNNING.value
    if not number and not waiting and not plan.has_more:
        progress.end(operation, timezone.now())  # somebody else replayed them, or they are gone
    operation.save()
    publish(operation)
    return plan.has_more


def _locked(operation: Operation) -> Operation:
    return Operation.objects.select_for_update(no_key=True).get(pk=operation.pk)


def _end_early(operation: Operation, now: datetime) -> None:
    operation.state = OperationState.SUPERSEDED.value
    operation.finished_at = now
    operation.error = (
        f"Stopped after {operation.done:,} of {operation.total:,} messages. Resume it for the rest."
    )
    _note(operation, now, "stopped")
    operation.save()
    publish(operation)


def _note(operation: Operation, at: datetime, event: str) -> None:
    detail = f"by {asker(audit.current_actor())}"
    entry = msgspec.to_builtins(TimelineEvent(at, event, detail))
    operation.timeline = [*operation.timeline, entry]


def _wake() -> None:
    for hook in _hooks:
        transaction.on_commit(hook)
