"""Dead letters parsed and stored, a bounded batch at a time, in the order in which they came."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import msgspec

from mqtt_app.domain.accounting import Term
from mqtt_app.domain.dead_letters import parser_health as rules
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.models import DeadLetter, DeadLetterReason, DeadLetterState, ParserHealth
from mqtt_app.services import accounting
from mqtt_app.services.accounting import AccountingTally
from mqtt_app.services.dead_letters import parser_health
from mqtt_app.services.dead_letters import rows as letters
from mqtt_app.services.dead_letters.parser_health import Scope
from mqtt_app.services.dead_letters.parsing_log import ParseFailure, log_failures
from mqtt_app.services.ingest import pipeline
from mqtt_app.services.ingest.admission.claim import rules_for
from mqtt_app.services.ingest.announce import announce
from mqtt_app.services.ingest.devices.presence import change
from mqtt_app.services.ingest.run import Run
from mqtt_app.services.ingest.transaction import Done, StoreAttempt, commit
from mqtt_app.services.postgres.statements import send
from mqtt_app.services.replay import progress
from mqtt_app.services.replay.sandbox import first_fatal

BATCH = 1_000  # messages parsed in one transaction
BATCH_BYTES = 8_388_608  # of their payloads
FATAL = "killed the process that parsed it, or kept it busy for ever"


class FailedShare(msgspec.Struct, frozen=True):
    """How many of the messages that were due a parser failed on at a site."""

    failed: int
    total: int


def replay_next(now: float) -> bool:
    """Parse and store the next batch that is due. Gives whether there may be more. Raises
    django.db.Error.
    """
    return commit(partial(_replay, datetime.fromtimestamp(now, UTC)), believes=False)


def _replay(now: datetime, attempt: StoreAttempt) -> Done[bool]:
    if letters.alone():
        rows = letters.take_due(BATCH, BATCH_BYTES)
    else:
        rows = []
    if not rows:
        return Done(False)
    messages = letters.envelopes(rows)
    asked = {row.pk: row.asked_parser for row in rows if row.asked_parser}
    fatal = first_fatal(messages, asked)
    if fatal is not None:
        _bury(fatal, rows)
        return Done(True)
    run = Run(
        now=now,
        rules=rules_for(messages, now),
        memory=attempt.memory,
        is_replay=True,
        asked_parsers=asked,
    )
    for message in messages:
        if message.connection_id not in run.rules:
            run.tally.drop(message.site_id, "connection_deleted")
    present = [message for message in messages if message.connection_id in run.rules]
    pending = pipeline.parse_again(present, run, careful=attempt.careful)
    _judge(rows, run)
    progress.count(rows, run)
    send([*pending.queries, *accounting.queries(run.tally, None)])
    announce(run.take_tally())
    return Done(True, is_stale=not change(pending.marked, [], run))


def _bury(fatal: Envelope, rows: Sequence[DeadLetter]) -> None:
    """It rests as a new message that kills its parser would. The others come with the next batch."""
    tally = AccountingTally()
    DeadLetter.objects.filter(pk=fatal.packet_id).update(
        state=DeadLetterState.RESTING,
        reason=DeadLetterReason.UNSTORED,
        error=FATAL,
        operation_id=None,
        asked_parser="",
    )
    progress.count_fatal([row for row in rows if row.pk == fatal.packet_id], FATAL)
    tally.keep(fatal.site_id, -1, -len(fatal.payload))
    tally.add(fatal.site_id, Term.QUARANTINED)
    accounting.move(tally)
    announce(tally)


def _judge(rows: Sequence[DeadLetter], run: Run) -> None:
    """Those that failed again: each for itself, or, when most did, their parser does not work after
    all, and they go on waiting for it.
    """
    failed = {failure.message.packet_id: failure for failure in run.failures}
    trials = _failing(rows, failed.keys())
    back: list[DeadLetter] = []
    lost: list[DeadLetter] = []
    for row in rows:
        if row.pk in failed and _scope(row) in trials and row.state == DeadLetterState.DUE:
            back.append(row)
            continue
        run.tally.keep(row.site_id, -1, -len(row.payload))
        if row.pk in failed:
            run.tally.add(row.site_id, Term.FAILED)
            lost.append(row)
    _move(back, DeadLetterState.WAITING)
    _move(lost, DeadLetterState.RESTING)
    DeadLetter.objects.filter(pk__in=[row.pk for row in rows if row.pk not in failed]).delete()
    log_failures([failed[row.pk] for row in lost], run.memory.logged)
    _pause_again(trials, back, failed, run.now)


def _failing(rows: Iterable[DeadLetter], failed: Collection[int]) -> dict[Scope, FailedShare]:
    """Parsers that failed on most of what was due; too few prove nothing."""
    due = [row for row in rows if row.state == DeadLetterState.DUE]
    totals = Counter(map(_scope, due))
    bad = Counter(_scope(row) for row in due if row.pk in failed)
    few = parser_health.rule().few
    return {
        scope: FailedShare(number, totals[scope])
        for scope, number in bad.items()
        if number >= few and not rules.passes(totals[scope] - number, number)
    }


def _move(rows: Sequence[DeadLetter], state: DeadLetterState) -> None:
    for row in rows:
        row.state = state
        row.reason = DeadLetterReason.FAILED
        row.tries += 1
        row.asked_parser = ""
    DeadLetter.objects.bulk_update(rows, ("state", "reason", "tries", "asked_parser"))
    DeadLetter.objects.filter(pk__in=[row.pk for row in rows]).update(operation_id=None)


def _pause_again(
    trials: Mapping[Scope, FailedShare],
    back: Iterable[DeadLetter],
    failed: Mapping[int, ParseFailure],
    now: datetime,
) -> None:
    errors = {_scope(row): str(failed[row.pk].error) for row in back}
    for scope, trial in trials.items():
        site_id, name = scope
        row, _ = ParserHealth.objects.select_for_update().get_or_create(
            site_id=site_id, parser_name=name
        )
        if not row.is_paused:
            parser_health.pause(row, trial.failed, trial.total, errors[scope], now)
            row.save()


def _scope(row: DeadLetter) -> Scope:
    return row.site_id, row.parser_name
