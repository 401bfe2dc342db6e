"""How far replays have come, counted in the transaction that stores their messages."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from django.utils import timezone

from mqtt_app.domain.dead_letters.selection import ReplayResult, Selection, outcome_of
from mqtt_app.domain.operations import OPEN, OperationKind, OperationState, TimelineEvent
from mqtt_app.models import DeadLetter, DeadLetterState, Operation
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.operations.requests import publish

TRIAL = "trial"  # the action of an operation that only shows what a replay would do


class ReplayPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay was asked for, as its operation keeps it. Dead letters up to `after` were asked
    for already; those behind `last` came after the request.
    """

    selection: Selection
    parser_name: str = ""
    after: int = 0
    last: int = 0

    @property
    def has_more(self) -> bool:
        return self.after < self.last


def plan_of(operation: Operation) -> ReplayPlan:
    return msgspec.convert(operation.result["plan"], ReplayPlan, strict=False)


def result_of(operation: Operation) -> ReplayResult:
    return msgspec.convert(operation.result, ReplayResult)


def write(operation: Operation, plan: ReplayPlan, result: ReplayResult) -> None:
    """Into the object; the caller saves it."""
    operation.result = {"plan": msgspec.to_builtins(plan), **msgspec.to_builtins(result)}
    operation.done = result.done


def count(rows: Sequence[DeadLetter], run: Run) -> None:
    """What became of dead letters that were just replayed."""
    failed = {
        failure.message.packet_id: (str(failure.error), failure.message.topic)
        for failure in run.failures
    }
    for operation_id, letters in _by_operation(rows).items():
        _add(operation_id, outcome_of(letters, run.stored, failed))


def count_fatal(rows: Sequence[DeadLetter], error: str) -> None:
    """Those that killed the process that parsed them."""
    failed = {row.pk: (error, row.topic) for row in rows}
    for operation_id, letters in _by_operation(rows).items():
        _add(operation_id, outcome_of(letters, (), failed))


def end(operation: Operation, now: datetime) -> None:
    """Into the object: all that was asked for was replayed."""
    result = result_of(operation)
    operation.state = OperationState.SUCCEEDED.value
    if result.failed:
        operation.state = OperationState.FAILED.value
        operation.error = (
            f"{result.failed:,} of {result.done:,} messages failed again and stay dead letters:"
            " see result.errors."
        )
    operation.finished_at = now
    event = msgspec.to_builtins(TimelineEvent(now, "finished"))
    operation.timeline = [*operation.timeline, event]


def _by_operation(rows: Sequence[DeadLetter]) -> dict[UUID, list[int]]:
    found: defaultdict[UUID, list[int]] = defaultdict(list)
    for row in rows:
        if row.operation_id is not None:
            found[row.operation_id].append(row.pk)
    return found


def _add(operation_id: UUID, outcome: ReplayResult) -> None:
    rows = Operation.objects.select_for_update(no_key=True)
    operation = rows.filter(pk=operation_id, kind=OperationKind.REPLAY, state__in=OPEN).first()
    if operation is None:
        return
    plan = plan_of(operation)
    result = result_of(operation)
    result.add(outcome)
    write(operation, plan, result)
    operation.state = OperationState.RUNNING.value
    if not plan.has_more and not _waiting(operation_id):
        end(operation, timezone.now())
    operation.save()
    publish(operation)


def _waiting(operation_id: UUID) -> bool:
    """Called when those that were replayed are gone, or rest, already."""
    asked = DeadLetter.objects.filter(operation_id=operation_id, state=DeadLetterState.REQUESTED)
    return asked.exists()
