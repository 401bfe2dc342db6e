"""What a replay would do: made as a replay is, in a transaction that is rolled back.

So it finds whatever a replay would: parsers that fail, full quotas, and what the database refuses.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from mqtt_app.domain.dead_letters.selection import ReplayResult, outcome_of
from mqtt_app.domain.delivery.faults import Fault
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.domain.operations import OPEN, OperationKind, OperationState, TimelineEvent
from mqtt_app.models import DeadLetter, Device, Operation
from mqtt_app.selectors.dead_letters import selected
from mqtt_app.services.dead_letters import rows as letters
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.admission.claim import rules_for
from mqtt_app.services.ingest.faults import fault_of
from mqtt_app.services.ingest.memory import PROCESS, Draft
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.operations.requests import publish
from mqtt_app.services.postgres.columns import CopyRow, numbers, texts
from mqtt_app.services.postgres.statements import ask
from mqtt_app.services.replay import progress
from mqtt_app.services.replay.batch import FATAL
from mqtt_app.services.replay.sandbox import first_fatal

TRIED = 1_000  # messages, evenly spread over what is selected
TRIED_BYTES = 8_388_608  # of their payloads
MAX_FATAL = 5  # messages that kill their parser, after which a trial gives up
NOT_TRIED = "not tried, since too many of the others killed the process that parsed them"
SHOWN = 50  # readings
SHOWN_TEXT = 200  # characters of a value

_FIND = """
SELECT w.position, r.value, r.boolean, r.text, r.raw
FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) WITH ORDINALITY
    AS w(device_id, metric, time, position)
JOIN mqtt_reading r ON r.device_id = w.device_id AND r.metric = w.metric
    AND r.time = to_timestamp(w.time / 1e6::float8)
"""


class Difference(msgspec.Struct):
    """Readings that a replay would store, by what is stored at the same time already: nothing, the
    same value, or another one.
    """

    new: int = 0
    equal: int = 0
    changed: int = 0


class TrialResult(msgspec.Struct):
    tried: int
    outcome: ReplayResult
    readings: Difference
    shown: list[dict[str, Any]]


def run_next(now: datetime) -> bool:
    """Make the oldest trial that somebody waits for; False when there is none. Raises
    django.db.Error: the trial is then made again.
    """
    with transaction.atomic():
        rows = Operation.objects.select_for_update(skip_locked=True, no_key=True).filter(
            kind=OperationKind.REPLAY, action=progress.TRIAL, state__in=OPEN
        )
        operation = rows.order_by("created_at", "id").first()
        if operation is None:
            return False
        plan = progress.plan_of(operation)
        result = _try(operation, plan, now)
        progress.write(operation, plan, result.outcome)
        operation.result |= {
            "tried": result.tried,
            "readings": msgspec.to_builtins(result.readings),
            "shown": result.shown,
        }
        operation.state = OperationState.SUCCEEDED.value
        operation.finished_at = timezone.now()
        event = msgspec.to_builtins(TimelineEvent(operation.finished_at, "finished"))
        operation.timeline = [*operation.timeline, event]
        operation.save()
        publish(operation)
    return True


def _try(operation: Operation, plan: progress.ReplayPlan, now: datetime) -> TrialResult:
    assert operation.site_id is not None
    found = selected(operation.site_id, plan.selection).filter(id__lte=plan.last)
    ids = _spread(list(found.values_list("id", flat=True)))
    rows = _bounded(DeadLetter.objects.filter(pk__in=ids).order_by("id"))
    asked = {row.pk: plan.parser_name for row in rows if plan.parser_name}
    messages, failed = _without_fatal(letters.envelopes(rows), asked)
    with _rolled_back():
        run = _parse(messages, asked, now)
        names = _names({row.device_id for row in run.rows})
    for failure in run.failures:
        failed[failure.message.packet_id] = (str(failure.error), failure.message.topic)
    outcome = outcome_of([row.pk for row in rows], run.stored, failed)
    difference, shown = _compare(run.rows, names)
    return TrialResult(len(rows), outcome, difference, shown)


def _spread(ids: Sequence[int]) -> list[int]:
    """At most TRIED of them, the first and the last among these."""
    if len(ids) <= TRIED:
        return list(ids)
    step = (len(ids) - 1) / (TRIED - 1)
    return [ids[round(place * step)] for place in range(TRIED)]


def _bounded(rows: Iterable[DeadLetter]) -> list[DeadLetter]:
    taken: list[DeadLetter] = []
    size = 0
    for row in rows:
        size += len(row.payload)
        if taken and size > TRIED_BYTES:
            break
        taken.append(row)
    return taken


def _without_fatal(
    messages: list[Envelope], asked: Mapping[int, str]
) -> tuple[list[Envelope], dict[int, tuple[str, str]]]:
    """Those that can be parsed here, and what failed: the error and the topic, by id."""
    failed: dict[int, tuple[str, str]] = {}
    while fatal := first_fatal(messages, asked):
        failed[fatal.packet_id] = (FATAL, fatal.topic)
        messages = [message for message in messages if message.packet_id != fatal.packet_id]
        if len(failed) >= MAX_FATAL:
            failed |= {message.packet_id: (NOT_TRIED, message.topic) for message in messages}
            return [], failed
    return messages, failed


@contextmanager
def _rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _parse(messages: Sequence[Envelope], asked: Mapping[int, str], now: datetime) -> Run:
    """As a batch of dead letters is parsed; with care when something of it is refused."""
    try:
        with transaction.atomic():
            return _parse_once(messages, asked, now, careful=False)
    except Exception as error:
        if fault_of(error) in {Fault.AWAY, Fault.CONFLICT}:
            raise
    return _parse_once(messages, asked, now, careful=True)


def _parse_once(
    messages: Sequence[Envelope], asked: Mapping[int, str], now: datetime, *, careful: bool
) -> Run:
    run = Run(
        now=now,
        rules=rules_for(messages, now),
        memory=Draft(PROCESS, believes=False),
        is_replay=True,
        is_trial=True,
        asked_parsers=asked,
    )
    known = [message for message in messages if message.connection_id in run.rules]
    pipeline.parse_again(known, run, careful=careful)
    return run


def _names(device_ids: Collection[int]) -> dict[int, str]:
    found = Device.objects.filter(pk__in=device_ids)
    return dict(found.values_list("id", "identifier"))


def _compare(
    rows: Sequence[CopyRow], names: Mapping[int, str]
) -> tuple[Difference, list[dict[str, Any]]]:
    """With what is stored: how many differ, and the first of them, those that change something
    first.
    """
    stored = _stored(rows)
    difference = Difference()
    shown: dict[str, list[dict[str, Any]]] = {"changed": [], "new": [], "equal": []}
    for place, row in enumerate(rows):
        if place not in stored:
            kind = "new"
        elif row.value in stored[place]:
            kind = "equal"
        else:
            kind = "changed"
        setattr(difference, kind, getattr(difference, kind) + 1)
        if len(shown[kind]) < SHOWN:
            shown[kind].append(_shown(row, kind, names, stored.get(place, ())))
    return difference, [*shown["changed"], *shown["new"], *shown["equal"]][:SHOWN]


def _stored(rows: Sequence[CopyRow]) -> dict[int, list[Any]]:
    """Values of the same device, metric and time, by the place of the row."""
    columns = [
        numbers(row.device_id for row in rows),
        texts(row.metric for row in rows),
        numbers(row.time for row in rows),
    ]
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for position, *values in ask(_FIND, columns).rows():
        found[position - 1].append(next((value for value in values if value is not None), None))
    return found


def _shown(
    row: CopyRow, kind: str, names: Mapping[int, str], stored: Sequence[Any]
) -> dict[str, Any]:
    return {
        "device": names.get(row.device_id, ""),
        "metric": row.metric,
        "time": datetime.fromtimestamp(row.time / 1e6, UTC).isoformat(),
        "value": _value(row.value),
        "stored": [_value(value) for value in stored],
        "difference": kind,
    }


def _value(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value)[:SHOWN_TEXT].hex()
    if isinstance(value, str):
        return value[:SHOWN_TEXT]
    return value
