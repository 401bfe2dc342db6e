"""Kept messages parsed and stored, a bounded batch at a time, in the order in which they came."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

from mqtt_app.domain.dead_letters import parser_health as rules
from mqtt_app.domain.delivery.messages import Envelope
from mqtt_app.models import KeptMessage, KeptState, ParserHealth
from mqtt_app.services import accounting
from mqtt_app.services.accounting import AccountingTally, ParseFailure
from mqtt_app.services.dead_letters import parser_health, quarantine
from mqtt_app.services.dead_letters import rows as kept_rows
from mqtt_app.services.dead_letters.parser_health import Scope
from mqtt_app.services.ingest import admission, pipeline
from mqtt_app.services.ingest.closing import close
from mqtt_app.services.postgres.statements import Later
from mqtt_app.services.replay.sandbox import first_fatal

BATCH = 1_000  # messages parsed in one transaction
BATCH_BYTES = 8_388_608  # of their payloads


def drain(now: float) -> bool:
    """Parse and store the next batch that is due. Says whether there may be more. Raises
    django.db.Error.
    """
    return pipeline.commit(partial(_drain, datetime.fromtimestamp(now, UTC)))


def _drain(now: datetime, careful: bool) -> bool:
    rows = kept_rows.take_due(BATCH, BATCH_BYTES) if kept_rows.alone() else []
    if not rows:
        return False
    tally = AccountingTally()
    messages = kept_rows.envelopes(rows)
    fatal = first_fatal(messages)
    if fatal is not None:
        _put_aside(fatal, tally)
        return True
    context = admission.open_late(messages, now, careful=careful)
    for message in messages:
        if message.connection_id not in context.rules:
            tally.drop(message.site_id, "connection_deleted")
    present = [message for message in messages if message.connection_id in context.rules]
    _settle(rows, pipeline.process_again(present, context, tally, now), tally, now)
    close(tally, None, context.later)
    return True


def _put_aside(fatal: Envelope, tally: AccountingTally) -> None:
    """As a new message that kills its parser would be. The others come with the next batch."""
    KeptMessage.objects.filter(pk=fatal.packet_id).delete()
    tally.keep(fatal.site_id, -1, -len(fatal.payload))
    quarantine.put_aside(
        [fatal], "killed the process that parsed it, or kept it busy for ever", tally
    )
    close(tally, None, Later())


def _settle(
    rows: Sequence[KeptMessage],
    failures: Sequence[ParseFailure],
    tally: AccountingTally,
    now: datetime,
) -> None:
    """Those that failed again: each for itself, or, when most did, their parser does not work after
    all.
    """
    failed = {failure.message.packet_id: failure for failure in failures}
    unfit = _still_failing(rows, failed.keys())
    back = [
        row
        for row in rows
        if row.pk in failed and _scope(row) in unfit and row.state == KeptState.DUE
    ]
    back_ids = {row.pk for row in back}
    lost = [row for row in rows if row.pk in failed and row.pk not in back_ids]
    for row in rows:
        if row.pk not in back_ids:
            tally.keep(row.site_id, -1, -len(row.payload))
    for row in lost:
        tally.add(row.site_id, "failed")
    _move(back, KeptState.KEPT)
    _move(lost, KeptState.FAILED)
    KeptMessage.objects.filter(pk__in=[row.pk for row in rows if row.pk not in failed]).delete()
    accounting.log_failures([failed[row.pk] for row in lost])
    for scope, (count, total) in unfit.items():
        error = next(str(failed[row.pk].error) for row in back if _scope(row) == scope)
        _pause_again(scope, count, total, error, now)


def _still_failing(
    rows: Iterable[KeptMessage], failed: Collection[int]
) -> dict[Scope, tuple[int, int]]:
    """(failures, messages) of parsers that failed on most of what was due; too few prove nothing."""
    due = [row for row in rows if row.state == KeptState.DUE]
    totals, bad = Counter(map(_scope, due)), Counter(_scope(row) for row in due if row.pk in failed)
    few = parser_health.rule().few
    return {
        scope: (count, totals[scope])
        for scope, count in bad.items()
        if count >= few and not rules.passes(totals[scope] - count, count)
    }


def _move(rows: Sequence[KeptMessage], state: KeptState) -> None:
    for row in rows:
        row.state, row.tries = state, row.tries + 1
    KeptMessage.objects.bulk_update(rows, ("state", "tries"))


def _pause_again(scope: Scope, failed: int, total: int, error: str, now: datetime) -> None:
    site_id, name = scope
    row, _ = ParserHealth.objects.select_for_update().get_or_create(
        site_id=site_id, parser_name=name
    )
    if not row.is_paused:
        parser_health.pause(row, failed, total, error, now)
        row.save()


def _scope(row: KeptMessage) -> Scope:
    return row.site_id, row.parser_name
